"""Front matter of a Markdown file: `key: value` lines between two lines of `---` at its head."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.errors import DataError

_FENCE = "---"
_LONGEST_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """Front matter of a problem. time_limit: seconds per test, 0 where none is given."""

    title: str = ""
    time_limit: float = 0.0


def split_front_matter(text: str, name: str) -> tuple[FrontMatter, str]:
    """Split a Markdown text into its front matter and the text below. Unknown keys are ignored: other tools use them.

    Raises DataError for an invalid time limit.
    """
    lines = text.lstrip("\ufeff\n").split("\n")
    if lines[0].strip() != _FENCE or _FENCE not in (line.strip() for line in lines[1:]):
        return FrontMatter(), text
    end = next(at for at, line in enumerate(lines[1:], 1) if line.strip() == _FENCE)
    matter = FrontMatter()
    for line in lines[1:end]:
        key, colon, value = line.partition(":")
        value = value.strip().strip("\"'")
        if not colon:
            continue
        if key.strip() == "title":
            matter = replace(matter, title=value)
        elif key.strip() == "time_limit":
            matter = replace(matter, time_limit=_seconds(value, name))
    return matter, "\n".join(lines[end + 1 :])


def _seconds(value: str, name: str) -> float:
    number = value.removesuffix("s").removesuffix("econd").strip()
    try:
        seconds = float(number)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= _LONGEST_SECONDS:
        raise DataError(f"{name}: time_limit '{value}' is not between 0 and {_LONGEST_SECONDS:g} s", "write 2 or 0.5")
    return seconds
