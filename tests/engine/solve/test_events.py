"""Events of solving, read back: the state of a live view agrees with the board that the strategy chooses by."""

from __future__ import annotations

import io
import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from cure_tui.drawing.spans import plain
from cure_tui.solving.picture import solve_rows
from engine.problems import IOExample, Problem
from engine.prompts import Program, Rejected, RejectReason, UnitTest
from engine.reward.pass_matrix import PassMatrix
from engine.sandbox import AS_A_PROCESS, Outcome, Status
from engine.solve.events import EventStream, SolveState
from engine.solve.strategies import Bench, Board, Solution, find_strategy, strategy_names
from engine.solve.strategies import solve as run
from engine.solve.strategies.evidence import conclude
from engine.solve.strategies.ranking import ranked
from engine.solve.writers import Waiting
from tests.engine.reward.matrices import matrices
from tests.engine.solve.strategies.benches import bench_of
from tests.engine.solve.strategies.family import RIGHT, TASK, UNTOLD, WRONG, Family
from tests.engine.solve.strategies.scripted import ScriptedWriter, answers, program


def told(matrix: PassMatrix) -> tuple[Board, SolveState]:
    """Fill a board with the cells of `matrix`, each by an execution, and a state by the events of the board."""
    out = io.StringIO()
    stream = EventStream(out)
    examples = tuple(IOExample(f"example {column}", "yes") for column in range(matrix.n_truth))
    stream.problem(0, Problem("double", "Double it.", examples, ()))
    board = Board(examples, AS_A_PROCESS)
    for row, rejected in enumerate(matrix.rejected_n):
        program = Rejected(RejectReason.NO_BLOCK) if rejected else Program(f"program {row}")
        stream.on_program(board.add_program(program), program)
    for column in range(matrix.n_generated):
        test = UnitTest(f"test {column}", "yes")
        stream.on_test(board.add_test(test), test)
    cells_nc = np.hstack([matrix.truth_nt, matrix.generated_nm])
    known_nc = np.hstack([matrix.known_nt, matrix.known_nm]) & ~matrix.rejected_n[:, None]
    inputs = board.inputs()
    for row, column in np.argwhere(known_nc):
        board.add_outcome(row, inputs[column], Outcome(Status.OK, "yes" if cells_nc[row, column] else "no"))
        stream.on_outcome(board, int(row), inputs[column])
    first, *others = map(json.loads, out.getvalue().splitlines())
    state = SolveState(coder="nano").next_problem(first)
    for event in others:
        state.take(event)
    return board, state


@given(matrices())
def test_votes_and_ranks_of_board_evidence_and_live_view_are_those_of_the_pass_matrix(matrix: PassMatrix) -> None:
    board, state = told(matrix)
    votes = matrix.votes_n.tolist()
    assert board.matrix().votes_n.tolist() == votes
    assert state.matrix().votes_n.tolist() == votes
    assert [candidate.votes for candidate in conclude("bon", board, None).candidates] == votes
    assert [state.tests.votes(row) for row in range(len(votes))] == votes
    assert ranked(state.matrix()) == ranked(board.matrix()) == state.ranking()


def test_the_live_view_ranks_by_examples_before_votes_and_puts_the_leader_first() -> None:
    matrix = PassMatrix(np.array([[False], [True], [True]]), np.array([[True, True], [False, False], [True, False]]))
    _, state = told(matrix)

    def order() -> list[str]:
        return [line.strip("▶ ").split()[0] for line in plain(solve_rows(state, 1.0, 60)).splitlines()[2:]]

    assert order() == ["2", "1", "0"]
    state.take({"event": "leads", "row": 1})
    assert order() == ["1", "2", "0"]


def test_a_life_line_says_what_is_waited_for() -> None:
    out = io.StringIO()
    stream, state = EventStream(out), SolveState()
    assert state.life_line() == ""
    stream.on_waiting("coder", Waiting(2, 41.7, 300, "retry 1 of 3: 429"))
    stream.on_waiting("tester", Waiting(1, 3.0))
    for line in out.getvalue().splitlines():
        state.take(json.loads(line))
    assert state.life_line() == "waiting for 3 answers, longest 42 s, 300 tokens so far, retry 1 of 3: 429"
    for columns in (60, 80, 120):
        assert "waiting for 3 answers, longest 42 s" in plain(solve_rows(state, 1.0, columns))
        assert "waiting for 3 answers, longest 42 s" in plain(solve_rows(state, 1.0, columns, 1))[:columns]
    stream.on_waiting("coder", Waiting(0, 0.0))
    state.take(json.loads(out.getvalue().splitlines()[-1]))
    assert state.life_line() == "waiting for 1 answer, longest 3 s"


def followed(name: str, bench: Bench) -> tuple[Solution, SolveState]:
    """Solve, and return the state that the events leave before the solution is told."""
    out = io.StringIO()
    stream = EventStream(out)
    stream.problem(0, bench.problem)
    solution = run(find_strategy(name), replace(bench, observer=stream))
    state = SolveState()
    for event in map(json.loads, out.getvalue().splitlines()):
        state = state.next_problem(event) if event["event"] == "problem" else state
        state.take(event)
    return solution, state


@pytest.mark.parametrize("name", [*strategy_names(), "debug:remade=2"])
@pytest.mark.parametrize("seed", range(4))
def test_the_events_of_every_strategy_lead_to_its_board(name: str, seed: int) -> None:
    family = Family("mixed")
    solution, state = followed(
        name, bench_of(family, family, n=5, m=5, seed=seed, problem=TASK if seed % 2 else UNTOLD)
    )
    assert state.tests.columns == [(test.input, test.output) for test in solution.tests]
    matrix = state.matrix()
    for row, candidate in enumerate(solution.candidates):
        known = [passed is not None for passed in candidate.tests]
        if not candidate.rejected:
            assert matrix.known_nm[row].tolist() == known
        assert matrix.generated_nm[row].tolist() == [passed is True for passed in candidate.tests]


def test_the_events_of_a_strategy_hold_its_trail() -> None:
    family = Family("mixed")
    solution, state = followed("debug:remade=2", bench_of(family, family, n=6, m=6))
    trail = state.trail
    assert trail.stages == ["sample", "vote", "repair"]
    assert [(*key, cost) for key, cost in trail.costs.items()] == [
        (each.stage, str(each.part), each.cost) for each in solution.trail
    ]
    assert trail.retired == Counter(str(test.status) for test in solution.retired)
    assert trail.confirmed == len(solution.tests) == trail.votes[0]
    assert trail.lineage == {
        row: (each.parent, each.why) for row, each in enumerate(solution.candidates) if each.parent is not None
    }


def test_the_events_of_a_judge_tell_how_often_it_holds() -> None:
    told = io.StringIO()
    coder = ScriptedWriter(answers(program(WRONG[1]), program(RIGHT)))
    bench = bench_of(coder, Family("right"), n=2, m=0, judge=Family("right").writer(), observer=EventStream(told))
    solution = run(find_strategy("sstar"), bench)
    judged = [event for event in map(json.loads, told.getvalue().splitlines()) if event["event"] == "judged"]
    assert judged == [{"event": "judged", "first": 0, "second": 1, "winner": "p1"}]
    assert solution.remarks == ("the judge, by outputs, said the same in both orders of 1 of 1 pairs",)
