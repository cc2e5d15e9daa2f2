"""Fenced blocks as careless models write them: the lenient counterpart of `fences.fenced_blocks`.

Also read here: ~~~ fences, fences behind a list marker, text or a special token behind a closing fence, tags such as
`Python3`, `python:main.py` and `main.py`, closing fences of any indentation, blocks that only the next one ends. A
fence inside a docstring does not end a program: a Python block ends at the first fence where what it holds compiles.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from engine.prompts.source_look import MOST_CHARACTERS, look_at

_OPENING = re.compile(
    r"(?P<before>[ \t]*(?:(?:[-*+]|\d{1,3}[.)])[ \t]+)?|[^`~]*:[ \t*]*)(?P<fence>`{3,}|~{3,})(?P<info>[^`]*)$"
)
_ONE_LINE = re.compile(r"[ \t]*(?P<fence>`{3,})[ \t]*(?P<body>[^`]+)(?P=fence)[ \t]*$")
_PYTHON = re.compile(r"\{?[ .]*(?:i?python|pypy|py)[\d.]*(?![\w-])|\S+\.py\b", re.IGNORECASE)
_LANGUAGE = re.compile(r"[ \t]*\{?\.?[\w+#.-]+\}?(?:[ \t]+\w+=\S*)?[ \t]*$")
_SLACK = 3
"""Columns by which a closing fence may be indented more than its opening, unless the block compiles."""
_MOST_ENDS = 8
"""Fences tried as the end of one Python block: a docstring holds few."""
_PATIENCE = 16
"""Python blocks of an answer whose end is sought by compiling: more are no answer, and compiling takes time."""


@dataclass(frozen=True, slots=True)
class KindBlock:
    """Fenced block with its span in the text, fences included; `lead`: the text between it and the block before."""

    info: str
    body: str
    closed: bool
    start: int
    end: int
    lead: str

    @property
    def is_python(self) -> bool:
        return _PYTHON.match(self.info) is not None

    @property
    def is_plain(self) -> bool:
        """Tell whether the tag names no programming language."""
        return self.info.split(" ")[0].lower() in _PLAIN


_PLAIN = frozenset({"", "text", "txt", "plain", "plaintext", "code", "input", "output", "stdin", "stdout", "console"})


def kind_blocks(text: str) -> Iterator[KindBlock]:
    """Yield the blocks of `text`, whose newlines are "\\n", in order, closed or not. Linear in any text."""
    lines = text.split("\n")
    offsets = [0]
    for line in lines:
        offsets.append(offsets[-1] + len(line) + 1)
    place = after = pythons = 0
    while place < len(lines):
        line = lines[place]
        if "```" not in line and "~~~" not in line:
            place += 1
        elif one := _ONE_LINE.match(line):
            language, body = _tag_and_body(one["body"])
            lead = text[after : offsets[place]]
            after = min(offsets[place + 1], len(text))
            yield KindBlock(language, body, True, offsets[place], after, lead)
            place += 1
        elif opening := _OPENING.match(line):
            is_python = _PYTHON.match(opening["info"].strip()) is not None
            pythons += is_python
            body, closed, following = _rest_of_block(lines, place, opening, is_python, pythons <= _PATIENCE)
            lead, start = text[after : offsets[place]], offsets[place]
            after = min(offsets[following], len(text))
            yield KindBlock(opening["info"].strip().lower(), body, closed, start, after, lead)
            place = following
        else:
            place += 1


def mended(body: str) -> str:
    """Return a program without what keeps it from running: a tag in its first line, common indentation, odd blanks."""
    if len(body) > MOST_CHARACTERS:  # whatever is done to it, nothing looks at it
        return body
    tag, _, rest = body.lstrip("\n").partition("\n")
    if tag.strip().lower() in ("python", "python3", "py"):
        body = rest
    if look_at(body) is None:
        for other in (textwrap.dedent(body), textwrap.dedent(body.replace("\u00a0", " "))):
            if look_at(other) is not None:
                return other
    return body


def _rest_of_block(
    lines: list[str], place: int, opening: re.Match[str], is_python: bool, is_patient: bool
) -> tuple[str, bool, int]:
    """Return (body, closed, first line behind the block)."""
    fence = opening["fence"]
    is_at_start = not opening["before"].rstrip().endswith(":")
    indent = len(opening["before"]) if is_at_start else 0
    fallback: tuple[str, bool, int] | None = None
    tried, body = 0, list[str]()
    for number in range(place + 1, len(lines)):
        line = lines[number]
        ends = _ends(line, fence, is_python) if fence in line else ""
        if ends:
            is_near = len(line) - len(line.lstrip(" \t")) <= indent + _SLACK
            held = "\n".join(body)
            here = held, ends == "closes", number + (ends == "closes")
            if is_python and is_patient and look_at(mended(held)) is not None:
                return held, True, here[2]
            if is_near:
                if not (is_python and is_patient):
                    return here
                fallback = fallback or here
            tried += 1
            if fallback is not None and tried >= _MOST_ENDS:
                return fallback
        body.append(line[min(indent, len(line) - len(line.lstrip(" \t"))) :] if indent else line)
    return fallback or ("\n".join(body), False, len(lines))


def _ends(line: str, fence: str, is_python: bool) -> str:
    """Return "closes" or "restarts" for a line that ends a block opened with `fence`; "" for any other."""
    stripped = line.strip()
    if not stripped.startswith(fence):
        return ""
    rest = stripped.lstrip(fence[0])
    if "`" in rest:
        return ""
    if not rest:
        return "closes"
    if _PYTHON.match(rest.strip()):
        return "restarts"
    if _LANGUAGE.match(rest) and not rest[0].isspace():
        return "restarts" if is_python else ""
    return "closes"


def _tag_and_body(text: str) -> tuple[str, str]:
    """Split the inside of a one-line fence: its first word is a tag only if it names Python."""
    word, _, rest = text.partition(" ")
    if rest and _PYTHON.fullmatch(word):
        return word.lower(), rest.strip()
    return "", text.strip()
