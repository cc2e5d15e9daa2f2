"""Executors for the tests: one per level, shared by a test file, so that each starts its cells once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.sandbox import Executor, SandboxLevel, found_libraries, sandbox_level
from engine.sandbox.launch import Confinement
from tests.engine.sandbox.bounds import LIMITS

LEVELS = ("A", "B", "C", "C without bubblewrap")


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


def level_of(name: str) -> SandboxLevel:
    if name == "C without bubblewrap":
        return SandboxLevel("C", Confinement(bubblewrap=False, landlock=False, seccomp=True))
    level = sandbox_level(name)
    if not level.confined:
        pytest.skip(f"level {name} does not hold here: {level.reasons}")
    return level


@pytest.fixture(scope="module", params=LEVELS)
def executor_at_level(request: pytest.FixtureRequest) -> Iterator[Executor]:
    level = level_of(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MY_TOKEN", "token of the user")
        with Executor(LIMITS, cells=1, level=level) as shared:
            yield shared


@pytest.fixture(scope="module", params=LEVELS)
def library_executor_at_level(request: pytest.FixtureRequest) -> Iterator[Executor]:
    """Executor whose programs may import the libraries that are installed here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MY_TOKEN", "token of the user")
        names = [library.name for library in found_libraries()]
        with Executor(LIMITS, cells=1, level=level_of(request.param), libraries=names) as shared:
            yield shared
