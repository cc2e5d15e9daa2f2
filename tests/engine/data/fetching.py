"""`cure-tui data fetch` as a command, and the records that a hub of the tests serves it."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.engine.data.local_hub import LocalHub

ROOT = Path(__file__).parents[3]
TRAIN, TEST = "Gen-Verse/CodeContests_train", "Gen-Verse/CodeContests"
SECRET = "hf_secret"


def record(index: int, statement: str = "", **changed: Any) -> dict[str, Any]:
    return {
        "task_id": index,
        "question": statement or f"Add {index} to the number.",
        "test_input": [f"{value}\n" for value in range(12)],
        "test_output": [f"{value + index}\n" for value in range(12)],
        "example_input": ["1\n"],
        "example_output": [f"{1 + index}\n"],
        "test_time_limit": 1,
        "difficulty": 2,
        "dataset": "CodeContests",
        "exe_method": "stdin",
        "solutions": None,
        **changed,
    }


def packed(*records: object, noise: int = 0) -> bytes:
    filler = {"question": "", "filler": random.Random(0).randbytes(noise).hex()}
    return json.dumps([*records, *([filler] if noise else [])]).encode()


class Fetching:
    """Command line in a home of its own, with a hub's address."""

    def __init__(self, folder: Path, hub: LocalHub) -> None:
        self.home, self.cache, self.hub = folder / "home", folder / "cache", hub
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HF_")},
            "CURE_TUI_HOME": str(self.home),
            "HF_HOME": str(self.cache),
            "HF_ENDPOINT": hub.url,
            "HF_TOKEN": SECRET,
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
        }

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "cure_tui", "data", *arguments]

    def __call__(self, *arguments: str, **changed: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command("fetch", *arguments),
            env={**self.environment, **changed},
            capture_output=True,
            text=True,
            timeout=100,
            stdin=subprocess.DEVNULL,
        )

    @property
    def folder(self) -> Path:
        return self.home / "data" / "codecontests"

    def part(self) -> Path:
        return self.folder / ".download" / "train-train_CodeContests_train.json.part"

    def whole(self) -> bytes:
        """Return the kept download."""
        return (self.folder / ".download" / "train-train_CodeContests_train.json").read_bytes()


def succeeded(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stderr


def refused(done: subprocess.CompletedProcess[str], *said: str, status: int = 7) -> str:
    """Check that the command ends with one line that says all of `said`; return the line."""
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ")
    for part in said:
        assert part in last, last
    return last
