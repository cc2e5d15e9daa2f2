"""Limits of time and memory, as statements write them: `time limit per test: 2 seconds`, `시간 제한 | 2 초`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from engine.problems.statement.labels import Label, label, normal, phrases, words
from engine.problems.statement.sections import Section, Text
from engine.problems.statement.tables import cell_label
from engine.problems.statement.tree import Block, Paragraph, Span, Table, plain

LONGEST_SECONDS = 600.0
_LONGEST_TEXT = 400
"""Characters in which a quantity is looked for: the time of the search grows with their square."""
_LIMITS = {"time_limit": "seconds", "memory_limit": "megabytes"}
_NAMES = {"time_limit": "time limit", "memory_limit": "memory limit"}


_SAYS = re.compile(r"\W*(?:is|of|are|per test|составляет|es de|est de|betragt)?\s*[:=—-]?\s*\d")


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits found in a text: seconds per test, megabytes; None where it names none. doubts: sentences."""

    seconds: float | None = None
    megabytes: float | None = None
    doubts: tuple[str, ...] = ()


def find_limits(parts: Sequence[Section]) -> Limits:
    """Read the limits that a document's lines and tables name."""
    found: dict[str, float] = {}
    doubts: list[str] = []
    for kind, text in _statements(parts):
        if kind in found:
            continue
        values = quantities(text, _LIMITS[kind])
        if not values:
            if re.search(r"\d", text):
                doubts.append(f"the {_NAMES[kind]} '{_quoted(text)}' is not understood")
            continue
        value = max(values)
        if len(set(values)) > 1:
            doubts.append(f"the {_NAMES[kind]} '{_quoted(text)}' names several: the longest counts")
        if not 0 < value <= (LONGEST_SECONDS if kind == "time_limit" else 1e7):
            doubts.append(f"the {_NAMES[kind]} '{_quoted(text)}' is not used")
            continue
        found[kind] = value
    return Limits(found.get("time_limit"), found.get("memory_limit"), tuple(dict.fromkeys(doubts)))


def _quoted(text: str) -> str:
    """Return the beginning of a text in whole words."""
    text = " ".join(text.split()).strip(" :：=")
    return text if len(text) <= 40 else text[:40].rpartition(" ")[0] or text[:40]


def quantities(text: str, dimension: str) -> list[float]:
    """Return the quantities of a text in seconds or megabytes, without those in brackets."""
    text = re.sub(r"\([^()]*\)", " ", normal(text[:_LONGEST_TEXT]))
    found = []
    for match in _quantity(dimension).finditer(text):
        factor = _factors(dimension)[match["unit"]]
        found += [float(number.replace(",", ".")) * factor for number in re.split(r"\s*[/-]\s*", match["numbers"])]
    return [round(value, 6) for value in found]


@cache
def _factors(dimension: str) -> dict[str, float]:
    return {normal(unit): float(factor) for factor, units in words()["units"][dimension].items() for unit in units}


@cache
def _quantity(dimension: str) -> re.Pattern[str]:
    units = "|".join(map(re.escape, sorted(_factors(dimension), key=len, reverse=True)))
    number = r"\d+(?:[.,]\d+)?"
    return re.compile(rf"(?P<numbers>{number}(?:\s*[/-]\s*{number})*)\s*(?P<unit>{units})(?![a-z\u0430-\u044f])")


@cache
def _named(kind: str) -> re.Pattern[str]:
    names = "|".join(
        re.escape(word)
        for word in sorted(phrases(kind), key=len, reverse=True)
        if " " in word or len(word) > 7 or not word.isascii()
    )
    return re.compile(rf"(?:^|[^\w])(?:{names})")


def _statements(parts: Iterable[Section]) -> Iterator[tuple[str, str]]:
    """Yield each kind of limit with the text that should hold its quantity."""
    for section in parts:
        texts = [item.plain for item in section.items if isinstance(item, Text)]
        if section.kind in _LIMITS:
            assert section.label is not None
            yield section.kind, plain(section.label.value) if section.label.value else " ".join(texts[:1])
        for above, below in pairwise(texts):
            if "\t" in above and "\t" in below:  # rows of a table that was copied as text
                yield from _in_rows(
                    [[(label((Span(cell),)), cell) for cell in row.split("\t")] for row in (above, below)]
                )
        for text in (*([section.heading] if section.level < 8 else []), *texts):
            yield from _in_line(text)
        for item in section.items:
            if isinstance(item, Table):
                yield from _in_table(item)


def _in_line(text: str) -> Iterator[tuple[str, str]]:
    """Find `Time Limit: 2 sec / Memory Limit: 1024 MB` and `time limit per test1 second` in a line."""
    if len(text) > _LONGEST_TEXT or not re.search(r"\d", text):
        return
    folded = normal(text)
    places = sorted((m.end(), m.start(), kind) for kind in _LIMITS for m in _named(kind).finditer(folded))
    for number, (end, start, kind) in enumerate(places):
        if start and not _SAYS.match(folded, end):  # "the time limit of the pot"
            continue
        yield kind, folded[end : places[number + 1][1] if number + 1 < len(places) else end + 60]


def _in_table(table: Table) -> Iterator[tuple[str, str]]:
    return _in_rows([[(cell_label(cell), _text(cell)) for cell in row] for row in table.rows])


def _in_rows(rows: Sequence[Sequence[tuple[Label | None, str]]]) -> Iterator[tuple[str, str]]:
    """Look for quantities beside a label, else below it."""
    for number, row in enumerate(rows):
        for place, (named, _) in enumerate(row):
            if named is None or named.kind not in _LIMITS:
                continue
            below = rows[number + 1] if number + 1 < len(rows) else ()
            beside = row[place + 1][1] if place + 1 < len(row) else ""
            under = below[place][1] if place < len(below) else ""
            yield named.kind, beside if re.search(r"\d", beside) else under


def _text(cell: Sequence[Block]) -> str:
    return " ".join(plain(line) for block in cell if isinstance(block, Paragraph) for line in block.lines)
