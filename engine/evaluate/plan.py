"""Plan of an evaluation: its tasks, the same ones for every model, and an estimate of what it costs."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path

from engine.data.sets import SETS, find_set, task_file
from engine.data.streams import BadRow, read_rows
from engine.errors import ConfigError, DataError
from engine.evaluate.models import Model
from engine.evaluate.parts import Part, parts_of
from engine.evaluate.request import EvalRequest
from engine.evaluation.report import Report, Spent, TaskSet
from engine.problems import Problem, parse_cure_record
from engine.prompts import Role

_TOKENS_A_SECOND_OF_A_BILLION = 20.0
"""Sampling on a CPU; measured at 0.135 billion parameters: 150 tokens a second on two cores."""
_GPU_FACTOR, _MOST_CPU, _MOST_GPU, _A_STREAM = 1000.0, 3000.0, 20_000.0, 40.0
_USED_SHARE = 0.5
_PROMPTS_LOOKED_AT, _BYTES_A_TOKEN = 100, 3.5


@dataclass(frozen=True, slots=True)
class Chosen:
    """Tasks of an evaluation, with at most `truth_tests` hidden tests each.

    notes: what was left out, in sentences. excluded: the same by reason, counted.
    """

    problems: tuple[Problem, ...]
    tasks: TaskSet
    notes: tuple[str, ...] = ()
    excluded: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Estimated cost. basis: what the lengths and the speed are taken from, in words.

    dollars, most_dollars: expected, and if every answer is as long as it may be; 0 for local models.
    """

    tasks: int
    answers: int
    tokens: float
    most_tokens: int
    seconds: float
    dollars: float
    most_dollars: float
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
    excluded = {
        "cannot be read": len(bad),
        "no hidden test, or the id of another task": len(read) - available,
        f"not released after {request.after}": available - len(found),
    }
    return Chosen(tuple(chosen), tasks, tuple(notes), {reason: count for reason, count in excluded.items() if count})


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


def estimate(chosen: Chosen, request: EvalRequest, models: Mapping[str, Model], before: Sequence[Report]) -> Estimate:
    """Estimate tokens and time from earlier evaluations of the same models, else by limits and sizes of the models.

    models: by the names of parts. The first of `before` that fits decides.
    """
    tasks, parts = len(chosen.problems), parts_of(request, models)
    answers = tasks * sum(part.count for part in parts)
    most = tasks * sum(part.count * _longest(part) for part in parts)
    same = next((each for each in before if (each.who.coder, each.who.tester) == (request.coder, request.tester)), None)
    if same is not None and same.rows and same.spent.answers:
        spent = sum((row.spent for row in same.rows), Spent())
        of_a_role = {
            Role.CODER: spent.coder_tokens / max(1, sum(row.programs for row in same.rows)),
            Role.TESTER: spent.tester_tokens / max(1, sum(row.tests for row in same.rows)),
        }
        lengths = {part.name: of_a_role[part.role] for part in parts}
        speed = spent.tokens / max(spent.seconds, 1e-6)
        basis = f"as in {same.name}"
    else:
        lengths = {part.name: _longest(part) * _USED_SHARE for part in parts}
        speed = min(_speed(part.model) for part in parts)
        basis = "answers half as long as allowed, speed by the model's size: rough"
    tokens = tasks * sum(part.count * lengths[part.name] for part in parts)
    dollars, most_dollars = (
        sum(_dollars(part, chosen.problems, of[part.name]) for part in parts)
        for of in (lengths, {part.name: _longest(part) for part in parts})
    )
    return Estimate(tasks, answers, tokens, most, tokens / speed, dollars, most_dollars, basis)


def _longest(part: Part) -> int:
    return part.model.params.of(part.role).max_new_tokens


def _dollars(part: Part, problems: Sequence[Problem], tokens: float) -> float:
    """Return what a part's answers of so many tokens cost, prompts by the bytes of some tasks; 0 without a price."""
    price, some = part.model.price, problems[:: max(1, len(problems) // _PROMPTS_LOOKED_AT)]
    if price is None:
        return 0.0
    texts = (message["content"] for problem in some for message in part.model.messages(problem, part.role))
    prompt = sum(len(text.encode()) for text in texts) / len(some) / _BYTES_A_TOKEN
    answers = part.count * len(problems)
    return price.dollars(round(prompt * answers), round(tokens * answers))


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
