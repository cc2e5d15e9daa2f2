"""Calls in a block of code as examples: `digits(35) => [5, 3]`, `>>> digits(35)` with its result on the next line."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.problems.problem import IOExample

_CALL = r"(?P<call>[A-Za-z_]\w*\(.*\))"
_ARROW = re.compile(
    rf"\s*(?:assert\s+)?{_CALL}\s*;?\s*"
    r"(?:(?://|#)\s*)?(?:=>|-+>|==+>?|→|⇒|returns?:?|should return|yields|gives)\s*(?P<value>\S.*?);?\s*"
)
_PROMPT = re.compile(rf">>>\s*{_CALL}\s*")


def calls_of(blocks: Sequence[str]) -> list[IOExample]:
    """Return the calls of one function in blocks of code; none where they call several."""
    calls = [call for block in blocks for call in _calls(block)]
    return calls if len({call.input.partition("(")[0] for call in calls}) == 1 else []


def _calls(text: str) -> list[IOExample]:
    """Return the calls of a block with their results, if every line is one, a blank or a comment; else none."""
    lines = [line for line in text.split("\n") if line.strip() and not re.match(r"\s*(?:#|//)", line)]
    found: list[IOExample] = []
    at = 0
    while at < len(lines):
        arrow, prompt = _ARROW.fullmatch(lines[at]), _PROMPT.fullmatch(lines[at])
        has_result = at + 1 < len(lines) and not lines[at + 1].startswith((">>>", "..."))
        if prompt and has_result:
            found.append(IOExample(prompt["call"] + "\n", lines[at + 1].strip() + "\n"))
        elif arrow:
            found.append(IOExample(arrow["call"] + "\n", arrow["value"] + "\n"))
        else:
            return []
        at += 2 if prompt else 1
    return found
