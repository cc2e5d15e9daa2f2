"""Fixtures of the engine's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.sandbox import Executor, Limits


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    """Share one executor within a file, so that its cells start once; the sandbox's tests have a roomier one."""
    with Executor(Limits(cpu_seconds=1.0), cells=2) as executor:
        yield executor
