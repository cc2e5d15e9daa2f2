"""Tasks of two evaluations: what got worse, what still fails, as the archive counts it."""

from __future__ import annotations

from pathlib import Path

from cure_tui.runs.task_results import Kind, lists_of, task_changes
from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.runs.archive_reader import ArchiveReader, RightAnswers
from engine.runs.folder import RunFolder
from tests.cure_tui.recorded import record_evaluations


def test_the_lists_hold_the_tasks_that_the_archived_answers_say(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run", dump_toml(load_preset("nano")))
    record_evaluations(folder, 0, 8)
    with ArchiveReader(folder.evaluation_archive("heldout")) as reader:
        found = reader.right_answers()
        counted = sum(rollout.rollout.reward for rollout in reader.iter_rollouts())
    assert found[0]["held-00"] == {"coder": RightAnswers(3, 4), "tester": RightAnswers(1, 3)}
    assert counted == sum(role.right for step in found.values() for roles in step.values() for role in roles.values())
    lists = lists_of(task_changes(found[0], found[8]))
    assert {kind: [each.task for each in tasks] for kind, tasks in lists.items()} == {
        Kind.WORSE: ["held-00"],
        Kind.FAILING: ["held-01"],
        Kind.BETTER: ["held-04", "held-03", "held-02"],
        Kind.ALL: [f"held-0{number}" for number in range(5)],
    }


def test_a_task_of_one_evaluation_alone_is_in_no_list() -> None:
    one = {"a": {"coder": RightAnswers(1, 2)}, "b": {"tester": RightAnswers(1, 2)}}
    other = {"b": {"tester": RightAnswers(0, 2)}}
    lists = lists_of(task_changes(one, other))
    assert [each.task for each in lists[Kind.WORSE]] == ["b"]
    assert lists[Kind.FAILING] == []  # it has no programs
