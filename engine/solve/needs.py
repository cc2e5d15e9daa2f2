"""Needs of strategies, held against the writers and problems before anything is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.errors import ConfigError
from engine.problems import Problem
from engine.prompts import PromptStyle
from engine.solve.named_model import named_model
from engine.solve.strategies import Need, Part, Strategy
from engine.solve.writers.spec import WriterSpec


def refuse_unmet_needs(strategy: Strategy, specs: Mapping[Part, WriterSpec], problems: Sequence[Problem]) -> None:
    """Raise ConfigError for a strategy that these writers or problems cannot follow, before a model is loaded."""
    if Need.CONVERSATION in strategy.needs:
        for spec in dict.fromkeys(specs[part] for part in strategy.parts):
            if _style_of(spec) is PromptStyle.SHORT:
                raise ConfigError(
                    f"{spec} answers single questions only, {strategy.name} is a conversation",
                    "use --strategy bon, or a chat model",
                )
    if Need.EXAMPLES in strategy.needs and not all(problem.public for problem in problems):
        raise ConfigError(f"{strategy.name} needs a problem with examples", "use --strategy bon")


def _style_of(spec: WriterSpec) -> PromptStyle:
    if spec.kind == "openai":
        from engine.solve.writers.endpoints import find_endpoint

        return PromptStyle(find_endpoint(spec.name, spec.url).settings.prompts)
    return PromptStyle(named_model(spec, lambda _: None)[0].model.prompt_style)
