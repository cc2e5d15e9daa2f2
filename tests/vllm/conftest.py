"""Fixtures of real vLLM on the CPU with the embedded model; the tests are skipped where vLLM is not installed.

One vLLM process serves all tests of a file: its start takes longest. Tests leave it as they found it, except for its
weights, which every test sets for itself.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.sampling.vllm.compat import installed_version

LEFT_OUT = "vLLM is not installed: `make test-vllm` runs these"
NEED_NO_VLLM = ("test_without_vllm.py",)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if Path(__file__).parent in item.path.parents and item.path.name not in NEED_NO_VLLM]
    for item in here:
        item.add_marker(pytest.mark.slow)
        if installed_version() is None:
            item.add_marker(pytest.mark.skip(LEFT_OUT))
