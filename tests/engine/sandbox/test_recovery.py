"""Recovery on the trusted side: lost cells, repeated pairs, sticky time-outs."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from engine.sandbox import Executor, Limits, SandboxLevel, Status
from engine.sandbox.cell import Cell, CellLost
from engine.sandbox.confined import wire
from engine.sandbox.executor import MAX_LOSSES


def zygotes() -> list[int]:
    """Return the zygote processes of this test, found by their command line."""

    def below(pid: int) -> list[int]:
        tasks = Path(f"/proc/{pid}/task").glob("*/children")
        children = [int(child) for task in tasks for child in task.read_text().split()]
        return children + [deeper for child in children for deeper in below(child)]

    found = [pid for pid in below(os.getpid()) if b"confined.zygote" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return sorted(found)


def test_a_killed_cell_is_replaced_and_its_work_repeated(best_level: SandboxLevel) -> None:
    with Executor(Limits(cpu_seconds=5.0), cells=1, level=best_level) as executor:
        executor.run("print(1)", [""])
        source = "import time\nn = int(input())\nif n == 5: time.sleep(0.5)\nprint(n)"
        future = executor.submit(source, [str(number) for number in range(10)])
        while executor.cells_lost == 0 and not future.done():
            for pid in zygotes()[:1]:
                os.kill(pid, signal.SIGKILL)
                threading.Event().wait(0.3)
            if executor.cells_lost:
                break
        outcomes = future.result(timeout=120)
        assert [outcome.stdout for outcome in outcomes] == [f"{number}\n" for number in range(10)]
        assert executor.cells_lost >= 1


class FailingCell(Cell):
    """Real cell that reports its own loss whenever it is to run the input `poison`."""

    def execute(self, source: bytes, inputs: object, limits: Limits, strikes: int = 0) -> wire.Results:
        assert isinstance(inputs, list)
        if b"poison" in inputs:
            sound = inputs[: inputs.index(b"poison")]
            partial = super().execute(source, sound, limits, strikes)
            self.close()
            raise CellLost("poisoned", partial)
        return super().execute(source, inputs, limits, strikes)


def test_after_three_losses_one_execution_is_given_up_and_no_other(
    best_level: SandboxLevel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.sandbox.executor.Cell", FailingCell)
    with Executor(cells=1, level=best_level) as executor:
        outcomes = executor.run("print(input())", ["a", "poison", "b", "c"])
        assert [outcome.status for outcome in outcomes] == ["ok", "infrastructure", "ok", "ok"]
        assert outcomes[1].stderr_tail == "poisoned"
        assert executor.cells_lost == MAX_LOSSES
        assert executor.executions == 3


def test_cells_that_cannot_start_give_infrastructure_outcomes_in_bound(
    best_level: SandboxLevel, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = Executor(cells=1, level=best_level)
    monkeypatch.setattr("engine.sandbox.launch.interpreter", lambda: "/nowhere/python")
    with executor:
        outcomes = executor.run("print(1)", ["1", "2", "3"])
    assert {outcome.status for outcome in outcomes} == {Status.INFRASTRUCTURE}


def test_identical_pairs_run_once(executor: Executor) -> None:
    source = "import os\nprint(input(), os.urandom(8).hex())"
    before, hits = executor.executions, executor.cache_hits
    first = executor.run(source, ["x", "y", "x"])
    second = executor.run(source, ["y", "x"])
    assert first[0] == first[2] == second[1]
    assert first[1] == second[0]
    assert executor.executions - before == 2
    assert executor.cache_hits - hits == 3


def test_pairs_in_flight_are_shared_by_runs(executor: Executor) -> None:
    source = "import os, time\ntime.sleep(0.05)\nprint(os.urandom(8).hex())"
    futures = [executor.submit(source, ["same"]) for _ in range(10)]
    assert len({future.result()[0].stdout for future in futures}) == 1


def test_many_threads_may_submit(executor: Executor) -> None:
    answers: dict[int, list[str]] = {}

    def work(number: int) -> None:
        outcomes = executor.run(f"print(int(input()) * {number})", [str(factor) for factor in range(5)])
        answers[number] = [outcome.stdout for outcome in outcomes]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: [f"{number * factor}\n" for factor in range(5)] for number in range(12)}


def test_a_cancelled_run_harms_no_other(executor: Executor) -> None:
    executor.submit("import time\ntime.sleep(0.1)\nprint('a')", [""]).cancel()
    assert executor.run("import time\ntime.sleep(0.1)\nprint('a')", [""])[0].stdout == "a\n"


def test_after_two_time_outs_the_rest_of_a_run_gets_a_short_limit(best_level: SandboxLevel) -> None:
    limits = Limits(cpu_seconds=0.4, wall_seconds=20, sticky_after=2, sticky_cpu_seconds=0.05)
    source = "n = int(input())\nwhile n: pass\nprint('quick')"
    with Executor(limits, cells=1, level=best_level) as executor:
        outcomes = executor.run(source, ["1", "2", "0", "3", "4", "00"])
        slow = [outcomes[at] for at in (0, 1, 3, 4)]
        assert [outcome.status for outcome in outcomes] == [
            *["time_limit"] * 2, "ok", *["time_limit"] * 2, "ok"
        ]  # fmt: skip
        assert all(outcome.cpu_seconds > 0.39 for outcome in slow[:2])
        assert all(outcome.cpu_seconds < 0.2 for outcome in slow[2:])
        assert executor.sticky_skips == 2
        again = executor.run(source, ["3"])
        assert again[0].cpu_seconds > 0.39, "a verdict under the short limit is not remembered"


def test_further_time_outs_shorten_the_limit_and_an_answer_restores_it(best_level: SandboxLevel) -> None:
    limits = Limits(cpu_seconds=1.0, wall_seconds=20, sticky_after=1, sticky_cpu_seconds=0.4)
    source = "n = int(input())\nwhile n: pass\nprint('quick')"
    with Executor(limits, cells=1, level=best_level) as executor:
        outcomes = executor.run(source, ["1", "2", "3", "4", "5", "0", "6"])
    least = [1.0, 0.4, 0.2, 0.1, 0.1, 0.0, 0.4]
    assert [outcome.status for outcome in outcomes] == [*["time_limit"] * 5, "ok", "time_limit"]
    assert all(
        each - 0.01 <= outcome.cpu_seconds < each + 0.1 for each, outcome in zip(least, outcomes, strict=True)
    ), [outcome.cpu_seconds for outcome in outcomes]


def test_without_sticky_time_outs_each_input_has_its_full_limit(best_level: SandboxLevel) -> None:
    with Executor(
        Limits(cpu_seconds=0.1, wall_seconds=10), cells=1, level=best_level, sticky_timeouts=False
    ) as executor:
        outcomes = executor.run("while True: pass", list("abcd"))
        assert all(0.09 < outcome.cpu_seconds < 0.3 for outcome in outcomes)
        assert executor.sticky_skips == 0


def test_cells_stay_small_and_hold_no_memory_of_the_parent(best_level: SandboxLevel) -> None:
    ballast = bytearray(b"x") * (200 << 20)
    with Executor(cells=1, level=best_level) as executor:
        executor.run("print(1)", [""])
        status = Path(f"/proc/{zygotes()[-1]}/status").read_text()
        resident_kb = int(status.partition("VmRSS:")[2].split()[0])
    assert resident_kb < 40_000
    assert len(ballast) == 200 << 20


def test_a_tasks_own_time_limit_takes_the_place_of_the_executors(
    executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CPU time alone ends the programs here: on a busy machine the backstop in wall time would come first."""
    monkeypatch.setattr(Limits, "WALL_FACTOR", 60.0)
    source = "import time\nseconds = float(input())\nwhile time.process_time() < seconds: pass\nprint('done')"
    (untold,) = executor.run(source, ["0.6"])
    (short,) = executor.run(source, ["0.6"], cpu_seconds=0.3)
    (shorter,) = executor.run(source, ["0.6"], cpu_seconds=0.05)
    assert [untold.status, short.status, shorter.status] == [Status.OK, Status.TIME_LIMIT, Status.TIME_LIMIT]
    assert shorter.cpu_seconds < 0.3 < short.cpu_seconds
