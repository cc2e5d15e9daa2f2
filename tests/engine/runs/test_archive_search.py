"""Search of rollouts by every field, by their executions and by their text, in any order and page."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.runs import archive_reader
from engine.runs.archive import ArchiveWriter
from engine.runs.archive_reader import ArchiveReader, Order, RolloutFilter
from engine.runs.records import (
    NOT_RUN,
    CellGrid,
    MatrixRecord,
    RolloutRecord,
    StepRecord,
    TaskRecord,
)
from tests.engine.runs.archive_steps import rollout, step_of

MakeStep = Callable[..., StepRecord]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rollouts.sqlite"


def test_rollouts_are_found_by_step_task_role_reward_and_state(path: Path, make_step: MakeStep) -> None:
    with ArchiveWriter(path) as writer:
        for step in (1, 2, 3):
            writer.write_step(make_step(step))
    with ArchiveReader(path) as reader:
        everything = list(reader.iter_rollouts())
        assert len(everything) == 3 * 2 * 6
        assert [(each.step, each.task, each.rollout.role, each.rollout.index) for each in everything] == sorted(
            (each.step, each.task, each.rollout.role, each.rollout.index) for each in everything
        )
        wanted = RolloutFilter(first_step=2, task="task-1", role="tester", max_reward=math.nextafter(0.0, -1.0))
        found = list(reader.iter_rollouts(wanted))
        assert [(each.step, each.rollout.index, each.rollout.reward) for each in found] == [
            (2, 0, -1),
            (3, 0, -1),
        ]
        assert len(reader.find(RolloutFilter(last_step=1, min_reward=1.0, finished=False))) == 4
        assert len(reader.find(limit=5)) == 5
        assert reader.find(RolloutFilter(status="no_code_block")) == []
        ids = reader.find()
        shuffled = [ids[5], 10**9, ids[0]]
        assert [each.id for each in reader.rollouts(shuffled)] == [ids[5], ids[0]]


def test_rollouts_are_found_by_bounds_and_by_what_a_tasks_id_begins_with(path: Path) -> None:
    several = [rollout("a", index=k, tokens=10 * k, advantage=k / 2, reward=float(k % 2)) for k in range(4)]
    with ArchiveWriter(path) as writer:
        writer.write_step(
            StepRecord(1, tuple(TaskRecord(name, "", tuple(several)) for name in ("sum-1", "sum-10", "max-1")))
        )
    with ArchiveReader(path) as reader:

        def found(**wanted: object) -> list[tuple[str, int]]:
            return [
                (each.task, each.rollout.index)
                for each in reader.iter_rollouts(RolloutFilter(**wanted))  # type: ignore[arg-type]
            ]

        assert found(task_prefix="sum-1", min_tokens=30) == [("sum-1", 3), ("sum-10", 3)]
        assert found(task="sum-1", max_tokens=10) == [("sum-1", 0), ("sum-1", 1)]
        assert found(task_prefix="max", min_advantage=0.5, max_advantage=1.0) == [("max-1", 1), ("max-1", 2)]
        assert found(task="max-1", min_index=1, max_index=2) == [("max-1", 1), ("max-1", 2)]
        assert found(task_prefix="SUM") == []
        assert found(text="a", more_texts=("A", "b")) == []


def test_programs_are_found_by_what_happened_when_they_were_executed(path: Path) -> None:
    truth = np.zeros((3, 2), dtype=np.uint8)
    generated = np.zeros((3, 2), dtype=np.uint8)
    truth[1, 1], generated[1, 0], generated[2, 1] = 2, 1, NOT_RUN
    matrix = MatrixRecord(*(CellGrid(passed=codes == 0, status=codes) for codes in (truth, generated)))
    answers = [rollout("x", role=role, index=k) for role in ("coder", "tester") for k in range(3)]
    answers[2] = replace(answers[2], status="no_block")
    task = TaskRecord("task", "", tuple(answers), matrix=matrix)
    with ArchiveWriter(path) as writer:
        writer.write_step(StepRecord(1, (replace(task, task="unkept", matrix=None), task)))
    with ArchiveReader(path) as reader:

        def found(*names: str) -> list[tuple[str, str, int]]:
            stored = reader.iter_rollouts(RolloutFilter(happened=names))
            return [(each.task, each.rollout.role, each.rollout.index) for each in stored]

        assert found("time_limit") == [("task", "coder", 1)]
        assert found("runtime_error", "memory_limit") == [("task", "coder", 1)]
        assert found("not_run") == [("task", "coder", 2)]
        assert found("no_block", "time_limit") == [("unkept", "coder", 2), ("task", "coder", 1), ("task", "coder", 2)]
        assert len(found("ok")) == 10
        assert found("crash") == []
        ids = reader.find(RolloutFilter(task="task"))
        assert reader.executions(reader.find()) == {
            ids[0]: ("ok",),
            ids[1]: ("ok", "runtime_error", "time_limit"),
            ids[2]: ("ok", "not_run"),
        }


@pytest.mark.parametrize("few", [0, 20_000])
@pytest.mark.parametrize("search", [True, False])
def test_pages_hold_what_find_holds_whatever_way_they_are_found(
    path: Path, make_step: MakeStep, monkeypatch: pytest.MonkeyPatch, few: int, search: bool
) -> None:
    monkeypatch.setattr(archive_reader, "_FEW", few)
    monkeypatch.setattr(archive_reader, "_FIRST_PAGE", 10)
    monkeypatch.setattr(archive_reader, "_LARGEST_PAGE", 20)
    with ArchiveWriter(path, search=search) as writer:
        for step in (1, 2, 4, 5, 6, 7):
            writer.write_step(make_step(step))
        writer.write_step(make_step(5))  # written again: its ids are the largest now
    with ArchiveReader(path) as reader:
        everything = [reader.rollouts([number])[0] for number in reader.find()]
        assert [each.step for each in everything] == [step for step in (1, 2, 4, 5, 6, 7) for _ in range(12)]
        for wanted in (
            RolloutFilter(),
            RolloutFilter(role="tester", max_reward=-0.5),
            RolloutFilter(first_step=2, last_step=5, min_reward=0.5),
            RolloutFilter(task_prefix="task-1", text="input("),
            RolloutFilter(text="INPUT:", more_texts=("x =", "t")),
        ):
            oldest = [number for page in reader.pages(wanted) for number in page]
            newest = [number for page in reader.pages(wanted, Order.NEWEST) for number in page]
            expected = [each for each in everything if _is_wanted(each.rollout, each.step, each.task, wanted)]
            assert oldest == [each.id for each in expected]
            assert oldest == reader.find(wanted)
            assert newest == [each.id for each in sorted(expected, key=lambda each: -each.step)]
        assert len(list(reader.pages())) > 2


def _is_wanted(record: RolloutRecord, step: int, task: str, wanted: RolloutFilter) -> bool:
    return (
        (wanted.first_step or 0) <= step <= (wanted.last_step or 99)
        and wanted.role in (None, record.role)
        and task.startswith(wanted.task_prefix or "")
        and (-9 if wanted.min_reward is None else wanted.min_reward) <= record.reward
        and record.reward <= (9 if wanted.max_reward is None else wanted.max_reward)
        and all(text.lower() in record.text.lower() for text in wanted.texts)
    )


@pytest.mark.parametrize("order", [each for each in Order if not each.by_step])
def test_rollouts_are_sorted_by_a_figure(path: Path, make_step: MakeStep, order: Order) -> None:
    with ArchiveWriter(path) as writer:
        for step in (1, 2):
            writer.write_step(make_step(step))
    with ArchiveReader(path) as reader:
        ids = reader.find(RolloutFilter(role="coder"), order=order)
        figures = [getattr(each.rollout, order.lstrip("-")) for each in reader.rollouts(ids)]
        assert len(figures) == 12
        assert figures == sorted(figures, reverse=order.startswith("-"))


def test_a_reader_that_is_stopped_finds_no_more(path: Path, make_step: MakeStep) -> None:
    with ArchiveWriter(path) as writer:
        writer.write_step(make_step(1))
    for order in (Order.NEWEST, Order.LONGEST):
        with ArchiveReader(path) as reader:
            reader.stop()
            assert list(reader.pages(order=order)) == []


@pytest.mark.parametrize("search", [True, False])
def test_search_finds_exact_substrings_of_any_length_and_case(path: Path, search: bool) -> None:
    texts = [
        "total += x * 2",
        'print("Hello")',
        "to tal",
        'say ""quotes"" AND NOT*',
        "ünïcode ÄÖÜ straße",
        "a\0hidden",
    ]
    with ArchiveWriter(path, search=search) as writer:
        writer.write_step(step_of(1, *(rollout(text, index=place) for place, text in enumerate(texts))))
    with ArchiveReader(path) as reader:

        def found(text: str) -> list[int]:
            return [each.rollout.index for each in reader.iter_rollouts(RolloutFilter(text=text))]

        assert found("tal +=") == [0]
        assert found("TOTAL") == [0]
        assert found("tal") == [0, 2]
        assert found("to") == [0, 2]
        assert found('""quotes"" AND NOT*') == [3]
        assert found('nt("h') == [1]
        assert found("ïcode äö") == [4]
        assert found("hidden") == [5]
        assert found("total x") == []
