"""OpenMP's threads sleep while they wait, unless the user has said otherwise."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from engine.machine.threads import sleep_at_barriers


@pytest.fixture(autouse=True)
def nothing_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.setenv(name, "")  # so that what a test leaves is taken back
        monkeypatch.delenv(name)


def test_threads_sleep_at_barriers_by_default() -> None:
    sleep_at_barriers()
    assert os.environ["GOMP_SPINCOUNT"] == "0"


@pytest.mark.parametrize(("name", "value"), [("GOMP_SPINCOUNT", "1000"), ("OMP_WAIT_POLICY", "ACTIVE")])
def test_the_users_own_choice_wins(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    sleep_at_barriers()
    assert os.environ[name] == value
    assert ("GOMP_SPINCOUNT" in os.environ) == (name == "GOMP_SPINCOUNT")


@pytest.mark.parametrize("module", ["engine.train.__main__", "engine.solve.__main__"])
def test_the_engines_processes_import_no_torch_before_they_choose(module: str) -> None:
    code = f"import sys, {module}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
