"""Tests of what a run says of its data before it loads a model: refused, or told as a warning."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import DataError
from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.problems import IOExample, Problem, load_problems, save_problems
from engine.runs.events import EventKind
from engine.runs.folder import RunFolder
from engine.runs.journal import read_journal
from engine.train.__main__ import main
from engine.train.assembly import check_splits

TRAIN, VALIDATION, HELDOUT = (
    load_problems(f"assets/nano/tasks/{name}.jsonl")[:6] for name in ("train", "validation", "heldout")
)
CONTRADICTION = replace(TRAIN[0], hidden=(IOExample("1\n", "1\n"), IOExample("1\n", "2\n")))
BLANK = replace(TRAIN[1], hidden=(IOExample("1\n", ""), IOExample("2\n", "\n")))


def test_good_splits_say_nothing() -> None:
    assert check_splits(TRAIN, VALIDATION, HELDOUT) == ()


def test_tasks_that_teach_nothing_are_told_with_their_ids() -> None:
    contradicts, blank = check_splits([CONTRADICTION, BLANK, *TRAIN[2:]], VALIDATION, HELDOUT)
    assert contradicts == f"data.train: 1 task contradicts itself, with two outputs for one input: {TRAIN[0].id}"
    assert blank == f"data.train: 1 task expects no output: a program that prints nothing passes: {TRAIN[1].id}"
    (told,) = check_splits(TRAIN, VALIDATION, [replace(CONTRADICTION, id="h", statement="H."), *HELDOUT])
    assert told.startswith("data.heldout: 1 task contradicts itself")


def test_a_split_of_such_tasks_alone_is_refused() -> None:
    with pytest.raises(DataError, match=r"data\.train: 1 task contradicts itself"):
        check_splits([CONTRADICTION], VALIDATION, HELDOUT)


def test_evaluation_sets_and_evaluated_tasks_are_refused_as_training_data() -> None:
    with pytest.raises(DataError, match=r"data\.train: the training data must not hold LiveBench") as refused:
        check_splits([*TRAIN, replace(TRAIN[0], id="x", statement="X.", dataset="LiveBench")], VALIDATION, HELDOUT)
    assert "give data.train another file" in refused.value.remedy
    dressed = replace(HELDOUT[0], id="other", statement="Another.", dataset="mine", source="set/7")
    with pytest.raises(DataError, match="is in the evaluation data, too, by id: other = "):
        check_splits([*TRAIN, dressed], VALIDATION, [replace(HELDOUT[0], source="set/7")])


def test_the_same_test_inputs_in_training_and_evaluation_are_told() -> None:
    inputs = tuple(IOExample(f"a long input {n}\n", f"{n}\n") for n in range(4))
    (told,) = check_splits(
        [*TRAIN, Problem("t", "One.", (), inputs)], VALIDATION, [*HELDOUT, Problem("e", "Two.", (), inputs)]
    )
    assert told == "data.train: 1 task is in the evaluation data, too, by test inputs: t = e"


@pytest.mark.slow
def test_a_run_writes_the_faults_of_its_data_into_its_journal(tmp_path: Path) -> None:
    file = tmp_path / "train.jsonl"
    save_problems(file, [CONTRADICTION, *TRAIN[1:]])
    config = load_preset(
        "nano",
        (
            f"data.train={json.dumps(str(file))}", "run.steps=1", "run.threads=1", "rollout.tasks_per_step=2",
            "rollout.n_programs=2", "rollout.m_tests=2", "evaluation.heldout_tasks=1", "evaluation.validation_tasks=1",
            "evaluation.n_programs=2", "evaluation.m_tests=2", "evaluation.bon_sizes=[[2, 2]]",
        ),
    )  # fmt: skip
    folder = RunFolder.create(tmp_path / "run", dump_toml(config))
    main(["--run-dir", str(folder.path)])
    told = [event.data["text"] for event in read_journal(folder.journal) if event.kind == EventKind.NOTICE]
    assert any("contradicts itself" in text for text in told)
