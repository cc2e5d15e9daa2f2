"""Stdin/stdout programming problem: the statement for the coder, and the tests that judge its program."""

from __future__ import annotations

from dataclasses import dataclass

COMPARISONS = ("whitespace", "tokens", "numbers", "exact-lines", "json")
"""Comparisons of outputs that a task may ask for, by their names in `sandbox.comparison`."""


@dataclass(frozen=True, slots=True)
class IOExample:
    """A program's standard input, and the output it must then print."""

    input: str
    output: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Task of a data set. `hidden` holds the t ground-truth tests; no prompt ever shows them.

    A prompt may show `public` examples. `time_limit` is in CPU seconds per test. `solutions` are reference programs:
    evaluation judges generated tests with them; no reward of training does, unless `reward.tester_supervision` is
    "reference". `compare` is the task's own comparison of outputs, one of COMPARISONS; "" leaves it to the run.

    The rest says where a task of a data set comes from; "" where that is unknown. `source`: its id in the published
    set, the same in every release. `released`: the ISO date on which it was published. `style`: the encoding of a
    function's arguments, "cure" or "json". `verdict`: what its reference program proved, one of VERDICTS in
    engine/data/converted.py.
    """

    id: str
    statement: str
    public: tuple[IOExample, ...]
    hidden: tuple[IOExample, ...]
    time_limit: float = 1.0
    difficulty: str = ""
    dataset: str = ""
    solutions: tuple[str, ...] = ()
    compare: str = ""
    source: str = ""
    released: str = ""
    style: str = ""
    verdict: str = ""
