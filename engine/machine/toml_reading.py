"""Reader of TOML that others may have made, in bounded time."""

from __future__ import annotations

import re
import tomllib
from typing import Any

_MOST_PARTS = 50
_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+"""
_LONG_KEY = re.compile(rf"(?<![\w-])(?:{_PART}){{{_MOST_PARTS}}}", re.ASCII)


def parse_toml(text: str) -> dict[str, Any]:
    """Parse a document. Raises TOMLDecodeError, also for a key of more than 50 parts; ValueError; RecursionError.

    tomllib takes time by the square of a key's parts, "a.b.c": 200 kB of them took 16 s.
    """
    found = _LONG_KEY.search(text)
    if found is not None:
        line = text.count("\n", 0, found.start()) + 1
        raise tomllib.TOMLDecodeError(f"A key of more than {_MOST_PARTS} parts (at line {line}, column 1)")
    return tomllib.loads(text)
