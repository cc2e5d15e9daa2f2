"""Costs of an evaluation by role, from its journal of answers, and what was paid for answers that no row counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from engine.evaluate.answers import AnswerCost
from engine.evaluate.parts import Part
from engine.evaluate.request import EvalRequest
from engine.evaluation.report import RoleCost
from engine.problems import Problem
from engine.servers.settings import endpoints_file, price_in_words
from engine.solve.writers import Cost


def role_costs(
    parts: Sequence[Part], problems: Iterable[Problem], request: EvalRequest, costs: Mapping[str, AnswerCost]
) -> tuple[RoleCost, ...]:
    """Sum up what the answers to these tasks cost, by part. costs: of all answers, by their keys."""
    chosen = list(problems)
    return tuple(
        _role_cost(part, [costs[key] for problem in chosen for key in part.keys(problem, request)]) for part in parts
    )


def cost_notes(
    roles: Sequence[RoleCost], costs: Mapping[str, AnswerCost], lost: Cost, conversed: Sequence[Cost] = ()
) -> list[str]:
    """Return in sentences what was paid beyond the roles' answers, and what is not known.

    lost: estimates. conversed: costs of further answers to strategies, which `costs` does not have.
    """
    paid, counted = sum((each.cost for each in costs.values()), Cost()), sum(role.answers for role in roles)
    beyond = paid.dollars - sum(role.dollars or 0.0 for role in roles)
    told = []
    if conversed:
        more = sum(conversed, Cost())
        told.append(
            f"strategies asked for {more.answers} further answers: {more.prompt_tokens} tokens of prompts, "
            f"{more.tokens} of answers, ${more.dollars:.4f}"
        )
    if beyond > 1e-9 and paid.answers > counted:
        told.append(
            f"${beyond:.4f} more was paid for {paid.answers - counted} answers to tasks that lack others: "
            "they are kept, and count when the evaluation goes on"
        )
    if lost.dollars:
        told.append(f"about ${lost.dollars:.4f} may be charged for requests that were given up")
    if paid.uncounted:
        told.append(
            f"{paid.uncounted} answers came without token usage, which the dollars lack: "
            f'write usage = "estimate" for that address in {endpoints_file()}'
        )
    return told


def _role_cost(part: Part, costs: Sequence[AnswerCost]) -> RoleCost:
    model, whole = part.model, sum((each.cost for each in costs), Cost())
    is_local = model.config is not None
    return RoleCost(
        role=part.name,
        model=str(model.spec),
        served=next((each.served for each in reversed(costs) if each.served), ""),
        answers=whole.answers,
        prompt_tokens=whole.prompt_tokens,
        tokens=whole.tokens,
        seconds=round(sum(each.seconds for each in costs), 3),
        dollars=0.0 if is_local else whole.dollars if model.price is not None else None,
        local=is_local,
        price=price_in_words(model.spec.name, model.price) if model.price is not None else "",
    )
