"""One stdin/stdout programming problem: what a coder is asked, and what its program is judged by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IOExample:
    """A program's standard input, and the output it must then print."""

    input: str
    output: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A task of the data set. `hidden` holds the t ground-truth tests; no prompt ever shows them.

    `public` examples may be shown in a prompt. `time_limit` is in CPU seconds a test. `solutions` are
    reference programs: evaluation may judge generated tests by them, training never reads them.
    """

    id: str
    statement: str
    public: tuple[IOExample, ...]
    hidden: tuple[IOExample, ...]
    time_limit: float = 1.0
    difficulty: str = ""
    dataset: str = ""
    solutions: tuple[str, ...] = ()
