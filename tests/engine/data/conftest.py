"""One executor for all tests of a file: references run in the real sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.sandbox import Executor


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor(cells=2) as made:
        yield made
