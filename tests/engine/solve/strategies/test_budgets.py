"""Limits of time and money, over real servers and executions: what is paid is counted, and time is kept."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from engine.errors import ConfigError
from engine.problems import IOExample, Problem
from engine.prompts import Role
from engine.sampling import SamplingParams
from engine.sandbox import Executor, Limits
from engine.solve.strategies import Bench, Budget, Quiet, Solution, Spent, find_strategy
from engine.solve.strategies import solve as run
from engine.solve.writers import Account, Waiting
from engine.solve.writers.endpoints import Endpoint, EndpointSettings, Price
from engine.solve.writers.openai_chat import OpenAIWriter
from tests.engine.solve.strategies.scripted import program, unit_test
from tests.engine.solve.writers.fake_server import Reply, completion, serving

DOUBLE = program("print(int(input()) * 2)")
LOOP = program("while True: pass")
TENTH = Price(input=0.0, output=500.0)
"""An answer of 20 tokens costs a cent."""


def answering(seconds: Callable[[int], float], coder: str = DOUBLE) -> Callable[[int, dict[str, Any]], Reply]:
    def handle(number: int, request: dict[str, Any]) -> Reply:
        is_tester = "unit test" in request["messages"][0]["content"]
        time.sleep(seconds(number))
        return completion(unit_test("3", "6") if is_tester else coder)

    return handle


def solve(
    executor: Executor, url: str, budget: Budget, *, strategy: str = "bon", n: int = 16, m: int = 16,
    account: Account | None = None, observer: Quiet | None = None,
) -> tuple[Solution, Spent]:  # fmt: skip
    account = account or Account(budget.tokens, budget.dollars)
    params = {role: SamplingParams(0.8, 1.0, 64) for role in Role}
    settings = EndpointSettings(retries=0)
    writer = OpenAIWriter(Endpoint("m", url, settings, TENTH), params, account=account)
    spent = Spent(account)
    problem = Problem("double", "Double it.", (IOExample("4", "8"),), ())
    bench = Bench(
        problem, "Double it.", writer, writer, executor, n, m,
        budget=budget, observer=observer or Quiet(), spent=spent,
    )  # fmt: skip
    try:
        return run(find_strategy(strategy), bench), spent
    finally:
        writer.close()


@pytest.mark.parametrize("strategy", ["bon", "codet", "single"])
@pytest.mark.parametrize("dollars", [0.10, 0.075, 10.0])
def test_what_a_server_is_paid_is_what_is_reported(executor: Executor, strategy: str, dollars: float) -> None:
    with serving(answering(lambda number: 0.05 + 0.02 * (number % 5))) as server:
        _, spent = solve(executor, server.url, Budget(dollars=dollars), strategy=strategy)
        time.sleep(0.2)  # a request that nobody waits for would still arrive
        paid = 0.01 * len(server.requests)
    assert spent.cost.dollars + spent.given_up.dollars == pytest.approx(paid)
    assert spent.given_up.answers == 0
    assert paid <= dollars + 1e-9


def test_an_early_end_waits_a_little_for_the_answers_that_are_paid(executor: Executor) -> None:
    with serving(answering(lambda number: 0.0 if number < 24 else 0.5)) as server:
        solution, spent = solve(executor, server.url, Budget(), n=8, m=32)
        asked = len(server.requests)
    assert solution.ended in ("the leader could not be overtaken", "")
    assert spent.cost.answers == asked
    assert spent.given_up.answers == 0


def test_requests_that_are_not_waited_for_are_reported_with_what_they_may_cost(executor: Executor) -> None:
    held = threading.Event()

    def handle(number: int, request: dict[str, Any]) -> Reply:
        if number >= 4:
            held.wait(100)
        return answering(lambda number: 0.0)(number, request)

    with serving(handle) as server:
        solution, spent = solve(executor, server.url, Budget(seconds=1.0))
        assert not held.is_set()
        held.set()
        asked = len(server.requests)
    assert solution.ended == "the budget of 1 s is spent"
    assert spent.cost.answers <= 4
    assert spent.cost.answers + spent.given_up.answers == asked
    assert spent.cost.dollars + spent.given_up.dollars == pytest.approx(0.01 * asked)


def test_a_limit_of_time_is_not_outlasted_by_executions() -> None:
    with serving(answering(lambda number: 0.0, LOOP)) as server, Executor(Limits(cpu_seconds=300.0)) as patient:
        started = time.monotonic()
        solution, _ = solve(patient, server.url, Budget(seconds=0.3))
        assert time.monotonic() - started < 100
    assert solution.ended == "the budget of 0.3 s is spent"


def test_limits_of_tokens_and_dollars_hold_for_all_problems_together(executor: Executor) -> None:
    account = Account(dollars=0.12)
    with serving(answering(lambda number: 0.0)) as server:
        for dollars in (0.08, 0.04, 0.0):
            solution, spent = solve(executor, server.url, Budget(dollars=0.12), n=4, m=4, account=account)
            assert spent.cost.dollars == pytest.approx(dollars)
            assert solution.ended == ("" if dollars == 0.08 else "the budget of $0.12 is spent")
    assert len(server.requests) == 12


def test_a_token_limit_counts_prompts_too(executor: Executor) -> None:
    with serving(answering(lambda number: 0.0)) as server:
        solution, spent = solve(executor, server.url, Budget(tokens=600))
    assert solution.ended == "the budget of 600 tokens is spent"
    assert (spent.cost.prompt_tokens, spent.cost.tokens) == (500, 100)


def test_what_is_waited_for_is_told_while_it_lasts(executor: Executor) -> None:
    class Listener(Quiet):
        def __init__(self) -> None:
            self.told: list[tuple[str, Waiting]] = []

        def on_waiting(self, writer: str, waiting: Waiting) -> None:
            self.told.append((writer, waiting))

    listener = Listener()
    with serving(answering(lambda number: 1.0)) as server:
        solve(executor, server.url, Budget(), n=2, m=2, observer=listener)
    assert {writer for writer, _ in listener.told} == {f"m at {server.url}"}
    answers, seconds = max((each.answers, each.seconds) for _, each in listener.told)
    assert answers == 4
    assert 0.3 < seconds < 2.0


@pytest.mark.parametrize("text", ["30s, 1m", "20k, 500tok", "$1, $2"])
def test_a_limit_that_is_given_twice_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="given twice"):
        Budget.parse(text)


@pytest.mark.parametrize("text", ["0s", "$0", "0tok", "0.4tok", "0.0001k", "1m, 0.4 tokens"])
def test_a_limit_of_nothing_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="leaves nothing to spend"):
        Budget.parse(text)
