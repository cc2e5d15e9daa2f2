"""Foreign text made printable: the same for a text of any length, in memory of its length."""

from __future__ import annotations

import json

from engine.printable import printable
from tests.cure_tui.foreign_text import HOSTILE
from tests.growth import growth_mb


def test_a_long_text_is_cleaned_as_its_parts_are() -> None:
    parts = [HOSTILE, "a\n" * 40_000, HOSTILE * 300, "\U0001f3f3" * 70_000, "\x1b"]
    for keep in ("", "\n"):
        assert printable("".join(parts), keep=keep) == "".join(printable(part, keep=keep) for part in parts)
    escaped = printable(json.dumps("".join(parts), ensure_ascii=False), shown=lambda each: json.dumps(each)[1:-1])
    assert json.loads(escaped) == "".join(parts)


def test_a_long_text_takes_little_more_memory_than_its_copy() -> None:
    text = "1 2\n" * 5_000_000
    printable(text[:200_000], keep="\n")
    assert growth_mb(lambda: printable(text, keep="\n")) < 2.5 * len(text) / 2**20
