"""Specifications of a problem as programs: what a tester is asked for, and how its answer is run.

A specification is Python with `accepts_input(text)` and `accepts_output(text, output)`. It runs confined, like any
other program: all pairs of an input and an output come as JSON on its standard input, and it prints one bit for each.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from engine.problems import Problem

SPECIFICATION_FORM = "accepts_input(text) and accepts_output(text, output) in a block that opens with ```python"
_FUNCTIONS = [re.compile(rf"^(?:def {name}\b|{name} *=)", re.MULTILINE) for name in ("accepts_input", "accepts_output")]

_ASK = """\
Read the following programming problem. You do not have to solve it: say what makes an answer right.

{statement}

Write two Python functions that check an answer without producing one.

- accepts_input(text) returns True if text, all that a program reads, obeys the problem's format and limits.
- accepts_output(text, output) returns True if output may be right for the input text. Check whatever the problem \
demands of an output and can be checked: its form, bounds, relations between input and output, small cases worked out \
directly. A check that accepts everything helps nobody, and one that rejects a right output does harm.

For example, for "Read two whole numbers, print the greater one":

```python
def accepts_input(text):
    return len([int(word) for word in text.split()]) == 2

def accepts_output(text, output):
    first, second = map(int, text.split())
    greater = int(output)
    return greater in (first, second) and greater >= first and greater >= second
```

Close with one block that opens with ```python and closes with ```. The functions read nothing and print nothing.
"""

_HARNESS = """\
import json, os, sys
pairs = json.loads(sys.stdin.read())
result, sys.stdout = sys.stdout, open(os.devnull, "w")
names = {{"__name__": "specification"}}
exec(compile({source!r}, "specification", "exec"), names)
bits = []
for text, output in pairs:
    try:
        accepted = names["accepts_input"](text) and names["accepts_output"](text, output)
    except Exception:  # whatever a check raises, it has not accepted the pair
        accepted = False
    bits.append("1" if accepted else "0")
print("".join(bits), file=result)
"""


def specification_messages(problem: Problem) -> tuple[dict[str, str], ...]:
    """Ask a tester for a specification."""
    return ({"role": "user", "content": _ASK.format(statement=problem.statement.strip()).strip()},)


def is_specification(source: str) -> bool:
    """Tell whether a program defines both functions of a specification."""
    return all(function.search(source) for function in _FUNCTIONS)


def checking_program(source: str) -> str:
    """Return the program that checks pairs by a specification."""
    return _HARNESS.format(source=source)


def pairs_text(pairs: Sequence[tuple[str, str]]) -> str:
    """Return pairs of an input and an output as the program of `checking_program` reads them."""
    return json.dumps([list(pair) for pair in pairs])


def parse_bits(printed: str, count: int) -> list[bool] | None:
    """Return which of `count` pairs are accepted; None where the program did not print its bits."""
    bits = printed.strip()
    return [bit == "1" for bit in bits] if len(bits) == count and not bits.strip("01") else None
