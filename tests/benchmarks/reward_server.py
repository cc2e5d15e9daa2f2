"""Cost of `cure-tui reward serve` beside the executions, and its memory with many requests at once.

    python tests/benchmarks/reward_server.py [--requests 300] [--at-once 200]

A request has 16 programs, 16 generated and 8 ground-truth tests. The second request of the same programs is answered
from the executor's cache: what it takes is what the server adds to executions. `Rewarder.reward` on the same answers,
in this process, is the part of it that any trainer pays. Wall time depends on the machine's load, CPU hardly. The
requests at once are new ones of four programs on twelve tests each, with 100 kB of comments.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

from engine.problems import IOExample, Problem  # noqa: E402
from engine.prompts import Program, UnitTest  # noqa: E402
from engine.rewarding import Rewarder, TaskAnswers  # noqa: E402

PROGRAMS = TESTS = 16
TRUTH = 8
SETTINGS = "sandbox.cells=2"
_CODE = """\
def solve(numbers):
    total = 0
    for place, number in enumerate(numbers):
        total += number * {factor}
    return total


numbers = [int(text) for text in input().split()]
print(solve(numbers))  # {mark}
"""


def sources(mark: str, count: int = PROGRAMS) -> list[str]:
    """Return programs, half of them right; another mark makes them new to every cache."""
    return [_CODE.format(factor=1 + at % 2, mark=f"{mark} {at}") for at in range(count)]


def tests(count: int) -> list[dict[str, str]]:
    return [{"input": f"{at} {at + 1} 7\n", "output": f"{2 * at + 8}\n"} for at in range(count)]


def body(mark: str) -> bytes:
    task = {"programs": sources(mark), "tests": tests(TESTS), "truth": tests(TRUTH)}
    return json.dumps({"tasks": [task]}).encode()


def large_body(mark: str) -> bytes:
    """Return a request of few executions and 100 kB."""
    programs = sources(f"{mark} {'#' * 25_000}", 4)
    return json.dumps({"tasks": [{"programs": programs, "tests": tests(4), "truth": tests(TRUTH)}]}).encode()


def answers(mark: str) -> TaskAnswers:
    truth = tuple(IOExample(**test) for test in tests(TRUTH))
    programs = tuple(Program(source) for source in sources(mark))
    return TaskAnswers(Problem(mark, "", (), truth), programs, tuple(UnitTest(**test) for test in tests(TESTS)))


class Client:
    """Client on one connection, or on a new one for each request."""

    def __init__(self, address: str, key: str) -> None:
        self._netloc, self._key = address.split("/")[2], key
        self._connection = http.client.HTTPConnection(self._netloc, timeout=600)

    def ask(self, data: bytes, *, anew: bool = False) -> Any:
        if anew:
            self._connection.close()
        self._connection.request("POST", "/v1/rewards", data, {"Authorization": f"Bearer {self._key}"})
        answer = self._connection.getresponse()
        said = json.loads(answer.read())
        assert answer.status == 200, said
        return said


def measured(act: Callable[[], object], times: int, cpu: Callable[[], float]) -> tuple[float, float, float, float]:
    """Return (least wall, median wall, 90th percentile of the wall, mean CPU) of `act` in ms."""
    seconds, before = [], cpu()
    for _ in range(times):
        started = time.perf_counter()
        act()
        seconds.append(1e3 * (time.perf_counter() - started))
    return (
        min(seconds),
        statistics.median(seconds),
        statistics.quantiles(seconds, n=10)[-1],
        1e3 * (cpu() - before) / times,
    )


def memory(server: psutil.Process, ask: Callable[[int], object], at_once: int) -> tuple[int, int, float]:
    """Return (RSS before, peak RSS, seconds) of many requests at once."""
    done, peaks = threading.Event(), [server.memory_info().rss]

    def watch() -> None:
        while not done.wait(0.01):
            peaks.append(server.memory_info().rss)

    watching = threading.Thread(target=watch)
    watching.start()
    started = time.monotonic()
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(ask, range(at_once)))
    done.set()
    watching.join()
    return peaks[0], max(peaks), time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--at-once", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Rewarder.of_preset("nano", [SETTINGS]) as rewarder:
        key = Path(folder, "key")
        command = [sys.executable, "-m", "cure_tui", "reward", "serve", "--port", "0", "--key-file", str(key)]
        with subprocess.Popen(
            [*command, "--set", SETTINGS], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            client, server = Client(address, key.read_text().strip()), psutil.Process(process.pid)

            def server_cpu() -> float:
                return sum(server.cpu_times()[:2])

            first, mine = client.ask(body("same")), answers("same")
            (direct,) = rewarder.reward([mine])
            assert first["tasks"][0]["rewards"]["coder"] == direct.coder_n.tolist()
            print(f"a request of {PROGRAMS} x {TESTS} tests and {TRUTH} of ground truth, {len(body('same'))} bytes; ms")
            print(f"{'':44}{'least':>9}{'median':>9}{'p90':>9}{'CPU':>9}")
            rows = {
                "server, kept connection, nothing to execute": (lambda: client.ask(body("same")), server_cpu),
                "server, a new connection each": (lambda: client.ask(body("same"), anew=True), server_cpu),
                "Rewarder.reward, nothing to execute": (lambda: rewarder.reward([mine]), time.process_time),
            }
            figures: dict[str, tuple[float, ...]] = {
                name: measured(act, options.requests, cpu) for name, (act, cpu) in rows.items()
            }
            served, _, bare = figures.values()
            marks = iter(range(10**9))
            figures["server, new programs: executions and all"] = measured(
                lambda: client.ask(body(f"new {next(marks)}")), 10, server_cpu
            )
            for name, row in figures.items():
                print(f"{name:44}" + "".join(f"{value:9.2f}" for value in row))
            least, cpu = served[0] - bare[0], served[-1] - bare[-1]
            print(f"{'the server adds to the rewarder':44}{least:9.2f}{cpu:27.2f}")
            before, peak, seconds = memory(
                server,
                lambda at: Client(address, key.read_text().strip()).ask(large_body(f"at once {at}")),
                options.at_once,
            )
            print(
                f"{options.at_once} requests at once, all new: {seconds:.1f} s, "
                f"RSS of the server {before >> 20} -> {peak >> 20} MiB"
            )
            process.terminate()


if __name__ == "__main__":
    main()
