"""Fixtures of all tests."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

# A shell without job control starts background commands with SIGINT ignored, which their children inherit: Ctrl-C could
# then not be tested.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put runs and fetched data below a folder of the test's own, `tmp_path / "home"`."""
    home = tmp_path / "home"
    monkeypatch.setenv("CURE_TUI_HOME", str(home))
    return home
