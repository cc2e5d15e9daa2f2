"""Fixtures of the web room's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cure_tui.command_line import Cli
from tests.cure_tui.web.served import SECONDS, Served, start


@pytest.fixture
def served(cli: Cli) -> Iterator[Served]:
    process = start(cli)
    assert process.stdout is not None
    yield Served(process, process.stdout.readline().strip())
    process.terminate()
    process.communicate(timeout=SECONDS)
