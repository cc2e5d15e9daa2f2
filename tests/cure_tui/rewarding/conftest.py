"""Fixtures of the tests of `cure-tui reward serve`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cure_tui.command_line import Cli
from tests.cure_tui.rewarding.served import Served, end, start


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Share one server within a file: each test leaves it answering."""
    served = start(Cli.below(tmp_path_factory.mktemp("served")))
    yield served
    assert "Traceback" not in end(served)
