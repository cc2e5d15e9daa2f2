"""Every strategy over a real local server, 8 requests at once: it tells what it pays, and arrival decides nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from engine.prompts import Role
from engine.sampling import SamplingParams
from engine.solve.strategies import Budget, Solution, Spent, find_strategy, solve, strategy_names
from engine.solve.writers import Account, Cost
from engine.solve.writers.endpoints import Endpoint, EndpointSettings, Price
from engine.solve.writers.openai_chat import OpenAIWriter
from tests.engine.solve.strategies.benches import bench_of
from tests.engine.solve.strategies.family import TASK, UNTOLD, Family
from tests.engine.solve.writers.fake_server import FakeServer, Reply, serving

CENT = Price(input=0.0, output=500.0)
"""An answer of 20 tokens costs a cent."""


def over(
    server: FakeServer, name: str, budget: Budget | None = None, *, told: bool = True
) -> tuple[Solution, Spent]:  # fmt: skip
    budget = budget or Budget()
    account = Account(budget.tokens, budget.dollars)
    params = {role: SamplingParams(0.8, 1.0, 64) for role in Role}
    endpoint = Endpoint("m", server.url, EndpointSettings(retries=0, concurrency=8), CENT)
    writer = OpenAIWriter(endpoint, params, account=account)
    spent = Spent(account)
    problem = TASK if told else UNTOLD
    bench = bench_of(writer, writer, n=5, m=5, problem=problem, budget=budget, spent=spent)
    try:
        return solve(find_strategy(name), bench), spent
    finally:
        writer.close()


def family(
    character: str, seconds: Callable[[int], float] = lambda number: 0.0
) -> Callable[[int, dict[str, object]], Reply]:  # fmt: skip
    own = Family(character)

    def handle(number: int, request: dict[str, object]) -> Reply:
        time.sleep(seconds(number))
        return own.handle(number, request)

    return handle


@pytest.mark.parametrize("name", strategy_names())
@pytest.mark.parametrize("dollars", [None, 0.04, 0.11, 0.23])
def test_what_is_paid_is_what_is_told_by_every_strategy(name: str, dollars: float | None) -> None:
    with serving(family("mixed", lambda number: 0.002 * (number * 7 % 5))) as server:
        solution, spent = over(server, name, Budget(dollars=dollars))
        paid = len(server.requests)
    assert round(100 * (spent.cost.dollars + spent.given_up.dollars)) == paid
    assert spent.cost.answers + spent.given_up.answers == paid
    by_stage = sum((each.cost for each in solution.trail), Cost())
    assert replace(by_stage, dollars=spent.cost.dollars) == spent.cost
    assert by_stage.dollars == pytest.approx(spent.cost.dollars)
    assert dollars is None or paid <= round(100 * dollars)
    assert solution.chosen is None or solution.candidates[solution.chosen].source


@pytest.mark.parametrize("name", strategy_names())
def test_answers_that_arrive_in_another_order_lead_to_the_same_program(name: str) -> None:
    def program(seconds: Callable[[int], float], *, told: bool) -> str | None:
        with serving(family("mixed", seconds)) as server:
            return over(server, name, told=told)[0].program

    for told in (True, False):
        at_once = program(lambda number: 0.0, told=told)
        late_first = program(lambda number: 0.01 * (7 - number % 8), told=told)
        assert at_once == late_first


@pytest.mark.parametrize("name", [name for name in strategy_names() if name not in ("bon", "codet", "auto", "single")])
def test_forms_that_are_asked_for_again_are_told_and_paid_once(name: str) -> None:
    def handle(number: int, request: dict[str, object]) -> Reply:
        messages = request["messages"]
        assert isinstance(messages, list)
        is_first = len(messages) == 1 and "Python" in messages[0]["content"]
        return Family("right" if is_first else "malformed").handle(number, request)

    with serving(handle) as server:
        solution, spent = over(server, name)
        paid = len(server.requests)
    assert spent.cost.answers == paid
    assert round(100 * spent.cost.dollars) == paid
    assert solution.program is not None
