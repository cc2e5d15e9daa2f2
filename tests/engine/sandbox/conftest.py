"""Executors for the tests: one per level, shared by a test file, so that each starts its cells once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.sandbox import Executor, SandboxLevel, sandbox_level
from engine.sandbox.launch import Confinement
from tests.engine.sandbox.bounds import LIMITS


@pytest.fixture(scope="session")
def best_level() -> SandboxLevel:
    level = sandbox_level()
    if not level.confined:
        pytest.skip(f"no confinement here: {level.reasons}")
    return level


@pytest.fixture(scope="module")
def executor(best_level: SandboxLevel) -> Iterator[Executor]:
    with Executor(LIMITS, cells=2, level=best_level, sticky_timeouts=False) as shared:
        yield shared


@pytest.fixture(scope="module", params=["A", "B", "C", "C without bubblewrap"])
def executor_at_level(request: pytest.FixtureRequest) -> Iterator[Executor]:
    if request.param == "C without bubblewrap":
        level = SandboxLevel("C", Confinement(bubblewrap=False, landlock=False, seccomp=True))
    else:
        level = sandbox_level(request.param)
    if not level.confined:
        pytest.skip(f"level {request.param} does not hold here: {level.reasons}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MY_TOKEN", "token of the user")
        with Executor(LIMITS, cells=1, level=level) as shared:
            yield shared
