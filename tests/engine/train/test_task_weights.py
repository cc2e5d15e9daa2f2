"""Draw of tasks: rarely solved ones come more often, a resumed run draws the same, and refills bring new tasks."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import RunError
from engine.problems import IOExample, Problem, draw_batch
from engine.reward.pass_matrix import PassMatrix
from engine.runs.checkpoints import Checkpoint
from engine.train.drawing import TaskDraw
from engine.train.task_weights import (
    FLOOR,
    REST_STEPS,
    TASKS,
    TaskShares,
    TaskWeights,
    draw_weighted,
    read_weights,
)


def scored(name: str, correct: int, right: int = 0, programs: int = 4, tests: int = 4) -> Any:
    """Return a task with `correct` of its programs and `right` of its tests right."""
    truth_nt = np.zeros((programs, 2), dtype=bool)
    truth_nt[:correct] = True
    generated_nm = np.zeros((programs, tests), dtype=bool)
    generated_nm[:correct, :right] = True
    matrix = PassMatrix(truth_nt, generated_nm)
    return SimpleNamespace(rollouts=SimpleNamespace(problem=SimpleNamespace(id=name), matrix=matrix))


def problems(count: int) -> list[Problem]:
    return [Problem(f"task-{at}", f"Task {at}.", (), (IOExample("1", "1"),)) for at in range(count)]


def test_a_task_weighs_what_its_programs_and_tests_lack() -> None:
    weights = TaskWeights("code").after_step(1, [scored("easy", 4, 4), scored("half", 2, 1), scored("never", 0)])
    both = TaskWeights("code+tests", weights.shares)
    names = ["easy", "half", "never", "new"]
    assert weights.of(names, step=9) == pytest.approx([FLOOR, FLOOR + 0.5, FLOOR + 1, FLOOR + 1])
    assert both.of(names, step=9) == pytest.approx([FLOOR, FLOOR + 1 - (0.5 + 0.25) / 2, FLOOR + 1, FLOOR + 1])


def test_newer_draws_count_more() -> None:
    weights = TaskWeights("code").after_step(1, [scored("a", 0)]).after_step(7, [scored("a", 4, 2)])
    assert weights.shares["a"] == TaskShares(code=0.5, tests=0.5, unsolved=0, step=7)


def test_tests_that_nobody_can_judge_change_nothing() -> None:
    weights = TaskWeights("code+tests").after_step(1, [scored("a", 4, 1)]).after_step(9, [scored("a", 0)])
    assert weights.shares["a"] == TaskShares(code=0.5, tests=0.25, unsolved=1, step=9)


def test_a_task_that_is_never_solved_is_tried_less_and_less() -> None:
    weights, found = TaskWeights("code"), []
    for step in range(1, 61, 10):
        weights = weights.after_step(step, [scored("a", 0)])
        found.append(weights.of(["a"], step + 9)[0])
    assert found == pytest.approx([FLOOR + 0.5**halved for halved in range(6)])


def test_a_drawn_task_rests() -> None:
    weights = TaskWeights("code").after_step(5, [scored("a", 1)])
    assert [weights.of(["a"], step)[0] > 0 for step in (6, 5 + REST_STEPS, 6 + REST_STEPS)] == [False, False, True]


@given(
    weights=st.lists(st.floats(0, 2), min_size=1, max_size=40), count=st.integers(1, 50), step=st.integers(1, 99),
    left_out=st.sets(st.integers(0, 39)),
)  # fmt: skip
def test_indices_are_different_and_those_without_weight_come_last(
    weights: list[float], count: int, step: int, left_out: set[int]
) -> None:
    drawn = draw_weighted(weights, count, 3, step, left_out)
    allowed = set(range(len(weights))) - left_out
    assert len(drawn) == len(set(drawn)) == min(count, len(allowed))
    assert set(drawn) <= allowed
    assert drawn == draw_weighted(weights, count, 3, step, left_out)
    heavy = [weights[index] > 0 for index in drawn]
    assert heavy == sorted(heavy, reverse=True)
    assert sum(heavy) == min(count, sum(weights[index] > 0 for index in allowed))


def test_the_first_index_has_a_chance_in_proportion_to_its_weight() -> None:
    weights, draws = [1.0, 2.0, 3.0, 4.0], 20_000
    first = Counter(draw_weighted(weights, 1, 0, step)[0] for step in range(draws))
    for index, weight in enumerate(weights):
        share = weight / 10
        assert first[index] / draws == pytest.approx(share, abs=4 * (share * (1 - share) / draws) ** 0.5)


def test_without_a_curriculum_batches_are_passes_over_the_data() -> None:
    tasks = problems(10)
    for step in range(1, 20):
        draw = TaskDraw(tasks, TaskWeights("none"), step, seed=4)
        assert draw.batch(3) == draw_batch(10, 3, step - 1, 4)
        assert draw.relative_weight(0) is None
    assert TaskWeights("none").after_step(1, [scored("a", 1)]) == TaskWeights("none")


def test_the_first_steps_of_a_curriculum_draw_tasks_that_are_new() -> None:
    tasks, weights, seen = problems(30), TaskWeights("code"), Counter[int]()
    for step in range(1, 6):
        batch = TaskDraw(tasks, weights, step, seed=1).batch(6)
        seen.update(batch)
        weights = weights.after_step(step, [scored(f"task-{index}", 4, 4) for index in batch])
    assert sum(count > 1 for count in seen.values()) <= 1
    assert len(seen) >= 29


def test_a_curriculum_draws_rarely_solved_tasks_more_often() -> None:
    tasks, weights, seen = problems(40), TaskWeights("code"), Counter[bool]()
    for step in range(1, 301):
        batch = TaskDraw(tasks, weights, step, seed=2).batch(4)
        assert len(set(batch)) == 4
        weights = weights.after_step(step, [scored(f"task-{at}", 1 if at < 10 else 4, 2) for at in batch])
        if step > 20:
            seen.update(at < 10 for at in batch)
    # Ten hard tasks weigh 0.85, thirty easy ones 0.1; without rest, each hard one would come 8.5 times as often.
    assert seen[True] / 10 > 2 * seen[False] / 30
    draw = TaskDraw(tasks, weights, 999, seed=2)
    relative = [draw.relative_weight(at) or 0.0 for at in range(40)]
    assert sum(relative) / 40 == pytest.approx(1.0)
    assert relative[0] == pytest.approx(0.85 / ((10 * 0.85 + 30 * FLOOR) / 40))


@pytest.mark.parametrize("curriculum", ["none", "code"])
def test_a_batch_larger_than_the_data_repeats_tasks(curriculum: Any) -> None:
    assert Counter(TaskDraw(problems(3), TaskWeights(curriculum), 1, seed=0).batch(6)) == {0: 2, 1: 2, 2: 2}


@pytest.mark.parametrize("curriculum", ["none", "code", "code+tests"])
@given(total=st.integers(1, 12), size=st.integers(1, 12), wanted=st.integers(1, 12), attempt=st.integers(1, 3))
def test_spare_tasks_are_none_of_the_batch(curriculum: Any, total: int, size: int, wanted: int, attempt: int) -> None:
    draw = TaskDraw(problems(total), TaskWeights(curriculum), 2, seed=5)
    batch = draw.batch(size)
    spares = draw.spares(attempt, wanted, batch)
    assert len(spares) == len(set(spares)) == min(wanted, total - len(set(batch)))
    assert not set(spares) & set(batch)


def checkpoint(tmp_path: Path) -> Checkpoint:
    folder = tmp_path / "run" / "checkpoints" / "step-000007"
    folder.mkdir(parents=True)
    return Checkpoint(7, folder)


def test_a_checkpoint_holds_the_shares(tmp_path: Path) -> None:
    saved = checkpoint(tmp_path)
    weights = TaskWeights("code+tests").after_step(1, [scored("ä", 1, 3), scored("never", 0)])
    weights.save(saved.path)
    assert read_weights(saved, "code+tests") == weights
    assert read_weights(saved, "none") == TaskWeights("none")


def test_a_checkpoint_of_a_run_without_curriculum_has_no_shares(tmp_path: Path) -> None:
    saved = checkpoint(tmp_path)
    TaskWeights("none").save(saved.path)
    assert list(saved.path.iterdir()) == []
    assert read_weights(saved, "code") == TaskWeights("code")


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"a": 1}', '{"a": [0.5, 0.5, 1' + "0" * 400 + ", 1]}",
     '{"a": [1.5, 0.5, 0, 1]}', '{"a": [0.5, 0.5, -1, 1]}', '{"a": [0.5, NaN, 0, 1]}',
     '{"a": [0.5, 0.5, 0, 0]}', '{"a": ["x", 0.5, 0, 1]}', '{"a": [0.5, 0.5, 0.5, 1]}', "[" * 100_000],
)  # fmt: skip
def test_damaged_shares_are_one_error(tmp_path: Path, text: str) -> None:
    saved = checkpoint(tmp_path)
    (saved.path / TASKS).write_text(text)
    if text == "[]":
        text = json.dumps([])
    with pytest.raises(RunError, match=r"tasks\.json"):
        read_weights(saved, "code")


def test_at_first_all_tasks_weigh_the_same() -> None:
    draw = TaskDraw(problems(300), TaskWeights("code"), 1, seed=0)
    assert {draw.relative_weight(index) for index in range(300)} == {1.0}
