"""Labels of a statement: lines such as `Sample Input 1`, `**Output:** 7` or `입력 예제`, in nine languages."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from engine.problems.statement.tree import Line, Span, plain

_LONGEST = 70
_LETTERS = "a-z\u00df-\u024f\u0400-\u04ff"
_GAP = re.compile(r"[\W_]+")
_JOINT = re.compile("[ _-]+")
_NUMBER = re.compile(r"\d{1,3}(?!\d)")
_REMARK = re.compile(
    r"(?P<head>[^(（–—]{4,40}?)\s*(?:[(（][^()（）]*[^\W\d_]{2}[^()（）]*[)）]\s*[:：]?|\s[-–—]\s+[^\d\W][^\d]*)"
)
_COLON = re.compile(r"[:：]")
_ROLES = (
    "input", "output", "both", "example", "example_input", "example_output", "explanation", "note", "constraints",
    "time_limit", "memory_limit", "signature", "interaction", "format", "statement", "solution", "button",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Label:
    """Label of a section. kind: a role of labels.toml.

    is_example: it speaks of examples. value: the line after its colon, None where nothing follows.
    """

    kind: str
    is_example: bool = False
    number: int | None = None
    value: Line | None = None


@cache
def words() -> dict[str, Any]:
    """Return the contents of labels.toml."""
    return tomllib.loads(Path(__file__).with_name("labels.toml").read_text(encoding="utf-8"))


@cache
def phrases(role: str) -> frozenset[str]:
    """Return the words of a role in all languages, normalised."""
    return frozenset(normal(word) for language in words()[role].values() for word in language)


def normal(text: str) -> str:
    """Fold case, width, accents and blanks."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    if not folded.isascii():
        folded = unicodedata.normalize("NFC", re.sub("[\u0300-\u036f]", "", folded))
    return " ".join(folded.split())


def label(line: Line) -> Label | None:
    """Return the label that a line consists of, or begins with; None without one."""
    text = plain(line)
    if not text or text[0] == "`":
        return None
    colon = _COLON.search(text[: _LONGEST + 1])
    if colon is not None:
        head, value = text[: colon.start()], _after(line, text, colon.end())
        found = _of_words(head)
        has_value = bool(value) and bool(plain(value))
        if found is not None and not (found.kind == "statement" and has_value):  # "Problem A: Two Wells" is a title
            return Label(found.kind, found.is_example, found.number, value if has_value else None)
    if len(text) <= _LONGEST:
        found = _of_words(text) or _with_remark(text)
        if found is not None:
            return found
    bold = line[1] if len(line) > 2 and line[0].kind == "mark" else line[0]
    if bold.kind == "bold" and len(bold.text) < len(text):
        found = _of_words(bold.text)
        value = _after(line, text, text.index(bold.text.strip()) + len(bold.text.strip()))
        if found is not None and found.kind in ("input", "output", "explanation"):
            return Label(found.kind, found.is_example, found.number, value)
    return None


def _with_remark(text: str) -> Label | None:
    """Return the label of a sample's input or output with a remark behind it: `Sample Input 2 (the largest)`."""
    parts = _REMARK.fullmatch(text)
    found = _of_words(parts["head"]) if parts else None
    return found if found is not None and found.is_example and found.kind in ("input", "output") else None


def announces_example(line: Line) -> bool:
    """Tell whether a line that is no label begins with one of a sample: `Sample Input for the second part`."""
    text = plain(line)
    if len(text) > _LONGEST or label(line) is not None:
        return False
    ends = [found.end() for found in re.finditer(r"\S+", text)][1:4]
    heads = (_of_words(text[:end]) for end in ends)
    return any(head is not None and head.is_example and head.kind in ("input", "output") for head in heads)


def value_text(value: Line) -> tuple[str, bool] | None:
    """Return the text of a label's value, and whether it is inline code; None where it has several parts of code."""
    first, last = 0, len(value)
    while first < last and not value[first].text.strip():
        first += 1
    while first < last and not value[last - 1].text.strip():
        last -= 1
    while last - first > 1 and value[first].kind == "mark" and value[first] == value[last - 1]:
        first, last = first + 1, last - 1
    spans = list(value[first:last])
    marks = Counter(span.text for span in spans if span.kind == "mark")
    codes = [span for span in spans if span.kind == "code"]
    if codes and (len(codes) > 1 or len(spans) > 1):
        return None
    if any(count % 2 for count in marks.values()):
        spans = [span for span in spans if span.kind != "mark"]
    text = "".join(span.text for span in spans)
    return (text, True) if codes else (text.strip(), False)


def _after(line: Line, text: str, start: int) -> Line:
    """Cut the first `start` characters of a line's plain text off; marks of emphasis that lie before go, too."""
    whole = "".join(span.text for span in line if span.kind != "mark")
    start += len(whole) - len(whole.lstrip())
    spans: list[Span] = []
    passed = 0
    open_marks: list[str] = []
    for span in line:
        if span.kind == "mark":
            if passed < start:
                open_marks = [*open_marks, span.text] if span.text not in open_marks else [*open_marks[:-1]]
            elif span.text in open_marks:
                open_marks.remove(span.text)
            else:
                spans.append(span)
            continue
        if passed + len(span.text) > start:
            spans.append(Span(span.text[max(0, start - passed) :], span.kind))
        passed += len(span.text)
    return tuple(spans)


@cache
def _vocabulary() -> tuple[re.Pattern[str], dict[str, str]]:
    """Return a pattern of all words, the longest first, and the role of each."""
    roles: dict[str, str] = {}
    for role in (*_ROLES, "filler"):
        for word in phrases(role):
            roles.setdefault(_JOINT.sub(" ", word), role)
    patterns = (
        "[ _-]+".join(map(re.escape, word.split()))
        + (f"(?![{_LETTERS}])" if re.match(f"[{_LETTERS}]", word[-1]) else "")
        for word in sorted(roles, key=len, reverse=True)
    )
    return re.compile("|".join(patterns)), roles


@lru_cache(4096)
def _of_words(text: str) -> Label | None:
    """Return the label if a text consists of words of labels, numbers and signs."""
    text = normal(text)
    vocabulary, role_of = _vocabulary()
    roles: list[str] = []
    numbers: list[int] = []
    at = 0
    while at < len(text):
        gap = _GAP.match(text, at)
        word = vocabulary.match(text, at)
        number = _NUMBER.match(text, at)
        if word:
            roles.append(role_of[_JOINT.sub(" ", word[0])])
            at = word.end()
        elif number:
            numbers += [int(number[0])] if roles else []
            at = number.end()
        elif gap:
            at = gap.end()
        else:
            return None
    if len(numbers) > 1 or not roles:
        return None
    return _label_of(roles, numbers[0] if numbers else None)


def _label_of(roles: list[str], number: int | None) -> Label | None:
    found = set(roles) - {"filler"}
    if found <= {"button"}:
        return Label("button") if found and number is None else None
    is_example = not found.isdisjoint(("example", "example_input", "example_output"))
    if found & {"example_input", "example_output"}:
        found |= {"example", *(role.removeprefix("example_") for role in found)}
    for kind in ("solution", "interaction", "time_limit", "memory_limit", "explanation", "signature"):
        if kind in found and not (kind == "solution" and is_example):
            return None if kind.endswith("_limit") and number is not None else Label(kind, is_example, number)
    if "format" in found:
        return Label("format")
    kinds = [role.removeprefix("example_") for role in roles if role.endswith(("input", "output"))]
    if "both" in found or {"input", "output"} <= found:
        if kinds[:1] == ["output"] and is_example:  # "Output for the Sample Input 1"
            return Label("output", True, number)
        return Label("example", True, number) if is_example else Label("format")
    for kind in ("input", "output", "constraints", "note", "example", "statement"):
        if kind in found:
            return Label(kind, is_example, number)
    return None
