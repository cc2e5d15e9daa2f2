"""Tasks of runs without hidden labels: none comes again soon, and an unanchored run has few."""

from __future__ import annotations

import pytest

from engine.config.label_free import tasks_needed, tasks_wanted
from engine.errors import ConfigError, DataError
from engine.presets import load_preset
from engine.problems import IOExample, Problem
from engine.train.drawing import draw_of
from engine.train.labels.label_tasks import candidates, limited
from engine.train.task_weights import TaskWeights


def tasks(count: int) -> list[Problem]:
    return [Problem(f"t{number}", f"task {number}", (), (IOExample("1", "1"),)) for number in range(count)]


@pytest.mark.parametrize(("steps", "refills", "extra"), [(40, 0, 0), (40, 2, 0), (40, 1, 3), (3, 1, 0), (1, 2, 0)])
def test_no_task_comes_again_within_four_steps_not_even_by_a_refill(steps: int, refills: int, extra: int) -> None:
    config = load_preset("nano", [
        "reward.labels=consensus", f"run.steps={steps}", f"reward.refill_rounds={refills}", "rollout.tasks_per_step=3",
    ])  # fmt: skip
    problems = tasks(tasks_needed(config) + extra)
    drawn = []
    for step in range(1, steps + 1):
        draw = draw_of(problems, TaskWeights("none"), step, config)
        drawn.append(list(draw.batch(3)))
        for attempt in range(1, refills + 1):
            spares = draw.spares(attempt, 3, drawn[-1])
            assert len(spares) == 3
            drawn[-1] += spares
    for step in range(steps):
        window = [index for batch in drawn[step : step + 5] for index in batch]
        assert len(set(window)) == len(window)


def test_an_anchored_run_uses_as_many_tasks_as_it_draws_and_an_unanchored_one_at_most_128() -> None:
    anchored = load_preset("nano", ["reward.labels=consensus"])
    assert tasks_wanted(anchored, 300) == 300
    assert tasks_wanted(load_preset("nano", ["reward.labels=consensus", "run.steps=10"]), 300) == 60
    assert tasks_wanted(load_preset("nano", ["reward.labels=consensus", "reward.anchors=0"]), 300) == 128


def test_too_few_tasks_are_refused_and_the_order_is_the_seeds() -> None:
    config = load_preset("nano", ["reward.labels=consensus"])
    with pytest.raises(DataError, match="it takes 30 that none comes again within 4 steps"):
        limited(tasks(29), config)
    assert len(limited(tasks(30), config)) == 30
    order = candidates(tasks(30), config)
    assert order == candidates(tasks(30), config)
    assert sorted(order, key=lambda task: int(task.id[1:])) == tasks(30) != order


def test_steps_too_large_for_a_run_without_anchors_are_refused_before_it_starts() -> None:
    with pytest.raises(ConfigError, match="128 tasks at most, and these steps need 160"):
        load_preset("nano", ["reward.labels=consensus", "reward.anchors=0", "rollout.tasks_per_step=32"])
