"""Fixtures of the tests of rewards for other trainers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.rewarding import Rewarder


@pytest.fixture(scope="module")
def rewarder() -> Iterator[Rewarder]:
    """Share one rewarder with nano's settings within a file, so that its cells start once."""
    with Rewarder.of_preset("nano") as rewarder:
        yield rewarder
