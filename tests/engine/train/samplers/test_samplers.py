"""Registry of samplers."""

from __future__ import annotations

import inspect
from importlib import import_module
from types import SimpleNamespace

import pytest

from engine.sampling.local.sampler import TransformersSampler
from engine.train import samplers
from tests.engine.sections import NANO


@pytest.mark.parametrize("file", samplers.SAMPLERS.values())
def test_every_sampler_is_opened_with_the_same_arguments(file: str) -> None:
    opened = import_module(f"engine.train.samplers.{file}").open_sampler
    assert list(inspect.signature(opened).parameters) == list(inspect.signature(samplers.choose_sampler).parameters)


def test_a_sampler_is_loaded_when_it_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    asked_for = []

    def load(name: str) -> SimpleNamespace:
        asked_for.append(name)
        return SimpleNamespace(open_sampler=lambda *arguments: TransformersSampler)

    monkeypatch.setattr(samplers, "import_module", load)
    assert samplers.choose_sampler(NANO, None, None, (), None) is TransformersSampler  # type: ignore[arg-type]
    assert asked_for == ["engine.train.samplers.local"]
