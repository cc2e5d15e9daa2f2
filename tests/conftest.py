"""Fixtures of all tests."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put runs and fetched data below a folder of the test's own, `tmp_path / "home"`."""
    home = tmp_path / "home"
    monkeypatch.setenv("CURE_TUI_HOME", str(home))
    return home
