"""Needs of strategies, held against their writers before anything is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.errors import ConfigError
from engine.prompts import PromptStyle, Style
from engine.solve.named_model import named_model
from engine.solve.strategies import Need, Part, Strategy
from engine.solve.writers.spec import WriterSpec


def refuse_unmet_needs(strategy: Strategy, specs: Mapping[Part, WriterSpec]) -> None:
    """Raise ConfigError for a strategy that these writers cannot follow, before a model is loaded."""
    if unmet := unmet_need(strategy, specs, _style_of):
        raise ConfigError(f"{unmet}, {strategy.name} is a conversation", "use --strategy bon, or a chat model")


def unmet_need(strategy: Strategy, specs: Mapping[Part, WriterSpec], style_of: Callable[[WriterSpec], Style]) -> str:
    """Return which of the writers cannot follow a strategy, in words; "" if all can."""
    if Need.CONVERSATION in strategy.needs:
        for spec in dict.fromkeys(specs[part] for part in strategy.parts):
            if style_of(spec) is PromptStyle.SHORT:
                return f"{spec} answers single questions only"
    return ""


def _style_of(spec: WriterSpec) -> Style:
    if spec.kind == "openai":
        from engine.solve.writers.endpoints import find_endpoint

        return PromptStyle(find_endpoint(spec.name, spec.url).settings.prompts)
    return PromptStyle(named_model(spec, lambda _: None)[0].model.prompt_style)
