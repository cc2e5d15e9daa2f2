"""Model of an evaluation before it is loaded: how it is prompted, sampled and read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.config import RunConfig
from engine.evaluate.request import EvalRequest
from engine.machine.probe import card_gb
from engine.problems import Problem
from engine.prompts import PromptStyle, Reading, Role, Style, build_messages, style_of
from engine.servers.settings import Price
from engine.solve.named_model import named_model
from engine.solve.writers import Message
from engine.solve.writers.spec import WriterSpec


@dataclass(frozen=True, slots=True)
class RoleParams:
    """Sampling of one role: temperature, top-p, longest answer in tokens."""

    temperature: float
    top_p: float
    max_new_tokens: int


@dataclass(frozen=True, slots=True)
class Params:
    """Sampling of both roles."""

    coder: RoleParams
    tester: RoleParams

    def of(self, role: Role) -> RoleParams:
        return self.coder if role is Role.CODER else self.tester


@dataclass(frozen=True, slots=True)
class Model:
    """Model of a spec. config: of a local one. concurrency: answers under way at a server. price: of a server's model.

    reading: of its answers; its training's for local ones, kind for servers.
    """

    spec: WriterSpec
    params: Params
    style: Style
    show_example: bool
    reading: Reading
    thinking: bool
    config: RunConfig | None = None
    price: Price | None = None
    concurrency: int = 1
    has_gpu: bool = False

    def messages(self, problem: Problem, role: Role) -> tuple[Message, ...]:
        return tuple(build_messages(problem, role, self.style, show_example=self.show_example))


def find_models(request: EvalRequest, tell: Callable[[str], None]) -> dict[str, Model]:
    """Find the models of a request by the names of its parts; as `find_model`."""
    by_spec = {
        spec: find_model(spec, request.temperature, request.max_tokens, tell)
        for spec in dict.fromkeys(request.specs.values())
    }
    return {name: by_spec[spec] for name, spec in request.specs.items()}


def find_model(
    spec: WriterSpec, temperature: float | None, max_tokens: int | None, tell: Callable[[str], None]
) -> Model:
    """Find the model that a spec names; load nothing.

    tell: receives a sentence if a corrupt checkpoint is replaced by another. Raises CureError: no such preset, run or
    model; an address without its key.
    """
    if spec.kind == "openai":
        from engine.solve.writers.endpoints import DEFAULT_TEMPERATURE, DEFAULT_TOKENS, find_endpoint

        endpoint = find_endpoint(spec.name, spec.url)
        one = RoleParams(DEFAULT_TEMPERATURE if temperature is None else temperature, 1.0, max_tokens or DEFAULT_TOKENS)
        return Model(
            spec, Params(one, one), PromptStyle(endpoint.settings.prompts), True, Reading.KIND, False,
            price=endpoint.price, concurrency=endpoint.settings.concurrency,
        )  # fmt: skip
    config, _ = named_model(spec, tell)
    rollout, model = config.rollout, config.model
    heat = config.evaluation.temperature if temperature is None else temperature
    return Model(
        spec,
        Params(
            RoleParams(heat, rollout.top_p, max_tokens or rollout.max_new_tokens_coder),
            RoleParams(heat, rollout.top_p, max_tokens or rollout.max_new_tokens_tester),
        ),
        style_of(model),
        model.show_example,
        Reading(config.evaluation.reading),
        model.thinking,
        config=config,
        has_gpu=card_gb() is not None,
    )
