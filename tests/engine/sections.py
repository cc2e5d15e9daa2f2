"""Sections of a configuration for tests of a single room: those of the preset nano, with changes."""

from __future__ import annotations

from typing import TypeVar

from engine.config import RewardConfig, RolloutConfig
from engine.config.schema import Section
from engine.machine.resources import preset_files
from engine.presets import load_preset

NANO = load_preset(preset_files()["nano"])

_Section = TypeVar("_Section", bound=Section)


def changed(section: _Section, **changes: object) -> _Section:
    """Return `section` with changes. Names are checked; ranges are not, because tests make everything small."""
    unknown = set(changes) - set(type(section).model_fields)
    if unknown:
        raise TypeError(f"no settings of {type(section).__name__}: {unknown}")
    return section.model_copy(update=changes)


def rollout_settings(**changes: object) -> RolloutConfig:
    return changed(NANO.rollout, **changes)


def reward_settings(**changes: object) -> RewardConfig:
    return changed(NANO.reward, **{"tester_variant": "cure"} | changes)
