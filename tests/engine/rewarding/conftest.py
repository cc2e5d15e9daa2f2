"""Fixtures of the tests of rewards for other trainers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.rewarding import Rewarder
from tests.cure_tui.command_line import Cli


@pytest.fixture(scope="module")
def rewarder() -> Iterator[Rewarder]:
    """Share one rewarder with nano's settings within a file, so that its cells start once."""
    with Rewarder.of_preset("nano") as rewarder:
        yield rewarder


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli.below(tmp_path)
