"""Filling of one task's pass matrix: answers in, in any order; programs are executed as soon as they can be.

A program runs on the ground-truth tests once it is here, and on the generated tests once all of them are. Rollouts and
evaluations fill their matrices by this class; solving, which shows each cell as it comes, by its `Board`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.problems import IOExample, Problem
from engine.prompts import Program, Rejected, UnitTest
from engine.reward.consensus import first_columns
from engine.reward.pass_matrix import IntArray, PassMatrix, pass_matrix_from_verdicts
from engine.rollouts.executing import ProgramRun, Runner, execute, inputs_of
from engine.sandbox import Judging, Outcome, Peers, verdict
from engine.sandbox.output_groups import OutputGroups

Outcomes = tuple[Outcome | None, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class FilledTask:
    """Parsed answers of both roles to one task, and the outcomes of executing them.

    truth_outcomes, generated_outcomes: n rows of t and m outcomes, None where nothing was run (a rejected program, a
    malformed test). outputs_nm: number of the output that each program prints on a test's input, equal for equal
    outputs on equal inputs; 0 unknown or not run, negative for an error.
    """

    problem: Problem
    programs: tuple[Program | Rejected, ...]
    tests: tuple[UnitTest | Rejected, ...]
    truth_tests: tuple[IOExample, ...]
    truth_outcomes: tuple[Outcomes, ...]
    generated_outcomes: tuple[Outcomes, ...]
    matrix: PassMatrix
    outputs_nm: IntArray

    @property
    def outputs_nx(self) -> IntArray:
        """Outputs on the distinct inputs of the generated tests, (n, x)."""
        return self.outputs_nm[:, first_columns([getattr(test, "input", None) for test in self.tests])]


@dataclass(eq=False)
class Filling:
    """Task whose answers are still arriving. m_tests: number of tester answers to come in all."""

    problem: Problem
    judging: Judging
    truth_tests: tuple[IOExample, ...]
    m_tests: int
    runner: Runner
    peers: Peers | None = None
    programs: dict[int, Program | Rejected] = field(default_factory=dict)
    tests: dict[int, UnitTest | Rejected] = field(default_factory=dict)
    on_truth: dict[int, ProgramRun] = field(default_factory=dict)
    on_generated: dict[int, ProgramRun] = field(default_factory=dict)

    def take_program(self, index: int, program: Program | Rejected, on_truth: ProgramRun | None = None) -> None:
        """Take a coder's answer, parsed, and submit what can be executed now. on_truth: its run, if there is one."""
        seconds = self.problem.time_limit
        self.programs[index] = program
        self.on_truth[index] = on_truth or execute(
            program, inputs_of(self.truth_tests), self.runner, seconds, self.peers
        )
        if self.m_tests and len(self.tests) == self.m_tests:
            self._execute_on_generated({index: program})

    def take_test(self, index: int, test: UnitTest | Rejected) -> None:
        """Take a tester's answer, parsed; the last one lets all programs run on the generated tests."""
        self.tests[index] = test
        # All tests in one submission: equal inputs run once, and the executor wakes up once, not m times.
        if len(self.tests) == self.m_tests:
            self._execute_on_generated(self.programs)

    def _execute_on_generated(self, programs: dict[int, Program | Rejected]) -> None:
        inputs = inputs_of(self.tests.values())
        for index, program in programs.items():
            self.on_generated[index] = execute(
                program, inputs, self.runner, self.problem.time_limit, self.peers, before=self.on_truth[index]
            )

    @property
    def programs_in_order(self) -> tuple[Program | Rejected, ...]:
        return tuple(self.programs[index] for index in sorted(self.programs))

    @property
    def tests_in_order(self) -> tuple[UnitTest | Rejected, ...]:
        return tuple(self.tests[index] for index in sorted(self.tests))

    @property
    def truth_rows(self) -> tuple[Outcomes, ...]:
        """Outcomes of the n programs on the t ground-truth tests; waits for the executor."""
        return tuple(self.on_truth[index].by_test(self.truth_tests) for index in sorted(self.programs))

    @property
    def generated_rows(self) -> tuple[Outcomes, ...]:
        """Outcomes of the n programs on the m generated tests; waits for the executor."""
        tests = self.tests_in_order
        return tuple(self.on_generated[index].by_test(tests) if tests else () for index in sorted(self.programs))

    def matrix(self, truth_rows: Sequence[Outcomes], generated_rows: Sequence[Outcomes]) -> PassMatrix:
        tests = self.tests_in_order

        def verdicts(rows: Sequence[Outcomes], expected: Sequence[str | None]) -> list[list[bool | None]]:
            return [
                [
                    None if outcome is None or output is None else verdict(outcome, output, self.judging)
                    for outcome, output in zip(row, expected, strict=True)
                ]
                for row in rows
            ]

        return pass_matrix_from_verdicts(
            verdicts(truth_rows, [test.output for test in self.truth_tests]),
            verdicts(generated_rows, [None if isinstance(test, Rejected) else test.output for test in tests]),
            malformed=[isinstance(test, Rejected) for test in tests],
            rejected=[isinstance(program, Rejected) for program in self.programs_in_order],
        )

    def collect(self) -> FilledTask:
        """Wait for the executor and fill the matrix."""
        truth_rows, generated_rows = self.truth_rows, self.generated_rows
        return FilledTask(
            problem=self.problem,
            programs=self.programs_in_order,
            tests=self.tests_in_order,
            truth_tests=self.truth_tests,
            truth_outcomes=truth_rows,
            generated_outcomes=generated_rows,
            matrix=self.matrix(truth_rows, generated_rows),
            outputs_nm=self._outputs(generated_rows),
        )

    def _outputs(self, generated_rows: Sequence[Outcomes]) -> IntArray:
        tests = self.tests_in_order
        groups = {stdin: OutputGroups(self.judging.comparison) for stdin in inputs_of(tests)}
        numbers = [
            [
                0 if outcome is None or isinstance(test, Rejected) else groups[test.input].number(outcome)
                for outcome, test in zip(row, tests, strict=True)
            ]
            for row in generated_rows
        ]
        return np.array(numbers, dtype=np.int64).reshape(len(generated_rows), len(tests))
