"""Run as an engine writes it, without a model: a long past, and a present that continues until it is killed.

    python tests/benchmarks/live_run.py FOLDER     continues the run in FOLDER until SIGTERM

The past is five events per step in the journal, and the newest steps in the archive, of nano's size: 6 tasks of 10
programs, 8 ground-truth and 22 generated tests. The present is a real writer: lock, heartbeat, 32 answers in `live`
that grow by 1,000 tokens/s together, and every three seconds a step in archive and journal.
"""

from __future__ import annotations

import random
import signal
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

from engine.machine.toml_text import dump_toml  # noqa: E402
from engine.presets import load_preset  # noqa: E402
from engine.runs.archive import ArchiveWriter  # noqa: E402
from engine.runs.folder import RunFolder  # noqa: E402
from engine.runs.heartbeat import Heartbeat  # noqa: E402
from engine.runs.journal import JournalWriter  # noqa: E402
from engine.runs.live import SLOTS, LiveWriter  # noqa: E402
from engine.runs.metrics import METRICS  # noqa: E402
from engine.runs.records import (  # noqa: E402
    CellGrid,
    MatrixRecord,
    RolloutRecord,
    StepRecord,
    TaskRecord,
    TestRecord,
)

TASKS, PROGRAMS, TESTS, TRUTHS = 6, 10, 22, 8
ANSWERS = TASKS * (PROGRAMS + TESTS)
EVENTS_A_STEP = 5
STEPS = 10_000
ARCHIVED = 200
TOKENS_A_SECOND = 1000
STEP_SECONDS = 3.0
BEATS_A_SECOND = 30
ANSWER_TOKENS = 400

WORDS = ("for", "in", "range(n)", "print(", "x", ")", "\n    ", "if", "==", "sorted(values)", "\n", "input()", "total")


def make_past(path: Path, *, steps: int = STEPS, archived: int = ARCHIVED) -> RunFolder:
    """Write a run of `steps` steps, the newest `archived` of them with their rollouts."""
    folder = RunFolder.create(path, dump_toml(load_preset("nano")))
    chance = random.Random(0)
    with JournalWriter(folder.journal) as journal, ArchiveWriter(folder.archive) as archive:
        journal.run_started(preset="nano", steps=2 * steps, seed=0)
        journal.sandbox(letter="A", summary="as a benchmark needs it", reasons=(), remedy="")
        for step in range(1, steps + 1):
            if step > steps - archived:
                archive.write_step(make_step(step, chance))
            write_events(journal, step, chance)
    return folder


def finish(path: Path) -> None:
    """Write the run's last event."""
    with JournalWriter(RunFolder.open(path).journal) as journal:
        journal.run_finished(STEPS, {})


def write_events(journal: JournalWriter, step: int, chance: random.Random) -> None:
    """Write the five events of a step."""
    journal.phase_started(step, "sample", ANSWERS, "answers")
    journal.phase_finished(step, "sample", 1.0)
    journal.phase_started(step, "update", TASKS, "groups")
    journal.phase_finished(step, "update", 1.0)
    journal.step_finished(step, make_metrics(chance))


def make_metrics(chance: random.Random) -> dict[str, float]:
    """Return noisy metrics that raise no alert."""
    quiet = {"kl": 0.01, "nonfinite_updates": 0.0}
    return {name: chance.random() * quiet.get(name, 1.0) for name in METRICS}


def make_step(step: int, chance: random.Random) -> StepRecord:
    return StepRecord(step, tuple(_task(step, position, chance) for position in range(TASKS)))


def _task(step: int, position: int, chance: random.Random) -> TaskRecord:
    truth, generated = (_grid(columns, chance) for columns in (TRUTHS, TESTS))
    answers = [("coder", index) for index in range(PROGRAMS)] + [("tester", index) for index in range(TESTS)]
    return TaskRecord(
        task=f"numbers-{(step * TASKS + position) % 997:03}",
        statement="Read numbers, print the largest of them.",
        rollouts=tuple(
            RolloutRecord(role, index, chance.random(), 0.0, 40, True, "ok", _text(40, chance), "print(max(x))")
            for role, index in answers
        ),
        truth_tests=tuple(TestRecord(f"{number} 1\n", "4\n") for number in range(TRUTHS)),
        generated_tests=tuple(TestRecord(f"{number} 2\n", "4\n", number) for number in range(TESTS)),
        matrix=MatrixRecord(truth, generated, correct_n=truth.passed.all(axis=1)),
    )


def _grid(columns: int, chance: random.Random) -> CellGrid:
    passed = np.array([[chance.random() < 0.7 for _ in range(columns)] for _ in range(PROGRAMS)])
    return CellGrid(
        passed=passed,
        status=np.zeros(passed.shape, dtype=np.uint8),
        milliseconds=np.full(passed.shape, 3, dtype=np.uint32),
        outputs=tuple(tuple("4\n" if cell else "5\n" for cell in row) for row in passed),
    )


def _text(tokens: int, chance: random.Random) -> str:
    return " ".join(chance.choice(WORDS) for _ in range(tokens))


def go_on(path: Path) -> None:
    """Write the present until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    folder = RunFolder.open(path)
    chance = random.Random(1)
    with (
        folder.lock(),
        Heartbeat(folder.heartbeat),
        JournalWriter(folder.journal) as journal,
        ArchiveWriter(folder.archive) as archive,
    ):
        step = STEPS
        wall = _Wall(LiveWriter(folder.live), chance)
        while True:
            step += 1
            journal.phase_started(step, "sample", ANSWERS, "answers")
            wall.sample(STEP_SECONDS)
            journal.phase_finished(step, "sample", STEP_SECONDS)
            archive.write_step(make_step(step, chance))
            journal.step_finished(step, make_metrics(chance))


class _Wall:
    """Wall of 32 growing answers; a long enough answer makes room for the next."""

    def __init__(self, live: LiveWriter, chance: random.Random) -> None:
        self._live, self._chance = live, chance
        self._texts = [_text(chance.randrange(ANSWER_TOKENS), chance) for _ in range(SLOTS)]
        self._tokens = [0] * SLOTS

    def sample(self, seconds: float) -> None:
        self._live.start_phase("sample", ANSWERS)
        began, written = time.monotonic(), 0
        while (now := time.monotonic() - began) < seconds:
            while written < now * TOKENS_A_SECOND:
                self._grow(written % SLOTS)
                written += 1
            self._live.progress(min(ANSWERS, written // 16))
            if self._live.due:
                self._live.flush()
            time.sleep(1 / BEATS_A_SECOND)
        self._live.flush()

    def _grow(self, slot: int) -> None:
        if self._tokens[slot] >= ANSWER_TOKENS:
            self._texts[slot], self._tokens[slot] = "", 0
        self._texts[slot] = f"{self._texts[slot]} {self._chance.choice(WORDS)}"[-1000:]
        self._tokens[slot] += 1
        role = "coder" if slot < SLOTS // 2 else "tester"
        self._live.update(slot, role, str(slot % TASKS), self._texts[slot], self._tokens[slot], "sampling")


if __name__ == "__main__":
    go_on(Path(sys.argv[1]))
