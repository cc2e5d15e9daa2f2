"""Cost of `cure-tui solve` and gain of best-of-N: figures beside bounds, all from one run on one machine.

    python tests/benchmarks/solving.py [--adapter RUN] [--tasks 50] [--rounds 3] [--overhead]

overhead   CPU time of `solve` without imports, loading, sampling and executing, for 16 x 16 and 128 x 128: answers and
           outcomes are there at once; the engine parses, ranks, decides and tells, the client reads and draws each
           frame. --overhead: this alone, in seconds
cold       the whole command on a held-out task with the embedded model, 16 x 16: from its start to its end, and to the
           first program (the first event of the solving process)
tool       all but the sampling: 16 programs and 16 tests, sampled before, arrive at once; parsing, 256 executions,
           selection, report
tasks      held-out tasks, each solved from 16 x 16; the programs are then judged on the tasks' ground-truth tests:
           best-of-16 beside one-shot (the mean over the 16 programs). --adapter: a run's trained adapter, else the
           base model
"""

from __future__ import annotations

import argparse
import io
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from cure_tui.solving.client import SolveProcess  # noqa: E402
from cure_tui.solving.picture import solve_rows  # noqa: E402
from engine.machine.resources import source_path  # noqa: E402
from engine.problems import IOExample, Problem, load_problems  # noqa: E402
from engine.prompts import PromptStyle, UnitTest  # noqa: E402
from engine.sandbox import AS_A_PROCESS, Executor, Limits, Outcome, Peers, Status, passes  # noqa: E402
from engine.solve.events import EventStream, SolveState, solution_to_json  # noqa: E402
from engine.solve.request import SolveRequest, Task  # noqa: E402
from engine.solve.strategies import find_strategy  # noqa: E402
from engine.solve.strategies import solve as run  # noqa: E402
from engine.solve.strategies.bench import Bench  # noqa: E402
from engine.solve.writers import Answer, Ask  # noqa: E402

N = M = 16
FRAMES = 80  # of ten seconds
HELDOUT = "asset:nano/tasks/heldout.jsonl"


class Repeater:
    """Writer that returns answers sampled before."""

    name, style = "repeated", PromptStyle.SHORT

    def __init__(self, texts: dict[str, list[str]]) -> None:
        self._texts = texts

    def write(self, asks: Sequence[Ask]) -> Iterator[Answer]:
        for ask in asks:
            for index in range(ask.n):
                yield Answer(ask.id, ask.role, index, self._texts[str(ask.role)][index], 0, 40)

    def close(self) -> None: ...


def cold(task: Problem, rounds: int) -> None:
    whole, first = [], []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "task.md")
        file.write_text(task.statement + "\n")
        command = [sys.executable, "-P", "-m", "cure_tui", "solve", str(file), "--no-ui"]
        for _ in range(rounds):
            began = time.perf_counter()
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            whole.append(time.perf_counter() - began)
    for _ in range(rounds):
        began = time.perf_counter()
        with SolveProcess(request([task], "nano", N, M)) as process:
            next(event for event in process.events() if event["event"] == "program")
            first.append(time.perf_counter() - began)
    say("cold, 16 x 16: whole command", f"{statistics.median(whole):.1f} s  ({done.stderr.strip()})", "20 s")
    say("cold, 16 x 16: first candidate", f"{statistics.median(first):.1f} s", "5 s")


def tool(task: Problem, solution: dict, rounds: int) -> None:  # type: ignore[type-arg]
    programs = [f"```python\n{each['source'] or 'pass'}\n```" for each in solution["candidates"]]
    tests = [
        f"**Test Input:**\n```\n{each['input']}\n```\n**Test Output:**\n```\n{each['output']}\n```\n"
        for each in solution["tests"]
    ]
    texts = {"coder": programs, "tester": (tests * M)[:M]}
    taken = []
    with Executor(Limits()) as executor:
        for number in range(rounds + 1):
            bench = Bench(
                task, task.statement, Repeater(texts), Repeater(texts), executor, N, M, seed=number,
                observer=EventStream(io.StringIO()),
            )  # fmt: skip
            began = time.perf_counter()
            run(find_strategy("bon"), bench)
            if number == 0:
                say("tool, 16 x 16, cells cold", f"{time.perf_counter() - began:.2f} s", "1 s")
            else:
                taken.append(time.perf_counter() - began)
    say("tool, the same again", f"{statistics.median(taken):.2f} s (outcomes known)")


class Instant:
    """Runner whose outcomes are there at once: programs double a number."""

    def submit(
        self, source: str, inputs: Sequence[str], cpu_seconds: float | None = None, peers: Peers | None = None
    ) -> Future[list[Outcome]]:
        done: Future[list[Outcome]] = Future()
        done.set_result([Outcome(Status.OK, str(2 * int(stdin))) for stdin in inputs])
        return done


def overhead(size: int, strategy: str = "bon") -> tuple[float, float, float]:
    """Return CPU seconds of the engine and of the client for a matrix of `size`, and those of a frame at its end."""
    coder = [f"```python\nprint(2 * int(input()))  # {number}\n```" for number in range(size)]
    tester = [
        f"**Test Input:**\n```\n{number}\n```\n\n**Test Output:**\n```\n{2 * number + number % 3 % 2}\n```\n"
        for number in range(size)
    ]
    writer = Repeater({"coder": coder, "tester": tester})
    problem = Problem("double", "Print twice a number.", (IOExample("4\n", "8\n"),), ())
    told = io.StringIO()
    events = EventStream(told)
    events.problem(0, problem)
    began = time.process_time()
    bench = Bench(problem, problem.statement, writer, writer, Instant(), size, size, observer=events)
    solution = run(find_strategy(strategy), bench)
    events.tell("solution", solution=solution_to_json(solution, bench.spent))
    engine = time.process_time() - began
    began = time.process_time()
    state = SolveState(coder="repeated")
    lines = told.getvalue().splitlines()
    for number, line in enumerate(lines):
        event = json.loads(line)
        state = state.next_problem(event) if event["event"] == "problem" else state
        state.take(event)
        if number % max(len(lines) // FRAMES, 1) == 0:
            solve_rows(state, 1.0, 80)
    client = time.process_time() - began
    began = time.process_time()
    solve_rows(state, 1.0, 80)
    return engine, client, time.process_time() - began


def tasks(problems: Sequence[Problem], who: str) -> list[dict]:  # type: ignore[type-arg]
    began = time.perf_counter()
    with SolveProcess(request(problems, who, N, M)) as process:
        solutions = [event["solution"] for event in process.events() if event["event"] == "solution"]
    seconds = time.perf_counter() - began
    chosen, one_shot = [], []
    with Executor(Limits()) as executor:
        for problem, solution in zip(problems, solutions, strict=True):
            right = [_is_right(each["source"], problem, executor) for each in solution["candidates"]]
            one_shot.append(sum(right) / len(right))
            chosen.append(float(solution["chosen"] is not None and right[solution["chosen"]]))
    margins = [best - mean for best, mean in zip(chosen, one_shot, strict=True)]
    error = statistics.stdev(margins) / math.sqrt(len(margins))
    say(f"{len(problems)} held-out tasks, {who}, one-shot ", f"{100 * statistics.mean(one_shot):.1f} %")
    say("best of 16 by 16 tests", f"{100 * statistics.mean(chosen):.1f} %")
    say("margin", f"{100 * statistics.mean(margins):+.1f} ± {100 * error:.1f} points, {seconds:.0f} s in all")
    supported = [each["support"] == "supported" for each in solutions]
    trusted = [hit for hit, is_supported in zip(chosen, supported, strict=True) if is_supported]
    if trusted:
        share = f"{100 * statistics.mean(trusted):.1f} % right"
        say("of those called supported", f"{sum(supported)} of {len(supported)}, {share}")
    return solutions


def request(problems: Sequence[Problem], who: str, n: int, m: int) -> SolveRequest:
    shown = tuple(Task(_as_asked(problem), problem.statement) for problem in problems)
    return SolveRequest(shown, who, who, n, m, seed=0, strategy="bon")


def _as_asked(problem: Problem) -> Problem:
    """Remove what a user does not have: ground-truth tests, examples and reference programs."""
    return replace(problem, public=(), hidden=(), solutions=())


def _is_right(source: str | None, problem: Problem, executor: Executor) -> bool:
    if source is None:
        return False
    tests = [UnitTest(example.input, example.output, "") for example in (*problem.public, *problem.hidden)]
    outcomes = executor.submit(source, [test.input for test in tests], problem.time_limit).result()
    return all(passes(outcome, test.output, AS_A_PROCESS) for outcome, test in zip(outcomes, tests, strict=True))


def say(what: str, figure: str, bound: str = "") -> None:
    print(f"{what:<64}{figure}{bound and f'   bound {bound}'}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--adapter", help="a run whose adapter writes programs and tests")
    parser.add_argument("--tasks", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="all evidence of the tasks into this file")
    parser.add_argument("--overhead", action="store_true", help="measure the overhead alone")
    arguments = parser.parse_args()
    for size, bound in ((16, "1 s"), (128, "5 s")):
        engine, client, frame = overhead(size)
        figures = f"{engine:.2f} + {client:.2f} s  (engine, client with {FRAMES} frames; {1000 * frame:.1f} ms a frame)"
        say(f"overhead, {size} x {size}", figures, bound)
    if arguments.overhead:
        return
    if arguments.tasks < 2:
        parser.error("--tasks needs 2 or more: one margin has no standard error")
    problems = load_problems(source_path(HELDOUT))[: arguments.tasks]
    cold(problems[0], arguments.rounds)
    solutions = tasks(problems, f"run:{arguments.adapter}" if arguments.adapter else "nano")
    tool(problems[0], solutions[0], arguments.rounds)
    if arguments.json:
        arguments.json.write_text(json.dumps(solutions))


if __name__ == "__main__":
    main()
