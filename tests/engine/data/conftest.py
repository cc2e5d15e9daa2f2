"""Fixtures of data sets: one executor for all tests of a file, whose references run in the real sandbox; a hub."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.sandbox import Executor
from tests.engine.data.fetching import SECRET, TEST, TRAIN, Fetching, packed, record
from tests.engine.data.local_hub import LocalHub


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor(cells=2) as made:
        yield made


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    repos = {
        TRAIN: {"train/CodeContests_train.json": packed(*(record(index) for index in range(40)), noise=300_000)},
        TEST: {"test/CodeContests.json": packed(*(record(index, f"Take {index} from it.") for index in range(5)))},
    }
    with LocalHub(repos, token=SECRET) as running:
        yield running


@pytest.fixture
def fetching(tmp_path: Path, hub: LocalHub) -> Fetching:
    return Fetching(tmp_path, hub)
