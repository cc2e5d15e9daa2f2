"""Fixture of the real Tinker server; what needs it is skipped unless `make install-tinker` has been run.

One server serves the whole session: its start and its compilations take longest. Tests that end a server start their
own. A test leaves no model loaded behind.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tinker.skyrl_server import SkyRLServer, fp32_copy, installed

LEFT_OUT = "the Tinker server is not installed: `make test-tinker` runs these"
AVAILABLE = installed() and importlib.util.find_spec("tinker") is not None
ASKED = bool(os.environ.get("CURE_TUI_TEST_TINKER"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(1200))  # JAX compiles for minutes on a busy machine
            if not (AVAILABLE and ASKED):
                item.add_marker(pytest.mark.skip(LEFT_OUT))


@pytest.fixture(scope="session")
def nano_fp32(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy nano in fp32."""
    return fp32_copy(tmp_path_factory.mktemp("model") / "nano")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, nano_fp32: Path) -> Iterator[SkyRLServer]:
    """Start the session's server."""
    started = SkyRLServer(tmp_path_factory.mktemp("tinker"), nano_fp32)
    try:
        yield started.start()
    finally:
        started.kill()


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set a key: the SDK wants one, SkyRL reads none."""
    monkeypatch.setenv("TINKER_API_KEY", "tml-for-tests")
