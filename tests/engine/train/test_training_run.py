"""Whole runs of the real engine in its own process: they end, resume after any kill, and report faults."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.machine.toml_text import dump_toml
from engine.presets import load_config, load_preset
from engine.runs.archive_reader import ArchiveReader
from engine.runs.events import EventKind
from engine.runs.folder import RunFolder
from engine.runs.inbox import Command, pending, send
from engine.runs.journal import JournalReader, read_journal
from engine.runs.listing import read_state
from engine.runs.metrics import METRICS
from engine.runs.state import RunStatus

SMALL = (
    "run.steps=6", "run.max_minutes=0", "run.checkpoint_every=1", "run.threads=1",
    "rollout.tasks_per_step=2", "rollout.n_programs=4", "rollout.m_tests=4",
    "evaluation.heldout_tasks=2", "evaluation.validation_tasks=2", "evaluation.every_steps=3",
    "evaluation.n_programs=4", "evaluation.m_tests=4", "evaluation.bon_sizes=[[4, 4]]",
    "policy.warmup_steps=1", "data.curriculum=code+tests", "reward.refill_rounds=1",
)  # fmt: skip
TIMING = ("seconds", "tokens_per_second", "memory", "executions", "machine", "disk")
"""Parts of metric names that depend on the machine's mood, not on the seed."""


def make_run(path: Path, *overrides: str) -> RunFolder:
    return RunFolder.create(path, dump_toml(load_preset("nano", [*SMALL, *overrides])))


def engine(folder: RunFolder) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "engine.train", "--run-dir", str(folder.path)]
    environment = os.environ | {"CURE_TUI_HOME": str(folder.path.parent / "home")}  # where rates are remembered
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)


def run_to_end(folder: RunFolder, seconds: float = 300.0) -> tuple[int, str]:
    process = engine(folder)
    _, errors = process.communicate(timeout=seconds)
    return process.returncode, errors


def metrics_by_step(folder: RunFolder) -> dict[int, dict[str, float | None]]:
    """Return the journal's last metrics of every step, without those that depend on a clock."""
    steps = {}
    for event in read_journal(folder.journal):
        if event.kind == EventKind.STEP_FINISHED:
            steps[event.step] = {
                name: value for name, value in event.data["metrics"].items() if not any(part in name for part in TIMING)
            }
    return steps


def summaries(folder: RunFolder) -> dict[tuple[str, str], object]:
    return {
        (event.data["split"], event.data["when"]): event.data["summary"]
        for event in read_journal(folder.journal)
        if event.kind == EventKind.EVALUATION
    }


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = make_run(tmp_path_factory.mktemp("unbroken") / "run")
    assert run_to_end(folder) == (0, "")
    return folder


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system with room for a few checkpoints."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a tmpfs takes root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.slow
def test_a_run_measures_before_and_after_and_records_every_step(unbroken: RunFolder) -> None:
    events = read_journal(unbroken.journal)
    assert events[-1].kind == EventKind.RUN_FINISHED
    assert sorted(metrics_by_step(unbroken)) == [1, 2, 3, 4, 5, 6]
    assert {("heldout", "start"), ("heldout", "end"), ("validation", "periodic")} <= set(summaries(unbroken))
    heldout = events[-1].data["summary"]["heldout"]
    assert heldout["start"]["n_tasks"] == heldout["end"]["n_tasks"] == 2
    steps = [event.data["metrics"] for event in events if event.kind == EventKind.STEP_FINISHED]
    assert [step.keys() - METRICS.keys() for step in steps] == [set()] * 6
    with ArchiveReader(unbroken.archive) as reader:
        for number, step in enumerate(steps, start=1):
            tasks = [reader.read_task(number, name) for name in reader.tasks(number)]
            assert step["task_weight"] == pytest.approx(np.mean([task.weight for task in tasks if task]))
    assert steps[0]["task_weight"] == 1.0
    assert steps[-1]["task_weight"] > 1.0, "new tasks weigh more than those seen"
    kl = [m["kl"] for _, m in sorted(metrics_by_step(unbroken).items()) if m["kl"] is not None]
    assert kl[0] == pytest.approx(0.0, abs=1e-6)
    assert max(kl) > 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["sampling", "anywhere", "writing a checkpoint"])
def test_a_killed_run_resumes_to_the_numbers_of_an_unbroken_one(
    unbroken: RunFolder, tmp_path: Path, moment: str
) -> None:
    folder = make_run(tmp_path / "run")
    process = engine(folder)
    wait_for_step(folder, 3, process)
    if moment == "writing a checkpoint":
        wait_until(lambda: any(folder.checkpoints.glob(".tmp-*")), process)
    elif moment == "anywhere":
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(random.Random(os.getpid()).uniform(0.0, 1.0))
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert run_to_end(folder) == (0, "")
    assert metrics_by_step(folder) == metrics_by_step(unbroken)
    assert summaries(folder) == summaries(unbroken)


@pytest.mark.slow
def test_a_start_evaluation_that_is_killed_goes_on_with_its_answers(tmp_path: Path) -> None:
    settings = ("run.steps=0", "evaluation.heldout_tasks=4", "rollout.max_batch=8")
    folders = [make_run(tmp_path / name, *settings) for name in ("unbroken", "killed")]
    assert run_to_end(folders[0]) == (0, "")
    process = engine(folders[1])
    answers = folders[1].path / "evaluation.jsonl"
    wait_until(lambda: answers.exists() and answers.read_bytes().count(b"\n") > 4, process)
    process.kill()
    process.communicate()
    there = answers.read_bytes().count(b"\n")
    assert run_to_end(folders[1]) == (0, "")
    assert summaries(folders[1]) == summaries(folders[0])
    assert not answers.exists()
    resumed = [event for event in read_journal(folders[1].journal) if event.kind == EventKind.HEARTBEAT]
    assert there in {event.data["done"] for event in resumed if event.data["sampled"] == 0}


@pytest.mark.slow
def test_a_start_evaluation_longer_than_the_time_limit_says_so_and_can_go_on(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", "evaluation.heldout_tasks=40", "run.max_minutes=0.01", "run.steps=1")
    assert run_to_end(folder) == (0, "")
    last = read_journal(folder.journal)[-1]
    assert last.kind == EventKind.RUN_STOPPED
    assert last.data["reason"].startswith("the start evaluation has used up all 0.01 minutes at task ")
    folder.write_config(dump_toml(load_config(folder.config, ["run.max_minutes=0"])))
    assert run_to_end(folder) == (0, "")
    assert read_state(folder.journal).step == 1


@pytest.mark.slow
def test_the_length_curriculum_limits_answers_and_survives_a_resume(tmp_path: Path) -> None:
    lengths = ("rollout.length_curriculum=[20, 30]", "rollout.length_steps=2", "run.steps=5")
    folder = make_run(tmp_path / "run", *lengths)
    process = engine(folder)
    wait_for_step(folder, 3, process)
    process.kill()
    process.communicate()
    assert run_to_end(folder) == (0, "")
    steps = [metrics for _, metrics in sorted(metrics_by_step(folder).items())]
    assert [step["answer_limit"] for step in steps] == [20, 20, 30, 30, 96]
    for step in steps:
        assert max(step["coder_length_max"], step["tester_length_max"]) <= step["answer_limit"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_run_with_a_checkpoint_from_which_it_goes_on(
    unbroken: RunFolder, tmp_path: Path, number: signal.Signals
) -> None:
    folder = make_run(tmp_path / "run")
    process = engine(folder)
    wait_for_step(folder, 2, process)
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (0, "")
    last = read_journal(folder.journal)[-1]
    assert last.kind == EventKind.RUN_STOPPED
    assert number.name in last.data["reason"]
    assert run_to_end(folder) == (0, "")
    assert metrics_by_step(folder) == metrics_by_step(unbroken)


@pytest.mark.slow
def test_a_pause_holds_until_it_is_taken_back_and_a_stop_leaves_after_its_step(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    reader, heard = JournalReader(folder.journal), []

    def comes(kind: EventKind) -> Callable[[], bool]:
        def came() -> bool:
            heard.extend(event.kind for event in reader.poll())
            return kind in heard

        return came

    for command in (Command.PAUSE, Command.RESUME, Command.PAUSE):  # the last word counts
        send(folder.path, command)
    process = engine(folder)
    wait_until(comes(EventKind.PAUSED), process)
    for command in (Command.PAUSE, Command.CHECKPOINT):
        send(folder.path, command)
    wait_until(comes(EventKind.ASKED), process)
    assert EventKind.CONTINUED not in heard
    send(folder.path, Command.RESUME)
    wait_until(comes(EventKind.CONTINUED), process)
    for command in (Command.PAUSE, Command.STOP):  # no pause that a stop would wait for
        send(folder.path, command)
    process.communicate(timeout=300)
    assert process.returncode == 0
    assert comes(EventKind.RUN_STOPPED)()
    assert heard.count(EventKind.PAUSED) == 1
    assert not pending(folder.inbox)


@pytest.mark.slow
def test_a_second_engine_on_one_run_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", "run.steps=2")
    first = engine(folder)
    wait_until(lambda: folder.journal.exists(), first)
    status, errors = run_to_end(folder)
    assert status == 6
    assert "already running" in errors
    assert errors.count("\n") == 1
    first.communicate(timeout=300)
    assert first.returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("override", "status", "words"),
    [
        ('data.train="nowhere.jsonl"', 4, "nowhere.jsonl"),
        ('model.source="/nowhere/model"', 5, "does not exist"),
    ],
)
def test_what_is_missing_is_named_in_one_line_and_in_the_journal(
    tmp_path: Path, override: str, status: int, words: str
) -> None:
    folder = make_run(tmp_path / "run", override)
    ended_with, errors = run_to_end(folder)
    assert ended_with == status
    assert words in errors
    assert errors.count("\n") == 1
    last = read_journal(folder.journal)[-1]
    assert last.kind == EventKind.RUN_FAILED
    assert words in last.data["error"]


@pytest.mark.slow
def test_a_full_disk_ends_a_run_in_one_line_and_with_room_it_goes_on(unbroken: RunFolder, small_disk: Path) -> None:
    folder = make_run(small_disk / "run")
    ballast = small_disk / "ballast"
    process = engine(folder)
    wait_for_step(folder, 1, process)
    with contextlib.suppress(OSError), open(ballast, "wb") as file:
        while True:
            file.write(bytes(4096))
            file.flush()
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 6
    assert "is full" in errors
    assert errors.count("\n") == 1
    assert read_journal(folder.journal)[-1].kind == EventKind.RUN_FAILED
    ballast.unlink()
    assert run_to_end(folder) == (0, "")
    assert metrics_by_step(folder) == metrics_by_step(unbroken)


@pytest.mark.slow
def test_corrupt_checkpoints_are_said_and_never_cost_a_run_what_it_has_learnt(
    unbroken: RunFolder, tmp_path: Path
) -> None:
    folder = make_run(tmp_path / "run")
    process = engine(folder)
    wait_for_step(folder, 4, process)
    process.kill()
    process.communicate()
    newest, before = sorted(folder.checkpoints.glob("step-*"), reverse=True)[:2]
    (newest / "progress.json").write_text("{}")
    assert run_to_end(folder) == (0, "")
    said = [event.data["text"] for event in read_journal(folder.journal) if event.kind == EventKind.NOTICE]
    assert f"{newest.name} is corrupt; using {before.name}, the newest whole checkpoint" in said
    assert metrics_by_step(folder) == metrics_by_step(unbroken)

    for checkpoint in folder.checkpoints.glob("step-*"):
        (checkpoint / "progress.json").write_text("{}")
    rows = folder.archive.stat().st_size
    status, errors = run_to_end(folder)
    assert (status, errors.count("\n")) == (6, 1)
    assert "no trained checkpoint of run" in errors
    assert folder.archive.stat().st_size == rows


def trained(unbroken: RunFolder, path: Path, *new_limits: str) -> tuple[RunFolder, Callable[[], tuple[int, str]]]:
    """Return a copy of the finished run, and the call that resumes it with `new_limits`."""
    folder = RunFolder.open(shutil.copytree(unbroken.path, path))
    limits = [word for limit in new_limits for word in ("--set", limit)]
    command = [sys.executable, "-m", "engine.train", "--run-dir", str(folder.path), *limits]

    def resume() -> tuple[int, str]:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        return done.returncode, done.stderr

    return folder, resume


def warnings_of(folder: RunFolder) -> list[str]:
    return [event.data["text"] for event in read_journal(folder.journal) if event.data.get("level") == "warning"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda journal: b"", ["the journal ends at step 0"]),
        (lambda journal: b"\x80noise" * 400, ["the journal ends at step 0"]),
        (lambda journal: b"\x80noise\n" * 400, ["400 lines of the journal are corrupt", "the journal ends at step 0"]),
        (
            lambda journal: b"".join(journal.splitlines(keepends=True)[:1]) + b"noise\n",
            ["1 line of the journal is corrupt; skipped", "the journal ends at step 0"],
        ),
    ],
    ids=["empty", "noise", "lines of noise", "behind"],
)
def test_a_run_whose_journal_is_lost_goes_on_from_its_newest_checkpoint_and_says_so(
    unbroken: RunFolder, tmp_path: Path, damage: Callable[[bytes], bytes], said: list[str]
) -> None:
    folder, resume = trained(unbroken, tmp_path / "run", "run.steps=7")
    folder.journal.write_bytes(damage(folder.journal.read_bytes()))
    saved = json.loads((folder.checkpoints / "step-000006" / "progress.json").read_text())
    assert resume() == (0, "")
    state = read_state(folder.journal)
    assert (state.status, state.step, [point.step for point in state.points]) == (RunStatus.FINISHED, 7, [7])
    assert state.points[-1].seconds > saved["seconds"]
    assert summaries(folder)["heldout", "start"] == summaries(unbroken)["heldout", "start"]
    told = warnings_of(folder)
    assert [text for words in said for text in told if text.startswith(words)] == told
    assert told[-1].endswith("using step-000006, the newest whole checkpoint")
    assert (folder.checkpoints / "step-000007").is_dir()
    with ArchiveReader(folder.archive) as archive:
        assert archive.steps() == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.slow
@pytest.mark.parametrize("journal_too", [False, True])
def test_a_trained_run_without_checkpoints_is_refused_and_stays_as_it_was(
    unbroken: RunFolder, tmp_path: Path, journal_too: bool
) -> None:
    folder, resume = trained(unbroken, tmp_path / "run", "run.steps=7")
    shutil.rmtree(folder.checkpoints)
    if journal_too:
        folder.journal.write_bytes(b"")
    status, errors = resume()
    assert (status, errors.count("\n")) == (6, 1)
    assert "no trained checkpoint of run" in errors
    assert load_config(folder.config).run.steps == 6
    with ArchiveReader(folder.archive) as archive:
        assert archive.steps() == [1, 2, 3, 4, 5, 6]
    assert read_state(folder.journal).status is (RunStatus.FAILED if journal_too else RunStatus.FINISHED)


@pytest.mark.slow
def test_a_finished_run_that_cannot_be_resumed_stays_finished_and_its_log_says_why(
    unbroken: RunFolder, tmp_path: Path
) -> None:
    folder, resume = trained(unbroken, tmp_path / "run", "run.steps=7")
    for checkpoint in folder.checkpoints.glob("step-*"):
        (checkpoint / "progress.json").write_text("{}")
    before = read_state(folder.journal)
    status, errors = resume()
    assert (status, errors.count("\n")) == (6, 1)
    state = read_state(folder.journal)
    assert (state.status, state.summary, state.ending) == (before.status, before.summary, before.ending)
    assert "not resumed: no trained checkpoint" in state.notices[-1].text


@pytest.mark.slow
def test_a_run_ended_by_its_minutes_goes_on_with_new_limits(unbroken: RunFolder, tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", "run.max_minutes=0.001")
    assert run_to_end(folder) == (0, "")
    ended = read_state(folder.journal)
    assert (ended.status, ended.step, ended.steps) == (RunStatus.FINISHED, 0, 6)
    assert ended.ending.startswith("nothing was trained: the start evaluation took ")
    assert "of 0.001 min" in ended.ending
    assert (ended.summary or {})["ended_by"] == "minutes"

    limits = [word for limit in ("run.steps=6", "run.max_minutes=30") for word in ("--set", limit)]
    command = [sys.executable, "-m", "engine.train", "--run-dir", str(folder.path), *limits]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    state = read_state(folder.journal)
    assert (state.step, state.steps, state.ending) == (6, 6, "all 6 steps done")
    assert load_config(folder.config).run.max_minutes == 30
    assert metrics_by_step(folder) == metrics_by_step(unbroken)


def wait_for_step(folder: RunFolder, step: int, process: subprocess.Popen[str], seconds: float = 120.0) -> None:
    reader = JournalReader(folder.journal)
    wait_until(
        lambda: any(e.kind == EventKind.STEP_FINISHED and e.step == step for e in reader.poll()), process, seconds
    )


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, f"the engine ended early: {process.communicate()}"
        assert time.monotonic() < deadline, "the engine did not get that far"
        time.sleep(0.002)
