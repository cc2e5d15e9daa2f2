"""Plan of an evaluation: its tasks, the same ones for every model, and an estimate of what it costs."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path

from engine.data.sets import SETS, find_set, task_file
from engine.data.streams import BadRow, read_rows
from engine.errors import ConfigError, DataError
from engine.evaluate.models import Model
from engine.evaluate.request import EvalRequest
from engine.evaluation.report import Report, TaskSet
from engine.problems import Problem, parse_cure_record

_TOKENS_A_SECOND_OF_A_BILLION = 20.0
"""Sampling on a CPU; measured at 0.135 billion parameters: 150 tokens a second on two cores."""
_GPU_FACTOR, _MOST_CPU, _MOST_GPU, _A_STREAM = 1000.0, 3000.0, 20_000.0, 40.0
_USED_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Chosen:
    """Tasks of an evaluation, with at most `truth_tests` hidden tests each; notes: what was left out, in sentences."""

    problems: tuple[Problem, ...]
    tasks: TaskSet
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Estimate:
    """Estimated cost. basis: what the lengths and the speed are taken from, in words. dollars: 0 for local models."""

    tasks: int
    answers: int
    tokens: float
    most_tokens: int
    seconds: float
    dollars: float
    basis: str


def choose_tasks(request: EvalRequest) -> Chosen:
    """Read the tasks, drop those that cannot judge, and draw a stratified sample of `limit`.

    The sample depends on the tasks' ids and the seed alone: every model gets the same. Raises ConfigError, DataError,
    NotFetched for a set that is not here.
    """
    path, name = _file(request)
    read, bad = [], []
    for row in read_rows(path):
        if isinstance(row, BadRow):
            bad.append(f"line {row.line}: {row.reason}")
            continue
        try:
            problem = parse_cure_record(row.value, f"{path.name}, line {row.line}", row.index)
        except DataError as error:
            bad.append(error.message)
            continue
        read.append(replace(problem, hidden=problem.hidden[: request.truth_tests]))
    notes = [f"{len(bad)} records of {path.name} cannot be read; the first: {bad[0]}"] if bad else []
    problems = {problem.id: problem for problem in read if problem.hidden}
    if len(problems) < len(read):
        notes.append(f"{len(read) - len(problems)} tasks have no hidden test, or an id that another one has")
    available = len(problems)
    found = [problem for problem in problems.values() if not request.after or problem.released > request.after]
    if not found:
        why = f"no task of {name} was released after {request.after}" if request.after else f"{path} has no task"
        raise DataError(why, "look at its tasks with `cure-tui data show`")
    if request.after:
        undated = sum(not problem.released for problem in problems.values())
        notes += [f"{undated} tasks without a date are left out"] if undated else []
    chosen = stratified(found, request.limit, request.seed) if 0 < request.limit < len(found) else found
    tasks = TaskSet(
        name, len(chosen), available, _digest(chosen), request.limit, request.after, request.seed
    )  # fmt: skip
    return Chosen(tuple(chosen), tasks, tuple(notes))


def stratified(problems: Sequence[Problem], limit: int, seed: int) -> list[Problem]:
    """Draw `limit` of the tasks, of each data set and difficulty its share, in their order.

    Drawn by a hash of seed and id: neither the order of the file nor other tasks decide.
    """
    strata: dict[tuple[str, str], list[Problem]] = {}
    for problem in problems:
        strata.setdefault((problem.dataset, problem.difficulty), []).append(problem)
    shares = {key: limit * len(members) / len(problems) for key, members in strata.items()}
    sizes = {key: int(share) for key, share in shares.items()}
    by_remainder = sorted(strata, key=lambda key: (sizes[key] - shares[key], key))
    for key in by_remainder[: limit - sum(sizes.values())]:
        sizes[key] += 1
    drawn = {
        problem.id
        for key, members in strata.items()
        for problem in sorted(members, key=lambda each: _order(seed, each))[: sizes[key]]
    }
    return [problem for problem in problems if problem.id in drawn]


def estimate(chosen: Chosen, request: EvalRequest, coder: Model, tester: Model, before: Sequence[Report]) -> Estimate:
    """Estimate tokens and time from earlier evaluations of the same models, else by limits and sizes of the models.

    The first of `before` that fits decides.
    """
    tasks = len(chosen.problems)
    answers = tasks * (request.n + request.m)
    longest = {"coder": coder.params.coder.max_new_tokens, "tester": tester.params.tester.max_new_tokens}
    most = tasks * (request.n * longest["coder"] + request.m * longest["tester"])
    same = next((each for each in before if (each.who.coder, each.who.tester) == (request.coder, request.tester)), None)
    if same is not None and same.rows and same.spent.answers:
        spent, old = same.spent, sum(row.programs for row in same.rows)
        a_program = spent.coder_tokens / max(1, old)
        a_test = spent.tester_tokens / max(1, sum(row.tests for row in same.rows))
        tokens = tasks * (request.n * a_program + request.m * a_test)
        speed = spent.tokens / max(spent.seconds, 1e-6)
        basis = f"as in {same.name}"
    else:
        tokens = most * _USED_SHARE
        speed = min(_speed(coder), _speed(tester))
        basis = "answers half as long as allowed, speed by the model's size: rough"
    dollars = sum(
        model.price.dollars(tasks * count * 500, round(tokens * count / (request.n + request.m)))
        for model, count in ((coder, request.n), (tester, request.m))
        if model.price is not None
    )
    return Estimate(tasks, answers, tokens, most, tokens / speed, dollars, basis)


def _speed(model: Model) -> float:
    """Return roughly how many tokens a second the model writes."""
    if model.config is None:
        return _A_STREAM * model.concurrency
    billions = model.config.model.parameters_b or 7.0
    if model.has_gpu:
        return min(_MOST_GPU, _GPU_FACTOR * _TOKENS_A_SECOND_OF_A_BILLION / billions)
    return min(_MOST_CPU, _TOKENS_A_SECOND_OF_A_BILLION / billions)


def _file(request: EvalRequest) -> tuple[Path, str]:
    if request.after:
        try:
            date.fromisoformat(request.after)
        except ValueError:
            raise ConfigError(f"--after '{request.after}' is no date", "write it as 2024-08-01") from None
    name = request.data
    path = Path(name).expanduser()
    if name in SETS:
        return task_file(name, request.split), name
    if path.exists() or "/" in name or path.suffix in (".json", ".jsonl", ".gz"):
        return path, path.name
    find_set(name)  # raises the error with the names that there are
    raise AssertionError(name)


def _order(seed: int, problem: Problem) -> str:
    return hashlib.sha256(f"{seed}\0{problem.source or problem.id}".encode()).hexdigest()


def _digest(problems: Sequence[Problem]) -> str:
    digest = hashlib.sha256()
    for text in _texts(problems):
        digest.update(text.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:16]


def _texts(problems: Sequence[Problem]) -> Iterator[str]:
    for problem in problems:
        judged = {name: value for name, value in asdict(problem).items() if name != "solutions"}
        yield json.dumps(judged, sort_keys=True)


def rounded_hours(seconds: float) -> str:
    """Return a duration in words: "40 s", "12 min", "3.5 h"."""
    if seconds < 90:
        return f"{math.ceil(seconds)} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
