"""One evaluation in figures: the metrics over all tasks, each with its uncertainty, and their JSON form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from engine.errors import DataError
from engine.evaluation import metrics
from engine.evaluation.intervals import Bootstrap, Estimate
from engine.evaluation.results import TaskResult, UtBasis
from engine.reward.trust import Trust, aggregate_trust, trust

BonSizes = Sequence[tuple[int, int]]

_TRUST_RATIOS = ("p_u", "p_01", "p_00", "mu", "bound", "precision")


@dataclass(frozen=True)
class EvalSummary:
    """Metrics of one evaluation; what each one is stands in `metrics.py`.

    `bon` maps "4x4", "16x16", ... to BoN accuracy, `ut_bases` says for how many tasks who judged the tests,
    and `trust` pools all tasks that have a correct program (p_u there is by own correct programs, the
    definition of Theorem 3.1, whatever `ut` is judged by).
    """

    n_tasks: int
    code: Estimate
    ut: Estimate
    ut_raw: Estimate
    valid_share: Estimate
    bon: Mapping[str, Estimate]
    pass_at_n: Estimate
    trivial_share: Estimate
    distinct_inputs: Estimate
    distinct_programs: Estimate
    malformed_share: Estimate
    rejected_share: Estimate
    unknown_share: Estimate
    coder_length: Estimate
    tester_length: Estimate
    ut_bases: Mapping[UtBasis, int]
    trust: Trust

    def headline(self) -> dict[str, Any]:
        """The few figures a one-line summary shows: means of code, ut and bon, and the number of tasks."""
        record = self.to_json()
        return {
            "code": record["code"]["mean"],
            "ut": record["ut"]["mean"],
            "bon": {name: estimate["mean"] for name, estimate in record["bon"].items()},
            "n_tasks": self.n_tasks,
        }

    def to_json(self) -> dict[str, Any]:
        """A plain dict for the journal, floats rounded to 6 places; trust as counts and its ratios."""
        record: dict[str, Any] = {"n_tasks": self.n_tasks}
        record |= {name: getattr(self, name).to_json() for name in _ESTIMATES}
        record["bon"] = {name: estimate.to_json() for name, estimate in self.bon.items()}
        record["ut_bases"] = {basis.value: count for basis, count in self.ut_bases.items()}
        ratios = {name: getattr(self.trust, name) for name in _TRUST_RATIOS}
        record["trust"] = {
            "counts": asdict(self.trust),
            **{name: None if ratio is None else round(ratio, 6) for name, ratio in ratios.items()},
        }
        return record

    @staticmethod
    def from_json(record: Mapping[str, Any]) -> EvalSummary:
        """Inverse of `to_json` up to its rounding. DataError names a missing or unreadable key."""
        try:
            return EvalSummary(
                n_tasks=int(record["n_tasks"]),
                bon={name: Estimate.from_json(estimate) for name, estimate in record["bon"].items()},
                ut_bases={UtBasis(basis): int(count) for basis, count in record["ut_bases"].items()},
                trust=Trust(**record["trust"]["counts"]),
                **{name: Estimate.from_json(record[name]) for name in _ESTIMATES},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            what = f"not an evaluation summary: {type(fault).__name__}: {fault}"
            raise DataError(what, "was it written by another version?") from fault


# field of EvalSummary -> what it averages over tasks
_METRICS: Mapping[str, Callable[[TaskResult], float]] = {
    "code": metrics.code_accuracy,
    "ut": metrics.ut_accuracy,
    "ut_raw": metrics.ut_accuracy_raw,
    "valid_share": metrics.valid_share,
    "pass_at_n": metrics.pass_at_n,
    "trivial_share": metrics.trivial_share,
    "distinct_inputs": metrics.distinct_inputs,
    "distinct_programs": metrics.distinct_programs,
    "malformed_share": metrics.malformed_share,
    "rejected_share": metrics.rejected_share,
    "unknown_share": metrics.unknown_share,
    "coder_length": metrics.coder_length,
    "tester_length": metrics.tester_length,
}
_ESTIMATES = tuple(_METRICS)


def summarise(results: Sequence[TaskResult], bon_sizes: BonSizes = ((4, 4), (16, 16)), seed: int = 0) -> EvalSummary:
    """All metrics over all tasks; the same results and seed (of the intervals) give the same summary.

    ValueError without results, or where a task has fewer samples than a BoN size asks for.
    """
    if not results:
        raise ValueError("no task results to summarise")
    bootstrap = Bootstrap(len(results), seed)

    def bon(n: int, m: int) -> Estimate:
        return bootstrap.estimate([metrics.best_of_n_accuracy(result, n, m) for result in results])

    return EvalSummary(
        n_tasks=len(results),
        bon={f"{n}x{m}": bon(n, m) for n, m in bon_sizes},
        ut_bases=dict(Counter(result.ut_basis for result in results)),
        trust=aggregate_trust(trust(result.matrix) for result in results),
        **{name: bootstrap.estimate([metric(result) for result in results]) for name, metric in _METRICS.items()},
    )
