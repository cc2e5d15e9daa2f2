"""Process `python -m engine.solve`: reads a SolveRequest on stdin, writes events to stdout (`engine.solve.events`).

SIGINT ends the sampling and the solution is chosen from what is there; a second one ends the process. Exit status: 0
if every problem has a `solution` event, else that of the last fault.

With `--kept SOCKET` it serves requests at that socket instead, and keeps the models between them: `engine.solve.kept`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from engine.errors import ConfigError, CureError
from engine.machine.process_environment import claim_card
from engine.machine.threads import sleep_at_barriers
from engine.sandbox import Executor, found_libraries
from engine.solve.events import EventStream, solution_to_json
from engine.solve.needs import refuse_unmet_needs
from engine.solve.opening import Wishes, open_writer
from engine.solve.request import SolveRequest
from engine.solve.selectors import find_selector
from engine.solve.strategies import (
    Bench,
    Budget,
    Part,
    Spent,
    Strategy,
    find_strategy,
    refuse_unbound_limits,
    solve,
)
from engine.solve.strategies.own import OwnProgram
from engine.solve.writers import Account, Writer
from engine.solve.writers.spec import WriterSpec, parse_spec

_INTERRUPTED = 130


OpenWriter = Callable[[WriterSpec, Wishes, Callable[[str], None], Account], Writer]


def main() -> int:
    if len(sys.argv) > 1:
        from engine.solve.kept.server import serve

        return serve(Path(sys.argv[-1]), _answer)
    signal.signal(signal.SIGINT, _interrupt)
    return _answer(SolveRequest.from_json(sys.stdin.read()), EventStream(sys.stdout), open_writer)


def _answer(request: SolveRequest, events: EventStream, opened: OpenWriter) -> int:
    """Solve, and tell what ends it early; return the exit status."""
    sleep_at_barriers()
    claim_card()
    try:
        try:
            with ExitStack() as resources:
                return _solve_all(request, events, resources, opened)
        except CureError as error:
            events.tell("fault", message=error.message, remedy=error.remedy, status=error.exit_status)
            return error.exit_status
        except KeyboardInterrupt:
            events.tell("fault", message="interrupted before the first result", remedy="", status=_INTERRUPTED)
            return _INTERRUPTED
    except ConnectionError:
        return 0  # the reader has gone


def _interrupt(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    raise KeyboardInterrupt


def _specs(request: SolveRequest, strategy: Strategy) -> dict[Part, WriterSpec]:
    """Return the specs of coder and tester, and of judge and specifier if the strategy has them. Raises ConfigError."""
    named = {Part.CODER: request.coder, Part.TESTER: request.tester}
    for part, asked, other in (
        (Part.JUDGE, request.judge, request.coder),
        (Part.SPECIFIER, request.specifier, request.tester),
    ):
        if part in strategy.parts:
            named[part] = asked or other
        elif asked:
            raise ConfigError(f"{strategy.name} has no {part}: --{part} does not fit", "leave it out")
    return {part: parse_spec(text) for part, text in named.items()}


def _solve_all(request: SolveRequest, events: EventStream, resources: ExitStack, opened: OpenWriter) -> int:
    own = OwnProgram(request.program) if request.program else None
    strategy = own or find_strategy(request.strategy)
    selector = find_selector(request.select) if request.select else None
    budget = Budget.parse(request.budget)
    specs = _specs(request, strategy)
    refuse_unbound_limits(tuple(specs.values()), budget)
    refuse_unmet_needs(strategy, specs)
    account = Account(budget.tokens, budget.dollars)
    # The sandbox first: it fails at once if programs cannot be run at all, and it starts while a model loads.
    executor = resources.enter_context(
        Executor(allow_unsandboxed=request.allow_unsandboxed, libraries=[library.name for library in found_libraries()])
    )
    writers: dict[WriterSpec, Writer] = {}
    for spec in dict.fromkeys(specs.values()):
        events.tell("loading", what=str(spec))
        wishes = Wishes(request.temperature, request.max_tokens, request.seed)
        writer = opened(spec, wishes, lambda text: events.tell("warning", text=text), account)
        resources.callback(writer.close)
        writers[spec] = writer
    coder, tester = writers[specs[Part.CODER]], writers[specs[Part.TESTER]]
    steps = {writer.name: step for writer in writers.values() if (step := getattr(writer, "step", None)) is not None}
    events.tell("ready", coder=coder.name, tester=tester.name, sandbox=executor.level.letter, steps=steps)
    status = 0
    for number, task in enumerate(request.tasks):
        events.problem(number, task.problem)
        spent = Spent(account)
        bench = Bench(
            task.problem, task.prose, coder, tester, executor, request.n, request.m, request.seed, budget,
            observer=events, spent=spent, selector=selector,
            judge=writers[specs[Part.JUDGE]] if Part.JUDGE in specs else None,
            specifier=writers[specs[Part.SPECIFIER]] if Part.SPECIFIER in specs else None,
        )  # fmt: skip
        try:
            solution = solve(strategy, bench)
        except ConfigError:
            raise
        except CureError as error:
            events.tell("fault", message=error.message, remedy=error.remedy, status=error.exit_status)
            status = error.exit_status
            continue
        told = solution_to_json(solution, spent)
        if own is not None:
            told["failing"] = own.failing()
        events.tell("solution", solution=told)
        if solution.ended == "interrupted":
            return status
    return status


if __name__ == "__main__":
    status = main()
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
    os._exit(status)  # a thread may still be inside the model, and the interpreter aborts if it ends under one
