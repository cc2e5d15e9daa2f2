"""Report of one evaluation: who, on what, how, one row a task, and the totals; tables, JSON and HTML read it.

    Report     the whole of it, to and from JSON
    TaskRow    figures of one task, from which every total can be computed again
    Totals     figures over all tasks; `engine.evaluation.totals` computes them from rows
    Arm        the same tasks by another tester, or by one answer of another model
    RoleCost   answers of one role, and their price

Shares lie between 0 and 1; a figure is None where it is undefined for the task. Imports no numpy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field

from engine.errors import DataError
from engine.evaluation.possible import is_share
from engine.evaluation.reading import read_strictly
from engine.evaluation.summary import COUNTS, Estimate, UtBasis
from engine.reward.trust import Trust

SCHEMA = 1
MOST_TASKS = 20_000
"""Tasks of an evaluation, at most; sets have a few thousand, and figures are resampled 10,000 times over all tasks."""
_MOST_SAMPLES = 1000
_MOST_SIZES = 500
_MOST_WAYS = 100
_SIZE, _NUMBER = re.compile(r"[0-9]{1,4}x[0-9]{1,4}", re.ASCII), re.compile(r"[0-9]{1,4}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Who:
    """Models of an evaluation, as specs of writers ("run:nano-1", "openai:MODEL@URL"); equal for one model.

    weights: fingerprint of the weights, as far as it can be known; "" for a server's.
    """

    coder: str
    tester: str
    weights: str = ""


@dataclass(frozen=True, slots=True)
class TaskSet:
    """Tasks of an evaluation. name: of the data set, or the file's. available: tasks before `limit` and `after`.

    digest: of the tasks' ids, statements and tests: two evaluations of one digest have the same tasks.
    limit: 0 for all; a limited choice is stratified and drawn with `seed`. after: ISO date, "" for all.
    """

    name: str
    tasks: int
    available: int
    digest: str
    limit: int = 0
    after: str = ""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Settings:
    """Sampling and judging. n, m: programs and tests a task. bon: the sizes asked for, "4x4".

    protocol: "cure" if the published script's figures were asked for beside the honest ones, else "". Longest answers
    in tokens. truth_tests: most ground-truth tests that judge a program.
    """

    n: int
    m: int
    bon: tuple[str, ...]
    temperature: float | None
    top_p: float | None
    max_tokens_coder: int
    max_tokens_tester: int
    seed: int
    truth_tests: int
    protocol: str = ""

    def __post_init__(self) -> None:
        """Raise ValueError for sizes that no evaluation has: a report may come from others."""
        _require(1 <= self.n <= _MOST_SAMPLES and 0 <= self.m <= _MOST_SAMPLES, "an impossible number of samples")
        _require_sizes(self.bon)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Conditions that can change a score: version, Python, sandbox level (A to D), cores, load at the start, date."""

    version: str
    python: str
    sandbox: str
    cores: int
    load: float
    started: str
    libraries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Spent:
    """Cost of answers, and where the time went.

    Seconds: sampling (waiting for answers), executing (waiting for the sandbox), other (the rest), all wall-clock,
    summed over all sessions of the evaluation. dollars: 0 for local models.
    """

    answers: int = 0
    prompt_tokens: int = 0
    coder_tokens: int = 0
    tester_tokens: int = 0
    dollars: float = 0.0
    sampling_seconds: float = 0.0
    executing_seconds: float = 0.0
    other_seconds: float = 0.0

    @property
    def tokens(self) -> int:
        return self.coder_tokens + self.tester_tokens

    @property
    def seconds(self) -> float:
        return self.sampling_seconds + self.executing_seconds + self.other_seconds

    def __add__(self, other: Spent) -> Spent:
        sums = {name: value + getattr(other, name) for name, value in asdict(self).items()}
        return Spent(**sums)


@dataclass(frozen=True, slots=True)
class Choice:
    """Choice of one strategy on one task, a mean over disjoint blocks where these are small.

    right: share of the chosen programs that are correct, None if none of them was judged. answers, tokens (of answers),
    prompt_tokens: what the choice takes.
    """

    right: float | None
    answers: float
    tokens: float
    prompt_tokens: float

    def __post_init__(self) -> None:
        """Raise ValueError for what no choice costs."""
        _require(self.right is None or is_share(self.right), "a share of right choices that is not in 0..1")
        _require(min(self.answers, self.tokens, self.prompt_tokens) >= 0, "a negative cost")


@dataclass(frozen=True, slots=True)
class TaskRow:
    """Figures of one task.

    cluster: what makes tasks depend on each other, such as a contest; "" for none. released: ISO date, or "".
    judged, correct: of the n programs, those with a verdict on every ground-truth test, and those that pass all.
    references, references_passed: reference programs of the set, and those that pass the ground truth here.
    figures: by the names of `EvalSummary`'s estimates, and "coder_truncated", "tester_truncated", "timeout_share".
    bon: by size, "4x4": all sizes of the curves, disjoint blocks. consensus: likewise; empty in earlier reports.
    published: "code", "ut" and "bon 4x4" as the published script counts them: its sums of hits and totals; a task that
    it leaves out has none. ways: choices of the strategies that were asked for, by name and size: at "4x4" each takes
    4 + 4 answers at most.
    """

    task: str
    programs: int
    tests: int
    judged: int
    correct: int
    figures: Mapping[str, float | None]
    bon: Mapping[str, float | None]
    published: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    ut_basis: UtBasis = UtBasis.NONE
    trust: Trust = field(default_factory=Trust)
    cluster: str = ""
    released: str = ""
    difficulty: str = ""
    references: int = 0
    references_passed: int = 0
    spent: Spent = Spent()
    consensus: Mapping[str, float | None] = field(default_factory=dict)
    ways: Mapping[str, Mapping[str, Choice]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise ValueError for figures that no task has."""
        _require(len(self.ways) <= _MOST_WAYS, "an impossible number of strategies")
        for sizes in self.ways.values():
            _require_sizes(sizes)
        _require(max(self.programs, self.tests) <= _MOST_SAMPLES, "an impossible number of samples")
        _require(self.correct <= self.judged <= self.programs, "more programs are correct or judged than there are")
        _require(self.references_passed <= self.references, "more references pass than there are")
        _require_shares(self.figures)
        for chosen in (self.bon, self.consensus):
            _require_shares(chosen)
            _require_sizes(chosen)
        _require(all(hits <= of for hits, of in self.published.values()), "more hits than answers")


@dataclass(frozen=True, slots=True)
class Totals:
    """Figures over all tasks: means over tasks with intervals, by the names of TaskRow's mappings.

    pass_at: unbiased pass@k, by k as text. published: the published script's shares, empty without its protocol.
    """

    figures: Mapping[str, Estimate]
    bon: Mapping[str, Estimate]
    ut_bases: Mapping[UtBasis, int]
    trust: Trust
    pass_at: Mapping[str, Estimate] = field(default_factory=dict)
    published: Mapping[str, float | None] = field(default_factory=dict)
    consensus: Mapping[str, Estimate] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise ValueError for figures that no evaluation has."""
        for group in (self.figures, self.bon, self.consensus, self.pass_at):
            for part in ("mean", "low", "high"):
                _require_shares({name: getattr(estimate, part) for name, estimate in group.items()})
        _require_shares(self.published)
        _require_sizes(self.bon)
        _require_sizes(self.consensus)
        _require(all(map(_NUMBER.fullmatch, self.pass_at)), "pass@k for what is no k")


BASELINE, ONE_SHOT = "baseline tester", "one-shot"
CODER, TESTER = "coder", "tester"


@dataclass(frozen=True, slots=True)
class RoleCost:
    """Answers of one role and their price. role: CODER, TESTER, or the name of the arm that the answers are for.

    model: spec of the writer; served: name that the server gave its model. dollars: None without a known price; 0 for
    a local model, whose cost is `seconds` on this machine. price: the price used, its place and date, in words.
    honours_seeds: None if that was not tried.
    """

    role: str
    model: str
    served: str = ""
    answers: int = 0
    prompt_tokens: int = 0
    tokens: int = 0
    seconds: float = 0.0
    dollars: float | None = None
    local: bool = False
    price: str = ""
    honours_seeds: bool | None = None


@dataclass(frozen=True, slots=True)
class Arm:
    """Other way over the tasks of a report, paired with it by task.

    name: BASELINE, the same programs judged by another tester; or ONE_SHOT, single programs of another model.
    """

    name: str
    who: Who
    rows: tuple[TaskRow, ...]
    totals: Totals


@dataclass(frozen=True, slots=True)
class Report:
    """Evaluation with its rows in the order of the tasks; complete: every task of `data` has one.

    ended: the limit that ended an incomplete one, in words. roles: coder and tester, then one for each arm that sampled
    answers of its own. excluded: tasks of the set that were not evaluated, by reason. left_out: strategies that these
    models cannot follow, with the reason.
    """

    name: str
    who: Who
    data: TaskSet
    settings: Settings
    surroundings: Surroundings
    rows: tuple[TaskRow, ...]
    totals: Totals
    spent: Spent
    complete: bool = True
    ended: str = ""
    warnings: tuple[str, ...] = ()
    arms: tuple[Arm, ...] = ()
    roles: tuple[RoleCost, ...] = ()
    excluded: Mapping[str, int] = field(default_factory=dict)
    schema: int = SCHEMA
    left_out: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise ValueError for more rows than tasks, or more than `MOST_TASKS`."""
        for rows in (self.rows, *(arm.rows for arm in self.arms)):
            _require(len(rows) <= min(self.data.tasks, MOST_TASKS), "an impossible number of rows")

    def to_json(self) -> str:
        """Return the report as JSON of one line, readable by `from_json`."""
        return json.dumps(asdict(self), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes, origin: str = "the report") -> Report:
        """Read a report. Raises DataError: not a report, of another schema, numbers that no evaluation has."""
        try:
            schema = read_strictly(_Schema, text).schema
            if schema != SCHEMA:
                raise DataError(f"{origin} is of schema {schema}, this cure-tui reads {SCHEMA}", "judge it again")
            return read_strictly(cls, text)
        except ValueError as fault:
            raise DataError(f"{origin} is no report of an evaluation: {fault}") from fault


@dataclass(frozen=True, slots=True)
class _Schema:
    """Part of a report that every version of this program can read."""

    schema: int


def _require(holds: object, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)


def _require_sizes(sizes: Collection[str]) -> None:
    _require(len(sizes) <= _MOST_SIZES and all(map(_SIZE.fullmatch, sizes)), "impossible sizes of best of n")


def _require_shares(figures: Mapping[str, float | None]) -> None:
    for name, value in figures.items():
        _require(value is None or name in COUNTS or is_share(value), f"a share of {name[:40]} that is not in 0..1")
