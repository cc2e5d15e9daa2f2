"""Examples of a document: inputs paired with their outputs, and sentences about those that were lost on the way.

A misread example is worse than a lost one: what is not sure is left out, and said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from engine.problems.problem import IOExample
from engine.problems.statement.data import Datum, datum
from engine.problems.statement.labels import announces_example
from engine.problems.statement.sections import Section, Text
from engine.problems.statement.tables import TableReading, read_table, with_heads
from engine.problems.statement.tree import Code, Document, Span, Table

_MINUS = re.compile(r"(?<![^\s,;(\[])\u2212(?=\d)")
"""Minus of typesetters before a number: a judge's data has a hyphen there."""

_INSIDE = ("input", "output", "explanation", "example")
"""Labels that do not end a part with examples."""


@dataclass(frozen=True, slots=True)
class Found:
    """Examples in order, and the sentences of doubt."""

    examples: tuple[IOExample, ...]
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Slot:
    """Input or output with its data. name: its label, as sentences quote it.

    number: that of its label, else that of the example it belongs to; is_numbered: it is the label's.
    """

    kind: str
    number: int | None
    is_numbered: bool
    datum: Datum
    name: str


@dataclass(slots=True)
class _Search:
    """State of the walk over the sections."""

    pairs: list[tuple[IOExample, bool]] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    slots: list[_Slot] = field(default_factory=list)


def find_examples(parts: Sequence[Section], document: Document) -> Found:
    """Find the examples of a document's sections."""
    search = _Search()
    in_examples, level, number = False, 7, None
    numbered: set[int] = set()
    for place, section in enumerate(parts):
        kind = section.kind
        if kind == "example":
            assert section.label is not None
            in_examples, number = True, section.label.number
            level = min(section.level, level)
            if number is not None:
                numbered.add(number)
            _close(search)
        elif kind not in _INSIDE and (kind or section.level <= level) and place:
            in_examples, number, level = False, None, 7
            _close(search)
        if kind in ("input", "output"):
            assert section.label is not None
            if kind == "input" and search.slots and search.slots[-1].kind == "output":
                _close(search)
            data = datum(section, document, in_examples=in_examples)
            own = section.label.number
            search.slots.append(_Slot(kind, number if own is None else own, own is not None, data, section.heading))
        is_about_examples = in_examples or bool(section.label and section.label.is_example)
        if kind != "explanation":
            search.doubts += _unread_labels(section)
        heads: Table | None = None
        for item in section.items:
            if isinstance(item, Table) and heads is not None:
                item = with_heads(item, heads)
            if isinstance(item, Table) and kind != "explanation":
                reading = read_table(item, in_examples=is_about_examples and kind == "example")
                heads = item if reading.examples else None
                if reading.is_open:
                    reading = _below_heads(section, item)
                search.pairs += [(example, True) for example in reading.examples]
                search.doubts += [f"a table below '{section.heading}' {reading.why}"] if reading.why else []
            elif not isinstance(item, Table):
                heads = None
            if isinstance(item, Code) and kind == "example" and section.level < 8:
                search.doubts.append(f"a block below '{section.heading}' is labelled neither input nor output")
    _close(search)
    return _chosen(search, numbered)


def _unread_labels(section: Section) -> list[str]:
    """Quote lines above blocks that begin as labels of samples do, and go on otherwise."""
    heading = Text((Span(section.heading),), 0)
    return [
        f"'{above.plain}' is not understood: its block is left out"
        for above, below in pairwise((heading, *section.items))
        if isinstance(above, Text) and isinstance(below, Code) and announces_example(above.line)
    ]


def _chosen(search: _Search, numbered: set[int]) -> Found:
    has_sure = any(is_sure for _, is_sure in search.pairs)
    examples: list[IOExample] = []
    for example, is_sure in search.pairs:
        texts = (
            "\n".join(line.rstrip() or line for line in text.split("\n")) for text in (example.input, example.output)
        )
        example = IOExample(*(_MINUS.sub("-", text) for text in texts))
        if (is_sure or not has_sure) and example not in examples:
            examples.append(example)
    if examples and all(text.endswith("\n\n") for each in examples for text in (each.input, each.output)):
        examples = [IOExample(each.input[:-1], each.output[:-1]) for each in examples]  # a blank line is the layout
    doubts = list(dict.fromkeys(search.doubts))
    if len(numbered) > len(examples) and not doubts:
        doubts.append(f"the text numbers {len(numbered)} examples, of which {len(examples)} were understood")
    if has_sure and not all(is_sure for _, is_sure in search.pairs):
        doubts.append("blocks below plain labels may be formats: left out beside the examples")
    return Found(tuple(examples), tuple(doubts))


def _below_heads(section: Section, table: Table) -> TableReading:
    """Read two code blocks below the heads of a table whose row they broke."""
    below = section.items[section.items.index(table) + 1 :]
    ends = next((place for place, item in enumerate(below) if isinstance(item, Table)), len(below))
    codes = [item for item in below[:ends] if isinstance(item, Code)]
    others = [item.plain for item in below[:ends] if isinstance(item, Text)]
    if len(codes) == 2 and all(text.strip(" |") == "" for text in others[:2]):
        return TableReading((IOExample(codes[0].text, codes[1].text),))
    return TableReading(why="has no row below its heads")


def _close(search: _Search) -> None:
    """Pair the inputs gathered with the outputs gathered: by their numbers, else in order."""
    slots, search.slots = search.slots, []
    numbered = {(slot.kind, slot.number): slot for slot in reversed(slots) if slot.is_numbered}
    slots = [slot for slot in slots if slot.datum.texts or slot.datum.why]
    # A second fence `output1` is a picture for the explanation.
    slots = [slot for slot in slots if not slot.is_numbered or numbered[slot.kind, slot.number] is slot]
    inputs = [slot for slot in slots if slot.kind == "input"]
    outputs = [slot for slot in slots if slot.kind == "output"]
    for slot in slots:
        if not slot.datum.texts:
            search.doubts.append(f"'{slot.name}' {slot.datum.why}: its example is left out")
    if not inputs or not outputs:
        search.doubts += [f"'{slot.name}' has no {_other(slot)}: left out" for slot in slots if slot.datum.texts]
        return
    numbers = [[slot.number for slot in side] for side in (inputs, outputs)]
    if len(set(numbers[0])) == len(inputs) > 1 and sorted(map(str, numbers[0])) == sorted(map(str, numbers[1])):
        outputs.sort(key=lambda slot: numbers[0].index(slot.number))
    elif len(inputs) != len(outputs):
        search.doubts.append(f"{len(inputs)} inputs and {len(outputs)} outputs from '{slots[0].name}' on: left out")
        return
    for given, wanted in zip(inputs, outputs, strict=True):
        _pair(search, given, wanted)


def _pair(search: _Search, given: _Slot, wanted: _Slot) -> None:
    if None not in (given.number, wanted.number) and given.number != wanted.number:
        search.doubts.append(f"'{given.name}' and '{wanted.name}' differ in number: left out")
        return
    inputs, outputs = given.datum.texts, wanted.datum.texts
    if not inputs or not outputs:
        return
    if len(inputs) != len(outputs) and len(inputs) == 1:
        outputs = outputs[:1]
    if len(inputs) != len(outputs):
        search.doubts.append(f"'{given.name}' has {len(inputs)} blocks, '{wanted.name}' {len(outputs)}: left out")
        return
    is_sure = not (given.datum.is_weak or wanted.datum.is_weak)
    search.pairs += [(IOExample(a, b), is_sure) for a, b in zip(inputs, outputs, strict=True)]


def _other(slot: _Slot) -> str:
    return "output" if slot.kind == "input" else "input"
