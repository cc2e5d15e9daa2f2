"""Check of a tester's tests by programs of the same model: the output for an input is the one that most of them print.

A vote removes what a tester gets wrong by chance, not what it misreads each time; its programs misread other phrases.
On nano, references confirm 77 % of the tests that a vote of a trained tester's answers leaves, and 99 % of those that
most of 16 of its programs confirm too, which leaves 82 % of the tasks; a stricter vote reaches 96 % and leaves 76 %. As
in CURE itself, programs and tests check each other; no program in training takes part.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.problems import Problem
from engine.prompts import Program, Rejected
from engine.rollouts.executing import Runner, execute
from engine.sandbox import Status
from engine.sandbox.output_groups import OutputVote


class ProgramCheck:
    """Check by `programs` programs for each task. comparison: of outputs, a task's own comes first."""

    def __init__(self, runner: Runner, programs: int, comparison: str) -> None:
        self.programs = programs
        self._runner, self._comparison = runner, comparison

    def outputs(
        self, tasks: Sequence[tuple[Problem, Sequence[Program | Rejected], Sequence[str]]]
    ) -> list[dict[str, str]]:
        """Run the programs of each task on its inputs; return the output of a strict plurality, where there is one."""
        running = [
            [execute(program, inputs, self._runner, problem.time_limit) for program in programs]
            for problem, programs, inputs in tasks
        ]
        found = []
        for (problem, _, inputs), runs in zip(tasks, running, strict=True):
            votes = {stdin: OutputVote(problem.compare or self._comparison) for stdin in inputs}
            for run in runs:
                for stdin, outcome in run.by_input().items():
                    if outcome.status is Status.OK:
                        votes[stdin].add(outcome.stdout)
            winners = {stdin: vote.winner() for stdin, vote in votes.items()}
            found.append({stdin: winner for stdin, winner in winners.items() if winner is not None})
        return found
