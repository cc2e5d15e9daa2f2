"""Sections of a document: each label with what follows it, down to the next one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from engine.problems.statement.labels import Label, label
from engine.problems.statement.tree import Block, Code, Document, Heading, Line, List, Paragraph, Span, Table, plain

_INFO = re.compile(
    r"(?:(?:sample|example|test)s?[-_ ]?)?(?P<kind>in|out|input|output|stdin|stdout)[-_ ]?(?P<number>\d*)\b"
)
_JOINT = re.compile(r"(?:\s*[,;|.]|\s+(?:[-=]*>|[-–—→⇒⟶➜➔]))*\s*$")
"""Signs between two labels of a line."""

_LONGEST_VALUE = 2000
_MAY_BE_TITLES = ("example", "explanation", "note", "constraints", "format", "statement")
_INNER = ("input", "output", "explanation", "note", "example")


@dataclass(frozen=True, slots=True)
class Text:
    """Line of prose. paragraph: number of its paragraph; at: its line in the source, or None."""

    line: Line
    paragraph: int
    at: int | None = None

    @property
    def plain(self) -> str:
        return plain(self.line)


Item: TypeAlias = Text | Code | Table


@dataclass(slots=True)
class Section:
    """Label or heading, and the items below it. level: of the heading, 7 for a label in a text, 8 inside a code block.

    heading: its text. paragraph: its number. end: line of the source at which its items end.
    is_mixed: it labels a block with labels of its own, which contradict those around it.
    """

    label: Label | None
    level: int
    heading: str
    paragraph: int = 0
    items: list[Item] = field(default_factory=list)
    start: int | None = None
    end: int | None = None
    is_mixed: bool = False

    @property
    def kind(self) -> str:
        return self.label.kind if self.label else ""


def sections(document: Document, blocks: Sequence[Block]) -> list[Section]:
    """Split blocks at headings and labels."""
    found = [Section(None, 7, "")]
    title = _title(blocks)
    for item, level in _items(blocks):
        if isinstance(item, Text) and title is not None and item.line is title.line:
            found.append(Section(None, level, item.plain, item.paragraph))
        elif isinstance(item, Code):
            _add_code(found, item)
        elif isinstance(item, Table):
            found[-1].items.append(item)
        else:
            _add_text(found, item, level)
    return _without_contradictions(found)


def _title(blocks: Sequence[Block]) -> Heading | None:
    """Return the heading that a text begins with and all others are below; it may be a word of labels: `# Notes`."""
    first = blocks[0] if blocks else None
    levels = [block.level for block in blocks if isinstance(block, Heading)]
    if not isinstance(first, Heading) or first.level > 1 or levels.count(1) > 1:
        return None
    named = label(first.line)
    return first if named is None or named.kind in _MAY_BE_TITLES else None


def _without_contradictions(found: Sequence[Section]) -> list[Section]:
    """Drop the labels inside the block of a sample input that a sample output follows: they may be its data."""
    kept: list[Section] = []
    at = 0
    while at < len(found):
        section = found[at]
        kept.append(section)
        at += 1
        end = at
        while end < len(found) and found[end].level == 8:
            end += 1
        has_output = any(inner.kind == "output" for inner in found[at:end])
        is_bare = section.kind == "input" and section.label is not None and section.label.is_example
        if not (has_output and is_bare and section.label and section.label.value is None and not section.items):
            continue
        after = next((part for part in found[end:] if part.kind in ("input", "output", "example")), None)
        if after is not None and after.kind == "output" and after.label and after.label.is_example:
            section.is_mixed = True
            at = end
    return kept


def _add_text(found: list[Section], text: Text, level: int) -> None:
    named = label(text.line)
    if named is not None and named.kind == "button":
        return
    if named is None and not (level and re.search(r"[^\W_]", text.plain)):
        found[-1].items.append(text)
        return
    found[-1].end = text.at
    start = None if text.at is None else text.at + 1
    found.append(Section(named, level or 7, text.plain, text.paragraph, start=start))
    inner = label(named.value) if named is not None and named.value and named.kind == "example" else None
    if named is not None and inner is not None:  # "Example 1: Input: 3 4"
        found[-1].label = Label("example", True, named.number)
        found.append(Section(inner, 7, text.plain))
    elif named is not None and named.value is not None and named.kind in ("input", "output"):
        parts = _two_labels(named.value)
        if parts is not None:
            found[-1].label = Label(named.kind, named.is_example, named.number, parts[0])
            found.append(Section(parts[1], 7, text.plain))


def _two_labels(value: Line) -> tuple[Line, Label] | None:
    """Split `3 4, Output: 7` at its second label."""
    text = plain(value)
    for colon in list(re.finditer("[:：]", text[:_LONGEST_VALUE]))[:20]:
        words = list(re.finditer(r"\S+", text[: colon.start()]))[-3:]
        for word in words:
            named = label((Span(text[word.start() :]),))
            is_other = named is not None and named.kind in ("output", "explanation") and named.value is not None
            if named is not None and is_other and word.start() and word[0][0].isalpha():
                return (Span(_JOINT.sub("", text[: word.start()])),), named
    return None


def _add_code(found: list[Section], code: Code) -> None:
    info = _INFO.match(code.info.lower())
    if info:
        kind = "input" if "in" in info["kind"] else "output"
        number = int(info["number"]) if info["number"] else None
        here = found[-1]
        is_labelled = here.kind == kind and not any(isinstance(item, Code) for item in here.items)
        if not is_labelled or (number is not None and here.label and here.label.number != number and here.label.number):
            found.append(Section(Label(kind, True, number), 7, code.info))
        elif number is not None and here.label and here.label.number is None:
            here.label = Label(kind, True, number, here.label.value)
        found[-1].items.append(code)
        if not is_labelled:
            found.append(Section(Label("explanation"), 7, ""))
        return
    inner = _inner_sections(code, found[-1])
    if not inner:
        found[-1].items.append(code)
        return
    found += [*inner, Section(Label("explanation"), 7, "")]


def _inner_sections(code: Code, outer: Section) -> list[Section]:
    """Split a code block that holds a whole example with its labels, or one part of it with its label."""
    lines = code.text.rstrip("\n").split("\n")
    first = next((line for line in lines if line.strip()), "")
    opening = _inner_label(first, is_first=True)
    if opening is None or opening.kind not in ("input", "output", "example"):
        return []
    if opening.kind == "output" and outer.kind == "output":  # a program that prints "Output: ..."
        return []
    found = [Section(Label("example", True), 8, "")]
    for line in lines:
        named = _inner_label(line, is_first=line is first)
        if named is None:
            found[-1].items.append(Text((Span(line),), 0))
        else:
            found.append(Section(named, 8, line.strip()))
            parts = _two_labels(named.value) if named.value and named.kind == "input" else None
            if parts is not None:
                found[-1].label = Label("input", named.is_example, named.number, parts[0])
                found.append(Section(parts[1], 8, line.strip()))
    kinds = [section.kind for section in found]
    return found if opening.value or {"input", "output"} <= set(kinds) else []


def _inner_label(line: str, *, is_first: bool) -> Label | None:
    named = label((Span(line.strip()),)) if line.strip() else None
    if named is None or named.kind not in _INNER:
        return None
    has_colon = re.search("[:：]", line) is not None
    if named.kind in ("note", "example") and not (has_colon or is_first):
        return None
    return named


def _items(blocks: Sequence[Block]) -> Iterator[tuple[Item, int]]:
    """Yield the lines, code blocks and tables of a tree in order, each with its heading's level, 0 for none."""
    paragraph = 0
    stack = list(reversed(blocks))
    while stack:
        block = stack.pop()
        paragraph += 1
        match block:
            case Heading():
                yield Text(block.line, paragraph, block.at[0] if block.at else None), block.level
            case Paragraph():
                has_lines = block.at is not None and block.at[1] - block.at[0] == len(block.lines)
                for number, line in enumerate(block.lines):
                    yield Text(line, paragraph, block.at[0] + number if block.at and has_lines else None), 0
            case List():
                stack += [inner for item in reversed(block.items) for inner in reversed(item)]
            case _:
                yield block, 0
