"""Fixtures of small real disks: run folders, full and read-only file systems, a process killed midway."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.runs.folder import RunFolder
from engine.runs.records import CellGrid, MatrixRecord, RolloutRecord, StepRecord, TaskRecord, TestRecord

ROOT = Path(__file__).parents[3]


@pytest.fixture
def run(own_home: Path) -> RunFolder:
    """Create a run in a home of its own."""
    return RunFolder.create(own_home / "runs" / "nano-20261123-1412-a3f", 'preset = "nano"\n')


def _mount(place: Path, options: str) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    return os.geteuid() == 0 and subprocess.run(command, capture_output=True).returncode == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of one megabyte."""
    place = tmp_path / "small"
    place.mkdir()
    if not _mount(place, "size=1m"):
        pytest.skip("mounting a tmpfs takes root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def make_read_only(small_disk: Path) -> Callable[[], None]:
    """Make `small_disk` read-only: permissions do not stop root."""

    def remount() -> None:
        subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)

    return remount


@pytest.fixture
def fill_disk() -> Callable[[Path], None]:
    """Fill the file system of a folder to the last byte."""

    def fill(place: Path) -> None:
        with open(place / "filler", "wb", buffering=0) as filler, contextlib.suppress(OSError):
            while True:
                filler.write(b"x" * 4096)
        assert shutil.disk_usage(place).free == 0

    return fill


@pytest.fixture
def start_python() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a real Python on a script; kill it if it still runs at the end of the test."""
    started: list[subprocess.Popen[str]] = []

    def start(script: str, *arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", script, *map(str, arguments)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture
def killed_at_call() -> Callable[[Callable[[], object], int], bool]:
    """Run a function in a forked process that SIGKILLs itself before its k-th call that changes the disk.

    Return whether it was killed: False if there are fewer than k such calls.
    """

    def run_and_kill(work: Callable[[], object], k: int) -> bool:
        child = os.fork()
        if child == 0:
            _kill_before_call(k)
            try:
                work()
                os._exit(0)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
        return os.WIFSIGNALED(status)

    return run_and_kill


def _kill_before_call(k: int) -> None:
    calls = 0

    def counted(original: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **options: object) -> object:
            nonlocal calls
            calls += 1
            if calls == k:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*arguments, **options)

        return call

    for name in ("mkdir", "rename", "replace", "unlink", "rmdir", "fsync"):
        setattr(os, name, counted(getattr(os, name)))


def _grid(random: np.random.Generator, programs: int, tests: int) -> CellGrid:
    return CellGrid(
        passed=random.random((programs, tests)) < 0.5,
        known=random.random((programs, tests)) < 0.9,
        status=random.integers(0, 9, (programs, tests)).astype(np.uint8),
        milliseconds=random.integers(0, 1000, (programs, tests)).astype(np.uint32),
        outputs=tuple(tuple(f"{random.integers(3)}\n" for _ in range(tests)) for _ in range(programs)),
    )


@pytest.fixture
def make_step() -> Callable[..., StepRecord]:
    """Return a step of nano's size with reproducible random contents."""

    def make(step: int, tasks: int = 2, group: int = 3, truth: int = 2, words: int = 40) -> StepRecord:
        random = np.random.default_rng(step)

        def answer(role: str, index: int) -> RolloutRecord:
            source = "x = int(input())\n" + "".join(f"x += {n}\n" for n in random.integers(0, 99, words // 4))
            text = f"```python\n{source}```" if role == "coder" else f"**Test Input:**\n{source}"
            reward = float(index - 1)
            return RolloutRecord(
                role=role,
                index=index,
                reward=reward,
                advantage=reward / 2,
                tokens=len(text) // 3,
                finished=index != 2,
                status="ok",
                text=text,
                source=source if role == "coder" else "",
            )

        def task(number: int) -> TaskRecord:
            return TaskRecord(
                task=f"task-{number}",
                statement=f"Print the input plus {number}.",
                rollouts=tuple(answer(role, k) for role in ("coder", "tester") for k in range(group)),
                truth_tests=tuple(TestRecord(f"{n}\n", f"{n + number}\n") for n in range(truth)),
                generated_tests=tuple(TestRecord(f"{step} {k}\n", f"{k}\n", k) for k in range(group)),
                matrix=MatrixRecord(
                    truth=_grid(random, group, truth),
                    generated=_grid(random, group, group),
                    correct_n=random.random(group) < 0.5,
                ),
            )

        return StepRecord(step, tuple(task(number) for number in range(tasks)))

    return make
