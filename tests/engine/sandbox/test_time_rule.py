"""Relative time rule: a program is ended by what the other programs of its task needed, and never elsewhere."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from engine.sandbox import Executor, Limits, Outcome, Peers, SandboxLevel, Status

LOOP = "while True: pass"
SLOW = "import time\nwhile time.process_time() < 0.4: pass\nprint(input())"
LIMIT = 1.0
_numbers = itertools.count()


@pytest.fixture(scope="module")
def executor(best_level: SandboxLevel) -> Iterator[Executor]:
    with Executor(Limits(cpu_seconds=LIMIT), cells=2, level=best_level) as shared:
        yield shared


# One more than ENOUGH: on a busy machine the other cell may still execute one of them.
def quick(count: int) -> list[str]:
    """Return `count` different programs that answer at once."""
    return [f"# {next(_numbers)}\nprint(input())" for _ in range(count)]


def new(source: str) -> str:
    return f"# {next(_numbers)}\n{source}"


def run_together(executor: Executor, sources: list[str], inputs: list[str], peers: Peers) -> list[list[Outcome]]:
    futures: list[Future[list[Outcome]]] = [executor.submit(source, inputs, peers=peers) for source in sources]
    return [future.result() for future in futures]


def test_a_loop_is_ended_soon_once_enough_programs_have_ended(executor: Executor) -> None:
    before = executor.ended_early
    *rest, looped = run_together(executor, [*quick(Peers.ENOUGH + 1), new(LOOP)], ["1", "2", "3"], Peers())
    assert {outcome.status for row in rest for outcome in row} == {Status.OK}
    assert [outcome.status for outcome in looped] == [Status.TIME_LIMIT] * 3
    assert all(outcome.cpu_seconds < 0.6 * LIMIT for outcome in looped)
    assert executor.ended_early - before == 3


def test_the_exact_limit_holds_until_enough_have_ended(executor: Executor) -> None:
    *_, looped, slow = run_together(executor, [*quick(Peers.ENOUGH - 1), new(LOOP), new(SLOW)], ["1"], Peers())
    assert looped[0].status is Status.TIME_LIMIT
    assert looped[0].cpu_seconds >= LIMIT
    assert slow[0].status is Status.OK


def test_programs_that_fail_at_once_say_nothing_of_the_time_needed(executor: Executor) -> None:
    failing = [new("1 / 0") for _ in range(Peers.ENOUGH)]
    *_, slow = run_together(executor, [*failing, new(SLOW)], ["1"], Peers())
    assert slow[0].status is Status.OK


def test_the_time_is_relative_to_the_same_input(executor: Executor) -> None:
    peers = Peers()
    run_together(executor, quick(Peers.ENOUGH), ["1"], peers)
    (slow,) = run_together(executor, [new(SLOW)], ["2"], peers)
    assert slow[0].status is Status.OK


def test_a_program_no_slower_than_ten_times_the_slowest_is_right(executor: Executor) -> None:
    steady = [
        new(f"import time\nwhile time.process_time() < 0.06: pass\nprint({at})") for at in range(Peers.ENOUGH + 1)
    ]
    *_, slow = run_together(executor, [*steady, new(SLOW)], ["1"], Peers())
    assert (slow[0].status, slow[0].stdout) == (Status.OK, "1\n")


def test_an_outcome_by_the_rule_holds_for_its_task_alone(executor: Executor) -> None:
    slow, peers = new(SLOW), Peers()
    *_, ended = run_together(executor, [*quick(Peers.ENOUGH + 1), slow], ["1"], peers)
    assert ended[0].status is Status.TIME_LIMIT
    executions = executor.executions
    assert executor.submit(slow, ["1"], peers=peers).result() == ended
    assert executor.executions == executions, "known within the task"
    assert executor.submit(slow, ["1"], peers=Peers()).result()[0].status is Status.OK
    assert executor.run(new(SLOW), ["1"])[0].status is Status.OK


def test_a_run_under_the_exact_limit_does_not_wait_for_one_under_the_rule(executor: Executor) -> None:
    slow, peers = new(SLOW), Peers()
    run_together(executor, quick(Peers.ENOUGH), ["1"], peers)
    relative, exact = executor.submit(slow, ["1"], peers=peers), executor.submit(slow, ["1"])
    assert relative.result()[0].status is Status.TIME_LIMIT
    assert exact.result()[0].status is Status.OK


def test_other_outcomes_are_shared_by_all(executor: Executor) -> None:
    (source,) = quick(1)
    executor.submit(source, ["1"], peers=Peers()).result()
    executions = executor.executions
    assert executor.run(source, ["1"])[0].status is Status.OK
    assert executor.executions == executions


def test_a_program_that_loops_on_all_inputs_costs_one_limit_and_short_tries(executor: Executor) -> None:
    started = time.monotonic()
    (looped,) = run_together(executor, [new(LOOP)], [str(at) for at in range(8)], Peers())
    assert [outcome.status for outcome in looped] == [Status.TIME_LIMIT] * 8
    assert sum(outcome.cpu_seconds for outcome in looped) < 3.5 * LIMIT, time.monotonic() - started


def test_a_program_may_sleep_as_long_as_under_the_exact_limit(executor: Executor) -> None:
    *_, slept = run_together(
        executor, [*quick(Peers.ENOUGH + 1), new("import time\ntime.sleep(1.5)\nprint(input())")], ["1"], Peers()
    )
    assert slept[0].status is Status.OK


def test_closing_cancels_what_waits_at_the_end_of_the_queue(best_level: SandboxLevel) -> None:
    with Executor(Limits(cpu_seconds=30.0), cells=1, level=best_level) as executor:
        futures = [executor.submit(new(LOOP), ["1"], peers=Peers()) for _ in range(3)]
        time.sleep(1.0)
    assert all(future.cancelled() or future.done() for future in futures)


def test_a_rule_needs_no_short_try_where_the_exact_limit_is_as_short(best_level: SandboxLevel) -> None:
    with Executor(Limits(cpu_seconds=Peers.FLOOR), cells=1, level=best_level) as executor:
        (looped,) = run_together(executor, [new(LOOP)], ["1"], Peers())
        assert (looped[0].status, executor.executions, executor.ended_early) == (Status.TIME_LIMIT, 1, 0)
