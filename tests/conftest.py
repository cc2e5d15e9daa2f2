"""Fixtures of all tests."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

# A shell without job control starts background commands with SIGINT ignored, which their children inherit: Ctrl-C could
# then not be tested.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Give random examples all the time they take: on a busy machine any of them may wait for a core.

    Where CI is set, Hypothesis has a profile of its own, which does so too. The environments of the servers' tests lack
    Hypothesis.
    """
    if "CI" not in os.environ and config.pluginmanager.hasplugin("hypothesispytest"):
        from hypothesis import HealthCheck, settings

        settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
        settings.load_profile("patient")


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put runs and fetched data below a folder of the test's own, `tmp_path / "home"`."""
    home = tmp_path / "home"
    monkeypatch.setenv("CURE_TUI_HOME", str(home))
    return home
