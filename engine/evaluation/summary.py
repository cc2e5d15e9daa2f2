"""Figures of one evaluation, and the only reader of their JSON form. Imports no numpy: the list of runs needs it.

`metrics.summarise` makes a summary, the journal and checkpoints keep it, `EvalSummary.from_json` reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, TypeVar

from engine.errors import DataError
from engine.evaluation.possible import is_possible, is_share
from engine.reward.trust import Trust

_TRUST_RATIOS = ("p_u", "p_01", "p_00", "mu", "bound", "precision")
_FAULTS = (KeyError, TypeError, ValueError, AttributeError, OverflowError)
_MOST_SIZES = 100  # of best of n
_T = TypeVar("_T")
COUNTS = frozenset({"distinct_inputs", "distinct_programs", "coder_length", "tester_length"})
"""Figures that are no shares of a task's answers."""


class UtBasis(StrEnum):
    """Judges of the generated tests; UT accuracies on different bases are not comparable."""

    REFERENCE = "reference"  # reference programs of the task
    OWN_CORRECT = "own-correct"  # the policy's own programs that pass the ground truth (the paper's way)
    NONE = "none"  # no reference and no correct program: all tests are undecided and none counts as right


@dataclass(frozen=True)
class Estimate:
    """Mean over `n_tasks` tasks with its standard error and 95 % interval.

    `mean` is None if the metric is undefined for all tasks; `standard_error`, `low` and `high` need two tasks or more.
    """

    mean: float | None
    standard_error: float | None
    low: float | None
    high: float | None
    n_tasks: int

    def minus(self, other: Estimate) -> float | None:
        """Return the difference of the means; None if one of them is undefined."""
        return None if self.mean is None or other.mean is None else self.mean - other.mean

    def to_json(self) -> dict[str, float | int | None]:
        return {
            "mean": _rounded(self.mean),
            "se": _rounded(self.standard_error),
            "low": _rounded(self.low),
            "high": _rounded(self.high),
            "n_tasks": self.n_tasks,
        }

    @staticmethod
    def from_json(record: Mapping[str, Any], *, strict: bool = True, share: bool = False) -> Estimate:
        """Read the output of `to_json`; `share`: of a figure in 0..1.

        For a missing or unreadable key, raise if strict, else use "unknown".
        """
        parse = _share if share else _number
        mean, error, low, high = (_part(record, key, parse, None, strict) for key in ("mean", "se", "low", "high"))
        return Estimate(mean, error, low, high, _part(record, "n_tasks", _count, 0, strict))


UNKNOWN = Estimate(None, None, None, None, 0)


@dataclass(frozen=True)
class EvalSummary:
    """Metrics of one evaluation, each defined in `metrics.py`.

    `bon` maps "4x4", "16x16", ... to BoN accuracy; so does `consensus`, by votes and outputs, which summaries of
    earlier versions lack. `ut_bases` counts the tasks by the judge of their tests. `trust`
    pools all tasks that have a correct program; its p_u is always by own correct programs, as Theorem 3.1 defines it,
    whatever the basis of `ut`. `n_tasks` is 0 if unknown.
    """

    n_tasks: int
    code: Estimate
    ut: Estimate
    ut_raw: Estimate
    valid_share: Estimate
    bon: Mapping[str, Estimate]
    consensus: Mapping[str, Estimate]
    pass_at_n: Estimate
    trivial_share: Estimate
    distinct_inputs: Estimate
    distinct_programs: Estimate
    malformed_share: Estimate
    rejected_share: Estimate
    recovered_share: Estimate
    unknown_share: Estimate
    coder_length: Estimate
    tester_length: Estimate
    ut_bases: Mapping[UtBasis, int]
    trust: Trust

    @property
    def accuracies(self) -> Mapping[str, Estimate]:
        """Accuracies by name, in the order of tables: "code", "ut", then "bon 4x4", ... from small to large.

        Then "consensus 4x4", ... as far as they are known.
        """
        known = {size: each for size, each in self.consensus.items() if each.mean is not None}
        return (
            {"code": self.code, "ut": self.ut}
            | {f"bon {size}": each for size, each in self.bon.items()}
            | {f"consensus {size}": each for size, each in known.items()}
        )

    @property
    def largest_bon(self) -> Estimate:
        """BoN accuracy of the last size, which is the largest."""
        return list(self.bon.values())[-1] if self.bon else UNKNOWN

    @property
    def largest_consensus(self) -> Estimate:
        """Accuracy of consensus of the last size, which is the largest."""
        return list(self.consensus.values())[-1] if self.consensus else UNKNOWN

    def headline(self) -> dict[str, Any]:
        """Return the figures of a one-line summary: means of code, ut, bon and consensus, and the number of tasks."""
        record = self.to_json()
        return {
            "code": record["code"]["mean"],
            "ut": record["ut"]["mean"],
            "bon": {name: estimate["mean"] for name, estimate in record["bon"].items()},
            "consensus": {
                name: estimate["mean"] for name, estimate in record["consensus"].items() if estimate["mean"] is not None
            },
            "n_tasks": self.n_tasks,
        }

    def to_json(self) -> dict[str, Any]:
        """Return a plain dict for the journal: floats rounded to 6 places, trust as counts and ratios."""
        record: dict[str, Any] = {"n_tasks": self.n_tasks}
        record |= {name: getattr(self, name).to_json() for name in ESTIMATES}
        record["bon"] = {name: estimate.to_json() for name, estimate in self.bon.items()}
        record["consensus"] = {name: estimate.to_json() for name, estimate in self.consensus.items()}
        record["ut_bases"] = {basis.value: count for basis, count in self.ut_bases.items()}
        ratios = {name: getattr(self.trust, name) for name in _TRUST_RATIOS}
        record["trust"] = {
            "counts": asdict(self.trust),
            **{name: None if ratio is None else round(ratio, 6) for name, ratio in ratios.items()},
        }
        return record

    @staticmethod
    def from_json(record: Mapping[str, Any], *, strict: bool = True) -> EvalSummary:
        """Read the output of `to_json`, up to its rounding.

        For a missing or unreadable key, raise DataError with its name if strict, as an engine that resumes must; else
        use "unknown", so that runs of other versions can be shown.
        """

        def share(value: Mapping[str, Any]) -> Estimate:
            return Estimate.from_json(value, strict=strict, share=True)

        def count(value: Mapping[str, Any]) -> Estimate:
            return Estimate.from_json(value, strict=strict)

        def shares(sizes: Mapping[str, Any]) -> dict[str, Estimate]:
            return {size: share(value) for size, value in _few(sizes)}

        try:
            return EvalSummary(
                n_tasks=_part(record, "n_tasks", _count, 0, strict),
                bon=_part(record, "bon", shares, {}, strict),
                consensus=_part(record, "consensus", shares, {}, strict and "consensus" in record),
                ut_bases=_part(record, "ut_bases", _bases, {}, strict),
                trust=_part(record, "trust", _trust, Trust(), strict),
                **{
                    name: _part(
                        record, name, count if name in COUNTS else share, UNKNOWN, strict and name not in _LATER
                    )
                    for name in ESTIMATES
                },
            )
        except _FAULTS as fault:
            what = f"not an evaluation summary: {type(fault).__name__}: {fault}"
            raise DataError(what, "was it written by another version?") from fault


_LATER = ("recovered_share",)
"""Figures that runs of earlier versions lack; they may be resumed all the same."""
ESTIMATES = tuple(each.name for each in fields(EvalSummary) if each.type == "Estimate")
"""Names of the estimates of a summary."""


def _part(record: Mapping[str, Any], key: str, parse: Callable[[Any], _T], unknown: _T, strict: bool) -> _T:
    """Return the parsed value of `key`; if it is missing or unreadable, raise if strict, else return `unknown`."""
    if not strict and isinstance(record, dict) and key not in record:
        return unknown  # the usual case, in a tenth of the time
    try:
        return parse(record[key])
    except _FAULTS:
        if strict:
            raise
        return unknown


def _number(value: Any) -> float | None:
    if value is None or is_possible(value):
        return value  # type: ignore[no-any-return]
    raise TypeError("not a number that an evaluation can have")


def _share(value: Any) -> float | None:
    if value is None or is_share(value):
        return value  # type: ignore[no-any-return]
    raise TypeError("not a share in 0..1")


def _count(value: Any) -> int:
    if type(value) is int and is_possible(value):
        return value
    raise TypeError("not a count")


def _few(sizes: Mapping[str, Any]) -> list[tuple[str, Any]]:
    if len(sizes) > _MOST_SIZES:
        raise ValueError("too many sizes")
    return list(sizes.items())


def _trust(trust: Mapping[str, Any]) -> Trust:
    counts = {name: _number(count) for name, count in trust["counts"].items()}
    if any(count is None for count in counts.values()):
        raise ValueError("not counts")
    return Trust(**counts)  # type: ignore[arg-type]  # wins count by halves


def _bases(counts: Mapping[str, Any]) -> dict[UtBasis, int]:
    return {UtBasis(basis): _count(count) for basis, count in counts.items()}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
