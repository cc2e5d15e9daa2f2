"""Front matter of a Markdown file: `key: value` lines between two lines of `---` at its head."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from engine.problems.statement.limits import LONGEST_SECONDS, quantities

_FENCE = "---"
_MOST_LINES = 200


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """Front matter of a problem. time_limit: seconds per test, memory_limit: MB; 0 where none is given."""

    title: str = ""
    time_limit: float = 0.0
    memory_limit: float = 0.0
    doubts: tuple[str, ...] = ()


def split_front_matter(text: str) -> tuple[FrontMatter, str]:
    """Split a Markdown text into its front matter and the text below. Keys of other tools are ignored."""
    lines = text.lstrip("\ufeff\n").split("\n")
    end = next((at for at, line in enumerate(lines[: _MOST_LINES + 1]) if at and line.strip() == _FENCE), 0)
    if lines[0].strip() != _FENCE or not end:
        return FrontMatter(), text
    matter = FrontMatter()
    for line in lines[1:end]:
        key, colon, value = line.partition(":")
        key, value = re.sub(r"[\s_-]+", "", key.lower()), value.strip().strip("\"'")
        if not colon or not value:
            continue
        if key == "title":
            matter = replace(matter, title=value)
        elif key in ("timelimit", "time", "limits", "limit", "memorylimit", "memory"):
            matter = _with_limits(matter, key, value)
    return matter, "\n".join(lines[end + 1 :])


def _with_limits(matter: FrontMatter, key: str, value: str) -> FrontMatter:
    """Read `2`, `2s`, `2000 ms` or `1s, 256MB`; a bare number counts seconds, or megabytes of memory."""
    bare = float(value) if re.fullmatch(r"\d+(?:\.\d+)?", value) else 0.0
    seconds = quantities(value, "seconds") or ([bare] if bare and "memory" not in key else [])
    megabytes = quantities(value, "megabytes") or ([bare] if bare and "memory" in key else [])
    if seconds and 0 < seconds[0] <= LONGEST_SECONDS:
        matter = replace(matter, time_limit=seconds[0])
    elif "memory" not in key:
        sentence = f"the front matter's time limit '{value[:40]}' is not between 0 and {LONGEST_SECONDS:g} s: not used"
        matter = replace(matter, doubts=(*matter.doubts, sentence))
    return replace(matter, memory_limit=megabytes[0]) if megabytes else matter
