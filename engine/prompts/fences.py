"""Fenced code blocks of Markdown, as the parsers of answers need them. One pass, linear in any text.

The parser is more lenient than CommonMark where models are careless: a fence may be indented by any amount (lists) and
may follow a colon on its line ("Here it is: ```python"). It is as strict where it matters: a block ends only at a line
of its own with at least as many backticks, so a block of four backticks may contain three.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_FENCE = "```"
_SLACK = 3
"""Columns by which a closing fence may be indented more than its opening; a fence in a docstring is deeper."""

_PYTHON = frozenset({"python", "python3", "py"})


@dataclass(frozen=True, slots=True)
class Block:
    """Fenced block. `body` is the text between the fences, without the newlines next to them."""

    language: str
    body: str
    closed: bool

    @property
    def is_python(self) -> bool:
        return self.language in _PYTHON


@dataclass(frozen=True, slots=True)
class _Opening:
    ticks: int
    indent: int
    language: str


def fenced_blocks(text: str) -> Iterator[Block]:
    """Yield the blocks of `text` in order, closed or not. CRLF counts as newline.

    A fence tagged as Python begins a new block even inside another one: no Python program contains such a line, so the
    earlier block was left open by mistake. That block is yielded as not closed.
    """
    opening: _Opening | None = None
    body: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        if opening is None:
            opening = _opening(line)
        elif _closes(line, opening):
            yield Block(opening.language, "\n".join(body), closed=True)
            opening, body = None, []
        elif again := _restarts(line, opening):
            yield Block(opening.language, "\n".join(body), closed=False)
            opening, body = again, []
        else:
            body.append(_without_indent(line, opening.indent))
    if opening is not None:
        yield Block(opening.language, "\n".join(body), closed=False)


def fence(content: str) -> str:
    """Return `content` as a fenced block, with so many backticks that no line inside can close it."""
    longest = run = 0
    for character in content:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}\n{content.removesuffix(chr(10))}\n{ticks}"


def _opening(line: str) -> _Opening | None:
    """Return the fence that `line` opens, at its start or after a colon and without a backtick behind it, or None."""
    before, ticks, after = line.partition(_FENCE)
    if not ticks:
        return None
    is_at_start = not before.strip()
    if not is_at_start and not before.rstrip(" \t*").endswith(":"):
        return None
    info = after.lstrip("`")
    if "`" in info:
        return None  # inline code
    words = info.split(maxsplit=1)
    return _Opening(
        ticks=len(_FENCE) + len(after) - len(info),
        indent=len(before) if is_at_start else 0,
        language=words[0].lower() if words else "",
    )


def _closes(line: str, opening: _Opening) -> bool:
    fence_text = line.strip()
    is_bare = len(fence_text) >= opening.ticks and not fence_text.strip("`")
    return is_bare and _indent(line) <= opening.indent + _SLACK


def _restarts(line: str, opening: _Opening) -> _Opening | None:
    if _FENCE not in line or _indent(line) > opening.indent + _SLACK or not line.lstrip().startswith(_FENCE):
        return None
    again = _opening(line)
    is_python = again is not None and again.language in _PYTHON and again.ticks >= opening.ticks
    return again if is_python else None


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def _without_indent(line: str, columns: int) -> str:
    """Remove the indentation of the opening fence from `line`, as far as it is there."""
    return line[min(columns, _indent(line)) :] if columns else line
