"""Kind reading of a tester's answer: labels and values in the forms that models give them.

Labels may be bold, headings or list items, numbered, of other words ("Expected Output"); values are fenced blocks or
inline code. The last pair counts, and a corrected output replaces an earlier one. Plain text is never a value: where it
ends is a guess, and a misread test is worse than none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.prompts.answers import MAX_CHARACTERS, Rejected, RejectReason, UnitTest
from engine.prompts.kind_blocks import KindBlock, kind_blocks

_WORDS = (
    "the|my|a|new|final|correct|corrected|revised|updated|fixed|actual|unit|sample|expected|test|case|program|example"
    "|proposed|generated"
)
_LABEL = re.compile(
    r"^[ \t>]{0,16}(?:[-*+][ \t]+|\d{1,3}[.)][ \t]+)?(?P<heading>#{1,6}[ \t]{0,8})?(?P<bold>\*{1,3}|__)?[ \t]{0,8}"
    rf"(?P<words>(?:(?:{_WORDS})[ \t_-]+){{0,4}})"
    r"(?:std)?(?P<name>input|output|expected[ \t]+(?:result|answer)|explanation|reasoning|rationale)s?"
    r"(?:[ \t]{0,8}#?\d{1,3})?(?:[ \t]{0,8}\([^()\n]{0,40}\))?[ \t]{0,8}(?P<colon>[:：])?[ \t]{0,8}"
    r"(?P<closed>\*{1,3}|__)?(?:[ \t]{0,8}\([^()\n]{0,40}\))?[ \t]{0,8}(?P<late>[:：])?[ \t]{0,8}(?P<rest>[^\n]*)$",
    re.IGNORECASE | re.MULTILINE,
)
_OTHER_HEAD = re.compile(
    r"^[ \t]{0,3}(?:#{1,6}[ \t]+\S|\*\*[^*\n]{1,80}\*\*[:：]?[ \t]*$|\*\*[^*\n]{1,80}[:：]\*\*)", re.M
)
_INLINE = re.compile(r"(`{1,2})[ \t]?([^`\n]+?)[ \t]?\1[.,;]?")
_WRONG = re.compile(
    r"\b(?:buggy|incorrect(?:ly)?|wrong(?:ly)?|naive|faulty|mistaken|erroneous)\b[^.\n]{0,80}"
    r"\b(?:program|solution|code|implementation|approach|prints?|outputs?|gives?|returns?|answers?)\b"
    r"|\bwould (?:wrongly )?(?:print|output|give|return|produce)\b",
    re.IGNORECASE,
)
_CONCLUDES = re.compile(
    r"\b(?:so|hence|thus|therefore|then|now|final(?:ly)?|concrete(?:ly)?|actual(?:ly)?|real|correct(?:ed)?|wait|oops|instead"
    r"|should|use|choose|inputs?|outputs?|prints?|printed|gives?|yields?|results?|answers?|becomes?|tests?)\b",
    re.IGNORECASE,
)
_CORRECTS = re.compile(r"\b(?:wait|actually|oops|sorry|correction|corrected|mistake|should (?:be|have been))\b", re.I)
_STATES = re.compile(
    r"\b(?:correct(?:ed)?|right|actual|expected) (?:test )?output (?:is|should be|must be)[ \t]*:?[ \t]*"
    r"(?:`([^`\n]+)`|\"([^\"\n]+)\"|(-?\d+(?:\.\d+)?)\b)",
    re.IGNORECASE,
)
_LEAD = 300
_INPUT, _OUTPUT, _EXPLANATION, _OTHER = "input", "output", "explanation", "other"


@dataclass(frozen=True, slots=True)
class _Section:
    """A label and the text from it to the next one. is_test: the label speaks of a test."""

    name: str
    body: str
    is_test: bool = False


def find_unit_test(answer: str, finished: bool) -> UnitTest | Rejected:
    """Return the test in the text of an answer behind its thought."""
    sections = list(_sections(answer))
    if any(section.name == _INPUT and section.is_test for section in sections):
        sections = [section for section in sections if section.name != _INPUT or section.is_test]
    found = _last_pair(sections, finished) or _from_json(answer) or Rejected(RejectReason.NO_INPUT)
    if isinstance(found, Rejected):
        return found
    if not found.output.strip():
        return Rejected(RejectReason.EMPTY_OUTPUT)
    if max(len(found.input), len(found.output), len(found.explanation)) > MAX_CHARACTERS:
        return Rejected(RejectReason.TOO_LARGE)
    return found


def _sections(answer: str) -> Iterator[_Section]:
    blocks = [(block.start, block.end) for block in kind_blocks(answer) if block.closed]
    heads: list[tuple[int, int, str, bool]] = []
    for found in _LABEL.finditer(answer):
        rest, is_test = found["rest"], "test" in found["words"].lower()
        has_colon = bool(found["colon"] or found["late"])
        is_marked = bool(found["heading"] or found["bold"])
        ends_well = not rest or rest.startswith("`") or (has_colon and is_marked)
        if not ends_well or not (is_marked or has_colon):
            continue
        if not (is_marked and is_test) and _within(found.start(), blocks):
            continue
        name = found["name"].lower()
        if name not in (_INPUT, _OUTPUT):
            name = _OUTPUT if name.startswith("expected") else _EXPLANATION
        heads.append((found.start(), found.start("rest"), name, is_test))
    known = {start for start, *_ in heads}
    for found in _OTHER_HEAD.finditer(answer):
        if found.start() not in known and not _within(found.start(), blocks):
            heads.append((found.start(), found.end(), _OTHER, False))
    heads.sort()
    for place, (_, begin, name, is_test) in enumerate(heads):
        end = heads[place + 1][0] if place + 1 < len(heads) else len(answer)
        yield _Section(name, answer[begin:end], is_test)


def _within(position: int, spans: Sequence[tuple[int, int]]) -> bool:
    low, high = 0, len(spans)
    while low < high:
        middle = (low + high) // 2
        if spans[middle][1] <= position:
            low = middle + 1
        else:
            high = middle
    return low < len(spans) and spans[low][0] <= position


def _last_pair(sections: Sequence[_Section], finished: bool) -> UnitTest | Rejected | None:
    """Return the last complete pair with the explanation behind it; None without one."""
    test_input: str | Rejected | None = None
    found: UnitTest | Rejected | None = None
    for place, section in enumerate(sections):
        if section.name == _INPUT:
            test_input = _value(section.body, is_last=False)
        elif section.name == _OUTPUT and test_input is not None:
            output = _value(section.body, is_last=finished and place == len(sections) - 1)
            if isinstance(test_input, Rejected) or isinstance(output, Rejected):
                found = Rejected(RejectReason.AMBIGUOUS)
            elif output is not None:
                found = UnitTest(test_input, output, recovered=True)
        elif section.name == _EXPLANATION and isinstance(found, UnitTest):
            found = _corrected(UnitTest(found.input, found.output, section.body.strip(), recovered=True))
    return found


def _value(body: str, *, is_last: bool) -> str | Rejected | None:
    """Return the value in a section: its last block that is not said to be wrong, else one inline code.

    A block behind another needs words that lead to it ("so", "the corrected output"): otherwise either may be the
    value, and the other explain it. is_last: the answer ended here by itself, so that its last block needs no closing
    fence.
    """
    blocks = list(kind_blocks(body))
    if not blocks:
        lines = [line.strip() for line in body.split("\n") if line.strip()]
        inline = _INLINE.fullmatch(lines[0]) if lines else None
        return inline[2] if inline is not None and "\\n" not in inline[2] else None
    if not blocks[-1].closed and not is_last:
        return None
    values = [block for block in blocks if block.is_plain] or blocks
    right = [block for block in values if not _WRONG.search(block.lead[-_LEAD:])]
    if len({block.body for block in right}) > 1 and not _CONCLUDES.search(right[-1].lead[-_LEAD:]):
        return Rejected(RejectReason.AMBIGUOUS)
    return right[-1].body if right else None


def _corrected(test: UnitTest) -> UnitTest | Rejected:
    """Apply what an explanation corrects; reject a test whose output it contradicts."""
    output = test.output
    for block in _closed(test.explanation):
        lead = block.lead[-_LEAD:]
        if _CORRECTS.search(lead) and block.is_plain:
            if _WRONG.search(lead):
                return Rejected(RejectReason.AMBIGUOUS)
            output = block.body
    for stated in _STATES.finditer(test.explanation):
        value = next(filter(None, stated.groups()))
        if len(output.split("\n")) == 1 and value.split() != output.split():
            return Rejected(RejectReason.AMBIGUOUS)
    return UnitTest(test.input, output, test.explanation, recovered=True)


def _closed(text: str) -> Iterator[KindBlock]:
    return (block for block in kind_blocks(text) if block.closed)


_JSON_INPUT = ("input", "testinput", "stdin")
_JSON_OUTPUT = ("output", "testoutput", "expectedoutput", "stdout", "expected")


def _from_json(answer: str) -> UnitTest | None:
    """Return the test in the last JSON block, or in an answer that is nothing but JSON."""
    texts = [block.body for block in _closed(answer) if block.info in ("", "json")]
    for text in reversed([*texts[-4:], answer.strip()] if not texts else texts[-4:]):
        if len(text) > MAX_CHARACTERS or not text.lstrip().startswith(("{", "[")):
            continue
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and len(value) == 1:
            value = next(iter(value.values()))
        if isinstance(value, list) and value:
            value = value[-1]
        if isinstance(value, dict):
            named = {"".join(filter(str.isalpha, key.lower())): each for key, each in value.items()}
            test_input, output = (_first_text(named, names) for names in (_JSON_INPUT, _JSON_OUTPUT))
            if test_input is not None and output is not None:
                return UnitTest(test_input, output, str(named.get("explanation", "")), recovered=True)
    return None


def _first_text(values: dict[str, object], names: Sequence[str]) -> str | None:
    value = next((values[name] for name in names if name in values), None)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else None
