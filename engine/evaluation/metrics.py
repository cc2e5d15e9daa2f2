"""Metrics of one task, each a function TaskResult -> float (nan: undefined for it), and their summary over tasks.

Denominators are constant: malformed tests and unparsable programs count as wrong in every share below. Only cells on
which the sandbox failed leave a denominator, and a task leaves a metric only if none of its samples was judged.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from engine.evaluation.intervals import Bootstrap
from engine.evaluation.results import TaskResult, well_formed
from engine.evaluation.summary import Estimate, EvalSummary
from engine.reward.consensus import consensus_of_n, first_columns
from engine.reward.trust import aggregate_trust, trust

TRIVIAL_OUTPUTS = frozenset({"", "0", "1", "-1", "NONE", "None", "[]"})


def code_accuracy(result: TaskResult) -> float:
    """Return the share of programs that pass all ground-truth tests (one-shot accuracy)."""
    return _share(int(result.matrix.correct_n.sum()), int(result.matrix.judged_n.sum()))


def ut_accuracy(result: TaskResult) -> float:
    """Return the share of judged tests that are right and, if the task has a validator, valid; 0 with basis NONE."""
    return _share(int(result.counted_right_m.sum()), result.n_counted)


def ut_accuracy_raw(result: TaskResult) -> float:
    """Return the share of judged tests that are right, valid or not; 0 with basis NONE."""
    return _share(int(result.test_right_m.sum()), result.n_counted)


def valid_share(result: TaskResult) -> float:
    """Return the share of all m generated tests whose input the task's validator accepts; nan without a validator."""
    if result.test_valid_m is None:
        return math.nan
    return _share(int(result.test_valid_m.sum()), result.matrix.n_generated)


def pass_at_n(result: TaskResult) -> float:
    """Return 1.0 if any of the n programs is correct, else 0.0: the ceiling of every BoN."""
    if not result.matrix.judged_n.any():
        return math.nan
    return float(result.matrix.correct_n.any())


def best_of_n_accuracy(result: TaskResult, n: int, m: int) -> float:
    """Return the share of BoN(n, m) picks that are correct, over disjoint blocks.

    Block i is programs i*n .. (i+1)*n - 1 by tests i*m .. (i+1)*m - 1, as long as there are enough of both: of
    16 x 16 samples, BoN(4, 4) is the mean of 4 picks that share no sample, BoN(16, 16) is one pick. Remaining samples
    are not used. A pick that is not judged is left out. Raises ValueError if the task has fewer than n programs or
    m tests.
    """
    matrix = result.matrix
    return _picked(result, [int(matrix.block(*block).ranking_n[0]) for block in _blocks(result, n, m)], n)


def consensus_accuracy(result: TaskResult, n: int, m: int) -> float:
    """Return the share of consensus(n, m) picks that are correct, over the blocks of `best_of_n_accuracy`.

    The choice is that of `engine.reward.consensus`; nan where outputs were not kept. Raises ValueError likewise.
    """
    blocks, outputs_nm = _blocks(result, n, m), result.outputs_nm
    if outputs_nm is None:
        return math.nan
    inputs = [
        None if malformed else text
        for text, malformed in zip(result.test_inputs, result.matrix.malformed_m.tolist(), strict=True)
    ]
    picks = []
    for programs, tests in blocks:
        columns = first_columns(inputs[tests])
        picks.append(consensus_of_n(result.matrix.block(programs, tests), outputs_nm[programs, tests][:, columns]))
    return _picked(result, picks, n)


def _blocks(result: TaskResult, n: int, m: int) -> list[tuple[slice, slice]]:
    """Return the disjoint blocks of n programs and m tests. Raises ValueError if there is none."""
    have_n, have_m = result.matrix.n_programs, result.matrix.n_generated
    if n < 1 or m < 1 or n > have_n or m > have_m:
        raise ValueError(
            f"BoN({n}, {m}) is undefined for task {result.task_id}, which has {have_n} programs and {have_m} tests"
        )
    return [(slice(i * n, (i + 1) * n), slice(i * m, (i + 1) * m)) for i in range(min(have_n // n, have_m // m))]


def _picked(result: TaskResult, picks: Sequence[int], n: int) -> float:
    """Return the share of the picks, one of each block of n programs, that are correct."""
    rows = np.array([place * n + pick for place, pick in enumerate(picks)])
    return _share(int(result.matrix.correct_n[rows].sum()), int(result.matrix.judged_n[rows].sum()))


def trivial_share(result: TaskResult) -> float:
    """Return the share of all m tests with a trivial expected output: a stock value or an echo of the input."""
    inputs, outputs = well_formed(result, result.test_inputs), well_formed(result, result.test_outputs)
    trivial = sum(out in TRIVIAL_OUTPUTS or out == given for given, out in zip(inputs, outputs, strict=True))
    return _share(trivial, result.matrix.n_generated)


def distinct_inputs(result: TaskResult) -> float:
    """Count the distinct inputs of the m tests, white space collapsed; malformed tests have none."""
    return float(len(set(well_formed(result, result.test_inputs))))


def distinct_programs(result: TaskResult) -> float:
    """Count the distinct sources of the n programs, ignoring leading and trailing white space."""
    return float(len({source.strip() for source in result.programs if source is not None}))


def malformed_share(result: TaskResult) -> float:
    """Return the share of the m tester answers without a parsable test."""
    return _share(int(result.matrix.malformed_m.sum()), result.matrix.n_generated)


def rejected_share(result: TaskResult) -> float:
    """Return the share of the n coder answers without a parsable program."""
    return _share(int(result.matrix.rejected_n.sum()), result.matrix.n_programs)


def recovered_share(result: TaskResult) -> float:
    """Return the share of all n + m answers that only the kind reading understood."""
    return _share(result.recovered, result.matrix.n_programs + result.matrix.n_generated)


def coder_length(result: TaskResult) -> float:
    """Return the mean length of the coder's answers, in tokens."""
    return float(result.coder_lengths_n.mean()) if result.coder_lengths_n.size else math.nan


def tester_length(result: TaskResult) -> float:
    """Return the mean length of the tester's answers, in tokens."""
    return float(result.tester_lengths_m.mean()) if result.tester_lengths_m.size else math.nan


def unknown_share(result: TaskResult) -> float:
    """Return the share of all cells, ground-truth and generated, without a verdict because the sandbox failed."""
    matrix = result.matrix
    unknown = int((~matrix.known_nt).sum() + (~matrix.known_nm).sum())
    return _share(unknown, matrix.known_nt.size + matrix.known_nm.size)


def _share(count: int, total: int) -> float:
    return count / total if total else math.nan


# field of EvalSummary -> metric that it averages over tasks
_METRICS: Mapping[str, Callable[[TaskResult], float]] = {
    "code": code_accuracy,
    "ut": ut_accuracy,
    "ut_raw": ut_accuracy_raw,
    "valid_share": valid_share,
    "pass_at_n": pass_at_n,
    "trivial_share": trivial_share,
    "distinct_inputs": distinct_inputs,
    "distinct_programs": distinct_programs,
    "malformed_share": malformed_share,
    "rejected_share": rejected_share,
    "recovered_share": recovered_share,
    "unknown_share": unknown_share,
    "coder_length": coder_length,
    "tester_length": tester_length,
}


def task_figures(result: TaskResult) -> dict[str, float | None]:
    """Return every metric of one task, by the names of `EvalSummary`'s estimates; None where it is undefined."""
    values = {name: metric(result) for name, metric in _METRICS.items()}
    return {name: None if math.isnan(value) else value for name, value in values.items()}


def summarise(
    results: Sequence[TaskResult], bon_sizes: Sequence[tuple[int, int]] = ((4, 4), (16, 16)), seed: int = 0
) -> EvalSummary:
    """Summarise all metrics over all tasks; deterministic in the results and `seed`, which draws the resamples.

    Raises ValueError without results, or if a task has fewer samples than a BoN size needs.
    """
    if not results:
        raise ValueError("no task results to summarise")
    bootstrap = Bootstrap(len(results), seed)

    def chosen(by: Callable[[TaskResult, int, int], float]) -> dict[str, Estimate]:
        return {f"{n}x{m}": bootstrap.estimate([by(result, n, m) for result in results]) for n, m in bon_sizes}

    return EvalSummary(
        n_tasks=len(results),
        bon=chosen(best_of_n_accuracy),
        consensus=chosen(consensus_accuracy),
        ut_bases=dict(Counter(result.ut_basis for result in results)),
        trust=aggregate_trust(trust(result.matrix) for result in results),
        **{name: bootstrap.estimate([metric(result) for result in results]) for name, metric in _METRICS.items()},
    )
