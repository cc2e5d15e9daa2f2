"""Proof of the tasks' tests: every reference program must pass all tests of its task, in the sandbox."""

from __future__ import annotations

from collections.abc import Sequence

from engine.problems import Problem
from engine.sandbox import Executor, Limits, passes


def failed_references(problems: Sequence[Problem]) -> list[str]:
    """Run every reference program on the public and hidden tests of its task; return a sentence for each failure."""
    faults = []
    with Executor(Limits()) as executor:
        runs = [
            executor.submit(problem.solutions[0], [test.input for test in (*problem.public, *problem.hidden)])
            for problem in problems
        ]
        for problem, run in zip(problems, runs, strict=True):
            for test, outcome in zip((*problem.public, *problem.hidden), run.result(), strict=True):
                if not passes(outcome, test.output):
                    faults.append(f"{problem.id}: the reference fails {test.input!r}")
    return faults
