"""Choices of settings: each one in the schema has an implementation, and each implementation is in the schema."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

import pytest

from cure_tui.commands.solve import Comparison
from engine.config import schema
from engine.problems import problem
from engine.prompts import PromptStyle, Reading
from engine.sandbox import TIME_RULES
from engine.sandbox.judging import COMPARISONS, PROFILES
from engine.train.samplers import SAMPLERS


@pytest.mark.parametrize(
    ("choices", "carried_out"),
    [
        pytest.param(schema.SamplerName, SAMPLERS, id="rollout.sampler"),
        pytest.param(schema.JudgingName, PROFILES, id="sandbox.judging"),
        pytest.param(schema.Comparison, COMPARISONS, id="sandbox.comparison"),
        pytest.param(schema.TimeRule, TIME_RULES, id="sandbox.time_rule"),
        pytest.param(schema.Comparison, problem.COMPARISONS, id="compare of a task"),
        pytest.param(schema.Comparison, Comparison, id="solve --comparison"),
        pytest.param(schema.ReadingName, Reading, id="rollout.reading"),
        pytest.param(schema.StyleName, PromptStyle, id="model.prompt_style"),
    ],
)
def test_every_choice_of_the_schema_is_carried_out_and_no_other(choices: Any, carried_out: Iterable[str]) -> None:
    assert set(get_args(choices)) == set(map(str, carried_out))
