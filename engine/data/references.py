"""Verdicts of reference programs: each converted task is proved by running a published solution in the sandbox.

A conversion that loses something, a test that is wrong, or a statement that no program meets shows here, not as a task
that no model can solve. The tasks stream through one executor, WINDOW at a time.
"""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace

from engine.data.converted import Converted, Dropped, Kept, Unusable
from engine.problems import IOExample, Problem
from engine.sandbox import Executor, Judging, Outcome, Status, passes

WINDOW = 16
_LOOSER = ("numbers", "tokens")
"""Comparisons that are tried where a reference's output differs by its spelling alone, the stricter one first."""

_ORDERED_BY_HASH = frozenset(("set", "frozenset", "hash", "id"))


def verify(tasks: Iterable[Converted], executor: Executor, reseeded: Executor | None = None) -> Iterator[Converted]:
    """Yield each task with its verdict and the reference that passed, or dropped with the reason, in order.

    Tasks without a reference that compiles stay, as `unverified`. reseeded: executor with another hash seed.
    """
    waiting: deque[tuple[Converted, Future[list[Outcome]] | None]] = deque()
    for task in tasks:
        usable = _with_compiling_references(task) if isinstance(task, Kept) else task
        first = None
        if isinstance(usable, Kept) and usable.problem.solutions:
            first = _start(usable.problem, usable.problem.solutions[0], executor)
        waiting.append((usable, first))
        if len(waiting) >= WINDOW:
            yield _finished(*waiting.popleft(), executor, reseeded)
    while waiting:
        yield _finished(*waiting.popleft(), executor, reseeded)


def _with_compiling_references(task: Kept) -> Kept:
    programs = [source for source in task.problem.solutions if _tree(source) is not None]
    lost = len(task.problem.solutions) - len(programs)
    notes = (f"{lost} of its references are no Python 3",) if lost else ()
    return replace(task, problem=replace(task.problem, solutions=tuple(programs)), notes=(*task.notes, *notes))


def _tree(source: str) -> ast.Module | None:
    try:
        compile(source, "<reference>", "exec", dont_inherit=True)
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return None


def _tests(problem: Problem) -> tuple[IOExample, ...]:
    return (*problem.public, *problem.hidden)


def _start(problem: Problem, source: str, executor: Executor) -> Future[list[Outcome]]:
    return executor.submit(source, [test.input for test in _tests(problem)], problem.time_limit)


def _finished(
    task: Converted, first: Future[list[Outcome]] | None, executor: Executor, reseeded: Executor | None
) -> Converted:
    if isinstance(task, Dropped) or first is None:
        return task
    reasons: list[str] = []
    for place, source in enumerate(task.problem.solutions):
        run = first if place == 0 else _start(task.problem, source, executor)
        found = _judged(task, source, run.result())
        if isinstance(found, str) and place == 0 and task.witness:
            found = _respelled(task, executor) or found
        if isinstance(found, str):
            reasons.append(found)
        elif reseeded is not None and _depends_on_the_seed(found, reseeded, executor):
            return Dropped(task.problem.id, task.line, "its reference prints another result with another hash seed")
        else:
            return found
    return Dropped(task.problem.id, task.line, _in_words(reasons))


def _judged(task: Kept, source: str, outcomes: Sequence[Outcome]) -> Kept | str:
    """Return the task with the verdict of one reference, or why it fails."""
    tests = _tests(task.problem)
    for number, outcome in enumerate(outcomes, start=1):
        if outcome.status is not Status.OK:
            return f"its reference fails on test {number}: {_ending(outcome, task.problem)}"
    own = task.problem.compare
    exact = own if own == "exact-lines" else "whitespace"
    for comparison in dict.fromkeys((exact, own or exact, *(_LOOSER if own in ("", *_LOOSER) else ()))):
        judging = Judging(comparison)
        if all(passes(outcome, test.output, judging) for outcome, test in zip(outcomes, tests, strict=True)):
            verdict = "verified" if comparison == exact else "tolerant"
            looser = own if comparison in (exact, own) else comparison
            proved = replace(task.problem, solutions=(source,), verdict=verdict, compare=looser)
            return replace(task, problem=proved, respell=None, witness="")
    pairs = zip(outcomes, tests, strict=True)
    strictest = Judging(own or exact)
    number = next(at for at, (outcome, test) in enumerate(pairs, 1) if not passes(outcome, test.output, strictest))
    return f"its reference prints another output on test {number}"


def _ending(outcome: Outcome, problem: Problem) -> str:
    if outcome.status is Status.TIME_LIMIT:
        return f"it takes more than {problem.time_limit:g} s"
    last = outcome.stderr_tail.strip().rpartition("\n")[2]
    return last[:120] or outcome.status.replace("_", " ")


def _respelled(task: Kept, executor: Executor) -> Kept | str | None:
    """Return the task with the reference's own results as the expected ones; None if it fails the set's assertions."""
    assert task.respell is not None
    outcome = executor.run(task.witness, [""], task.problem.time_limit * len(_tests(task.problem)))[0]
    if outcome.status is not Status.OK:
        return None
    try:
        results = [ast.literal_eval(line) for line in outcome.stdout.splitlines()]
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        results = []
    try:
        again = task.respell(results)
    except Unusable as reason:
        return str(reason)
    except ValueError:  # fewer results than assertions: they are no literals
        return "its reference's results are no plain values"
    source = again.problem.solutions[0]
    found = _judged(again, source, _start(again.problem, source, executor).result())
    if isinstance(found, str):
        return found
    problem = replace(found.problem, verdict="respelled")
    note = "its tests expect the reference's own results, which equal those of the set in Python"
    return replace(found, problem=problem, line=task.line).with_notes(note)


def _depends_on_the_seed(task: Kept, reseeded: Executor, executor: Executor) -> bool:
    source = task.problem.solutions[0]
    tree = _tree(source)
    assert tree is not None
    if not any(
        isinstance(node, ast.Set | ast.SetComp) or (isinstance(node, ast.Name) and node.id in _ORDERED_BY_HASH)
        for node in ast.walk(tree)
    ):
        return False
    one, other = (_start(task.problem, source, each).result() for each in (executor, reseeded))
    return [outcome.stdout for outcome in one] != [outcome.stdout for outcome in other]


def _in_words(reasons: Sequence[str]) -> str:
    return reasons[0] if len(reasons) == 1 else f"none of its {len(reasons)} references passes: {reasons[0]}"
