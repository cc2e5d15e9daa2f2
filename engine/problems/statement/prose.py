"""Prose of a statement: its sentences, without labels, examples, remarks and limits."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.problems.statement.sections import Section, Text
from engine.problems.statement.tree import plain

_LEFT_OUT = ("explanation", "note", "constraints", "time_limit", "memory_limit", "solution", "signature", "example")
_LIMITS = ("time_limit", "memory_limit")
_BRIEF = ("note", *_LIMITS)
"""Labels of a line or a paragraph: the statement may go on below."""

_NO_PROSE = ("中文文档", "English Version", "Easy", "Medium", "Hard", "简单", "中等", "困难")


def prose_of(parts: Sequence[Section]) -> str:
    """Join the sentences of a statement: not its labels, examples, remarks, limits, nor links to its other language."""
    in_examples = False
    lines: list[str] = []
    for part in parts:
        is_about_examples = part.label is not None and part.label.is_example
        in_examples = is_about_examples or (in_examples and part.kind in ("input", "output", "explanation", "note"))
        items = [item for item in part.items if isinstance(item, Text)]
        if part.level == 7 and part.label is not None and part.kind in _BRIEF:
            own = part.paragraph if part.label.value or not items else items[0].paragraph
            items = [item for item in items if item.paragraph != own or (part.kind in _LIMITS and part.label.value)]
        elif in_examples or part.kind in _LEFT_OUT or part.level == 8:
            continue
        if part.label is not None and part.label.value is not None and part.kind in ("input", "output"):
            lines += [plain(part.label.value)] if _is_prose(plain(part.label.value)) else []
        lines += [item.plain for item in items if _is_prose(item.plain)]
    return " ".join(" ".join(lines).split())


def _is_prose(line: str) -> bool:
    return bool(re.search(r"[^\W\d_]{2}", line)) and line not in _NO_PROSE
