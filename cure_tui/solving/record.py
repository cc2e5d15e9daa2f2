"""State of a problem being solved as the dashboard's matrix and cell views show it, in the words of solving.

A solve has examples and votes: it does not know which programs are correct.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cure_tui.dashboard.matrix.reading import CellStatus, Reading, Standing, read_cells
from cure_tui.dashboard.matrix.words import Words
from engine.runs.records import CellGrid, MatrixRecord, RolloutRecord, TaskRecord, TestRecord
from engine.solve.events import SolveState, Tests
from engine.solve.fates import words_of
from engine.solve.strategies.evidence import disputed


def solve_reading(state: SolveState) -> Reading:
    """Read the matrix: programs stand by the examples, generated tests by whether they are disputed."""
    matrix = state.matrix()
    reading = read_cells(matrix, state.examples.grid(), state.tests.grid())
    tests = [Standing.UNDECIDED] * reading.m
    if state.leader is not None:
        disputed_m = disputed(matrix, state.leader)
        for column in np.flatnonzero(disputed_m | (reading.passing_m > 0)).tolist():
            tests[column] = Standing.WRONG if disputed_m[column] else Standing.CORRECT
    return replace(reading, tests=tuple(tests), best=state.leader)


def task_record(state: SolveState) -> TaskRecord:
    """Convert `state`; the problem's examples take the place of a training task's ground-truth tests."""
    return TaskRecord(
        task=state.id,
        statement=state.statement,
        rollouts=tuple(
            RolloutRecord(
                "coder", row, 0.0, 0.0, 0, True, words_of(reason) if reason else "ok", answer or source, source
            )
            for row, (source, reason, answer) in enumerate(
                zip(state.sources, state.rejected, state.raw_answers, strict=True)
            )
        ),
        truth_tests=tuple(TestRecord(stdin, expected) for stdin, expected in state.examples.columns),
        generated_tests=tuple(TestRecord(stdin, expected) for stdin, expected in state.tests.columns),
        matrix=MatrixRecord(_with_outputs(state, state.examples), _with_outputs(state, state.tests)),
        comparison=state.comparison,
    )


def _with_outputs(state: SolveState, tests: Tests) -> CellGrid:
    nothing = ("", "")
    outputs = tuple(
        tuple(state.printed.get((row, stdin), nothing)[1] for stdin, _ in tests.columns)
        for row in range(len(state.sources))
    )
    return replace(tests.grid(), outputs=outputs)


def _context(reading: Reading, program: int, test: int, is_truth: bool) -> str:
    if reading.programs[program] is Standing.EMPTY:
        about_program = f"p{program} is not a program."
    else:
        examples = int((reading.truth_nt[program] == _PASSED).sum())
        counts = [f"{examples} of {reading.t} examples"] if reading.t else []
        counts += [f"{reading.votes_n[program]} of {reading.m} tests"] if reading.m else []
        about_program = f"p{program} passes {' and '.join(counts)}."
    if is_truth:
        return f"{about_program} The example is the problem's own."
    passing = int(reading.passing_m[test])
    failing = sum(
        reading.cell_status(row, test, False) not in (CellStatus.PASSED, CellStatus.UNKNOWN, CellStatus.NOT_RUN)
        for row in range(reading.n)
    )
    word = SOLVING.tests[reading.tests[test]]
    return f"{about_program} The test is {word}: {passing} programs pass it, {failing} do not."


_PASSED = tuple(CellStatus).index(CellStatus.PASSED)
SOLVING = Words(
    sides=("examples", "ex", ""),
    truth_test="example {}",
    truth_title="example {}",
    generated_test="test {}",
    mark=" ",
    row="agree",
    best="ranks first",
    programs={
        Standing.CORRECT: "passes the examples",
        Standing.WRONG: "fails an example",
        Standing.UNDECIDED: "no example decides",
        Standing.EMPTY: "no program",
    },
    tests={
        Standing.CORRECT: "agreed",
        Standing.WRONG: "disputed",
        Standing.UNDECIDED: "undecided",
        Standing.EMPTY: "malformed",
    },
    legend=(
        (Standing.CORRECT, "passes the examples, test agreed"),
        (Standing.WRONG, "fails an example, test disputed"),
        (Standing.UNDECIDED, "undecided"),
        (Standing.EMPTY, "no program"),
    ),
    context=_context,
    cells={CellStatus.WRONG_ANSWER: "other output"},
)
