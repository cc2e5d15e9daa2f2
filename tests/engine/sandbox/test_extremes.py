"""Sources and inputs of absurd size: they cost no more than their limits and do not harm other programs."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from engine.sandbox import Executor, Limits, SandboxLevel, Status

HEAVY = {
    "300 MB of source": ("#" * (300 << 20), "", {Status.COMPILE_ERROR}),
    "empty source": ("", "", {Status.OK}),
    "source of blank lines": ("\n" * (3 << 20), "", {Status.OK}),
    "source of one long line": ("x = '" + "y" * (3 << 20) + "'", "", {Status.OK}),
    "source of many names": ("\n".join(f"v{n} = {n}" for n in range(200_000)), "", {Status.OK, Status.COMPILE_ERROR}),
    "NUL bytes all over": ("print(1)\n" + "\0" * 1000, "", {Status.COMPILE_ERROR}),
    "surrogates all over": ("x = '" + "\udcff" * 1000 + "'", "", {Status.COMPILE_ERROR}),
    "50 MB of input, read": ("print(sum(map(len, open(0))))", "x" * (50 << 20), {Status.OK, Status.MEMORY_LIMIT}),
    "50 MB of input, ignored": ("print(1)", "y" * (50 << 20), {Status.OK}),
    "50 MB of input, echoed": ("print(input())", "z" * (50 << 20), {Status.OUTPUT_LIMIT, Status.MEMORY_LIMIT}),
}


@pytest.fixture(scope="module")
def small(best_level: SandboxLevel) -> Iterator[Executor]:
    limits = Limits(cpu_seconds=5.0, memory_mb=256, output_kb=64, compile_seconds=1.0)
    with Executor(limits, cells=2, level=best_level) as shared:
        yield shared


@pytest.mark.parametrize("name", HEAVY)
def test_absurd_sizes_end_in_a_verdict_and_the_batch_goes_on(small: Executor, name: str) -> None:
    source, text, statuses = HEAVY[name]
    started = time.monotonic()
    heavy = small.submit(source, [text])
    light = [small.submit(f"# {name} {number}\nprint(int(input()) * 2)", ["1", "2"]) for number in range(8)]
    assert [outcome.stdout for future in light for outcome in future.result(timeout=120)] == ["2\n", "4\n"] * 8
    (outcome,) = heavy.result(timeout=120)
    assert outcome.status in statuses, outcome
    assert time.monotonic() - started < 100
    assert small.cells_lost == 0


def test_one_gigabyte_of_output_from_every_program_of_a_batch_stays_within_bounds(small: Executor) -> None:
    flood = "for _ in range(1024): print('x' * (1 << 20))"
    futures = [small.submit(f"# {number}\n{flood}", ["a", "b"]) for number in range(6)]
    outcomes = [outcome for future in futures for outcome in future.result(timeout=120)]
    assert {outcome.status for outcome in outcomes} == {Status.OUTPUT_LIMIT}
    assert max(len(outcome.stdout) for outcome in outcomes) <= 64 << 10


def test_endless_programs_hold_up_their_batch_no_longer_than_their_limits(small: Executor) -> None:
    endless = [small.submit(f"# {number}\nwhile True: pass", list("abcd"), cpu_seconds=0.5) for number in range(4)]
    light = [small.submit(f"# light {number}\nprint(input())", ["1"]) for number in range(20)]
    assert all(future.result(timeout=120)[0].stdout == "1\n" for future in light)
    ended = [outcome for future in endless for outcome in future.result(timeout=120)]
    assert {outcome.status for outcome in ended} == {Status.TIME_LIMIT}
    # of each program at most two executions at the full limit and two at the short one, with as much for a late end
    assert sum(outcome.cpu_seconds for outcome in ended) < 4 * 2 * (2 * 0.5 + 2 * 0.15)
