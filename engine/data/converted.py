"""Results of a conversion: a task that was kept, or a record that was dropped with its reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from engine.problems import Problem
from engine.problems.functions import Style

VERDICTS = ("verified", "tolerant", "respelled", "unverified")
"""Verdicts of a reference program on the converted tests.

verified     it prints the expected outputs
tolerant     it prints them but for the spelling of numbers or the order of a JSON object; the task compares so
respelled    its results equal the expected ones in Python but print otherwise: the tests expect its prints
unverified   the set gives no reference that compiles
"""

MOST_REFERENCES = 5
"""References of a task that are tried: published ones are broken, too."""


class Unusable(ValueError):
    """Record, or test, that no task can be made of; the text is the reason, as one clause."""


@dataclass(frozen=True, slots=True)
class Options:
    """Choices of a conversion.

    max_tests: hidden tests kept of a task; CURE judges by 8. max_test_bytes: of one test, input and output; larger ones
    are left out. style: of function tasks; None: `cure` where it loses nothing, else `json`. time_factor: on the time
    limits of the set. keep_ambiguous: keep tasks that accept several answers. after: ISO date, drops tasks that were
    released on it or before, or without a date. max_difficulty: of CodeContests; 2 leaves out all of Codeforces.
    split: the one that the file holds, where its records do not say so.
    """

    max_tests: int = 8
    max_test_bytes: int = 1_000_000
    style: Style | None = None
    time_factor: float = 1.0
    keep_ambiguous: bool = False
    after: str = ""
    max_difficulty: int | None = None
    split: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """Task of a record, and what its reference programs need to prove it.

    problem.solutions are the references to try. line: of its record. notes: what the conversion changed or left out.
    witness: program that runs the reference on the set's own assertions and prints the `repr` of each result; respell:
    makes the task anew with these results as the expected ones.
    """

    problem: Problem
    line: int = 0
    notes: tuple[str, ...] = ()
    witness: str = ""
    respell: Callable[[Sequence[object]], Kept] | None = None

    @property
    def verdict(self) -> str:
        return self.problem.verdict

    def with_notes(self, *notes: str) -> Kept:
        return replace(self, notes=(*self.notes, *notes))


@dataclass(frozen=True, slots=True)
class Dropped:
    """Record that was left out. id: "" where it could not be read. line: of the record, 0 where a file has no lines."""

    id: str
    line: int
    reason: str


Converted: TypeAlias = Kept | Dropped
