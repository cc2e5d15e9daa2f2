"""Selectors on boards of nano and on simulated ones: accuracy, and paired differences to best of n.

    python tests/benchmarks/choosing.py --folder DIR [--model nano run:NAME ...]

For each model: 16 programs and 16 tests of the 60 validation and the first 120 held-out tasks, sampled once and kept in
--folder, so that a second call goes on, or only computes. The weight of `consensus` is chosen on the validation boards
of all models together; held-out boards are looked at for the tables alone. Each board counts twice, without and with
the task's public example: with it, as in solving, only programs that pass it are compared. Boards of 4 x 4 are the four
disjoint blocks. Programs that tie share the choice. The last line says whether `consensus` may be solve's default.

tried   two rules that are not in the product: `near` lets agreement decide among the programs whose votes are within
        one standard error of the most; `reliabilities` estimates by EM, on the task alone, how often each program and
        the tester are right about an output, programs that print the same everywhere counting as the root of their
        number (after Dawid and Skene 1979)
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from engine.reward.consensus import WEIGHT  # noqa: E402
from engine.reward.pass_matrix import BoolArray, FloatArray  # noqa: E402
from engine.solve.selectors import BoardArrays, eligible_n, find_selector, scores_n  # noqa: E402
from engine.solve.selectors.arrays import ids_of_equal_rows  # noqa: E402
from tests.benchmarks.boards import M, N, load  # noqa: E402
from tests.benchmarks.simulated_boards import REGIMES, boards  # noqa: E402

WEIGHTS = (0.5, 1, 2, 4, 8)
SIZES = ((16, 16), (4, 4))
SIMULATED_TASKS = 400
EQUAL_POINTS = 0.1
WORST_POINTS, WORST_ERRORS = -2.0, -2.0

Scores = Callable[[BoardArrays], FloatArray]
Boards = list[tuple[str, BoardArrays, BoolArray]]
"""Task, board, and which of its programs are right."""


def of_selector(text: str) -> Scores:
    selector = find_selector(text)
    return lambda board: scores_n(board, selector)


def on_eligible(rule: Scores) -> Scores:
    """Let a rule see the programs that any selector may choose."""

    def scores(board: BoardArrays) -> FloatArray:
        found = np.full(board.matrix.n_programs, np.nan)
        rows_k = np.flatnonzero(eligible_n(board))
        if len(rows_k):
            found[rows_k] = rule(board.rows(rows_k))
        return found

    return scores


def near(board: BoardArrays) -> FloatArray:
    """Score by agreement where votes are within one standard error of the most, else by votes."""
    votes_n, m = board.matrix.votes_n.astype(float), board.matrix.n_generated
    share = votes_n.max() / max(m, 1)
    is_near_n = votes_n >= votes_n.max() - np.sqrt(m * share * (1 - share))
    agreement_n = find_selector("consensus:weight=1000").scores(board)
    return np.where(is_near_n, m + agreement_n, votes_n)


def reliabilities(board: BoardArrays, chance_p: float = 0.3, chance_t: float = 0.05, rounds: int = 15) -> FloatArray:
    """Score by the expected number of inputs on which the output is right.

    chance_p, chance_t: chances that two wrong programs, or a wrong test and a wrong program, say the same.
    """
    outputs_nx = board.outputs_nx[:, board.tested_x]
    n, x = outputs_nx.shape
    if not x:
        return board.agreeing_n().astype(float)
    ids_n = ids_of_equal_rows(outputs_nx)
    weight_n = np.bincount(ids_n)[ids_n] ** -0.5
    printed_nxv = np.zeros((n, x, max(2, outputs_nx.max() + 1)))
    rows, columns = np.nonzero(outputs_nx > 0)
    printed_nxv[rows, columns, outputs_nx[rows, columns]] = 1
    votes_xv = _votes(board, outputs_nx, printed_nxv.shape[2])
    is_possible_xv = printed_nxv.any(axis=0)
    program_n, test = np.full(n, 0.5), 0.5
    expected_n = np.zeros(n)
    for _ in range(rounds):
        odds_n = weight_n * np.log(program_n / ((1 - program_n) * chance_p))
        log_xv = np.einsum("n,nxv->xv", odds_n, printed_nxv) + votes_xv * np.log(test / ((1 - test) * chance_t))
        log_xv = np.where(is_possible_xv, log_xv, -np.inf)
        log_xv[:, 0] = 0.0  # no program prints the right output
        right_xv = np.exp(log_xv - log_xv.max(axis=1, keepdims=True))
        right_xv /= right_xv.sum(axis=1, keepdims=True)
        expected_n = np.einsum("nxv,xv->n", printed_nxv, right_xv)
        program_n = np.clip((expected_n + 2) / (x + 4), 0.02, 0.98)
        test = float(np.clip(((votes_xv * right_xv).sum() + 2) / (board.matrix.n_generated + 4), 0.02, 0.98))
    return expected_n


def _votes(board: BoardArrays, outputs_nx: np.ndarray, values: int) -> FloatArray:
    """Return the number of tests that expect each output, (x, v), by the programs that pass them."""
    votes = np.zeros((outputs_nx.shape[1], values))
    for passed_n in board.matrix.generated_nm.T:
        if passed_n.any():
            for place, column in enumerate(outputs_nx.T):
                value = column[passed_n][0]
                if value > 0 and ((column == value) == passed_n).all():
                    votes[place, value] += 1
                    break
    return votes


def contenders(weight: float) -> dict[str, Scores]:
    named = ("bon", "codet", "majority", "b4:a=1000,b0=100000", "b4", "mpsc", f"consensus:weight={weight:g}")
    tried = {"tried: near": on_eligible(near), "tried: reliabilities": on_eligible(reliabilities)}
    return {name: of_selector(name) for name in named} | tried


def accuracy_t(given: Boards, scores: Scores) -> FloatArray:
    """Return the share of right choices of each task; ties share the choice."""
    found: dict[str, list[float]] = {}
    for task, board, right_n in given:
        scored_n = scores(board)
        share = 0.0
        if not np.isnan(scored_n).all():
            best = float(np.nanmax(scored_n))
            share = float(right_n[scored_n >= best - 1e-9 * max(1.0, abs(best))].mean())
        found.setdefault(task, []).append(share)
    return np.array([np.mean(shares) for shares in found.values()])


def real(folder: Path, model: str, split: str, tasks: int, size: tuple[int, int], *, examples: bool) -> Boards:
    n, m = size
    kept = load(folder / f"{model.replace(':', '-')}-{split}.jsonl", model, split, tasks)
    return [
        (
            board.task,
            board.arrays(range(i * n, i * n + n), range(i * m, i * m + m), examples=examples),
            np.array(board.correct[i * n : i * n + n]),
        )
        for board in kept
        for i in range(min(N // n, M // m))
    ]


def simulated(name: str, size: tuple[int, int]) -> Boards:
    return [(str(task), *found) for task, found in enumerate(boards(name, *size, SIMULATED_TASKS))]


def mean_and_error(delta_t: FloatArray) -> tuple[float, float]:
    return 100 * float(delta_t.mean()), 100 * float(delta_t.std(ddof=1)) / len(delta_t) ** 0.5


def table(
    title: str, columns: dict[str, Boards], rows: dict[str, Scores]
) -> dict[tuple[str, str], tuple[float, float]]:
    """Print accuracies of bon, and differences of all others to it; return the differences."""
    base = {name: accuracy_t(given, of_selector("bon")) for name, given in columns.items()}
    print(f"\n{title}\n| | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
    one = [100 * float(np.mean([right_n.mean() for _, _, right_n in given])) for given in columns.values()]
    print(f"| one program | {' | '.join(f'{share:.1f}' for share in one)} |")
    found = {}
    for row, scores in rows.items():
        cells = []
        for name, given in columns.items():
            accuracy = accuracy_t(given, scores)
            mean, error = found[row, name] = mean_and_error(accuracy - base[name])
            cells.append(f"{100 * accuracy.mean():.1f}" if row == "bon" else f"{mean:+.1f} ± {error:.1f}")
        print(f"| {row} | {' | '.join(cells)} |", flush=True)
    return found


def chosen_weight(columns: dict[str, Boards]) -> float:
    """Print the differences by weight on validation boards; return the weight of the best mean over all columns.

    Means within EQUAL_POINTS of the best are equal: the weight of the product wins such a tie.
    """
    rows = {f"consensus:weight={weight:g}": of_selector(f"consensus:weight={weight:g}") for weight in WEIGHTS}
    found = table("Weights on validation tasks", columns, {"bon": of_selector("bon")} | rows)
    means = [float(np.mean([found[row, name][0] for name in columns])) for row in rows]
    for weight, mean in zip(WEIGHTS, means, strict=True):
        print(f"weight {weight:g}: {mean:+.2f} on average")
    best = [weight for weight, mean in zip(WEIGHTS, means, strict=True) if mean > max(means) - EQUAL_POINTS]
    return WEIGHT if WEIGHT in best else best[0]


def verdict(
    weight: float,
    held_out: Iterable[dict[tuple[str, str], tuple[float, float]]],
    regimes: Iterable[dict[tuple[str, str], tuple[float, float]]],
) -> None:
    row = f"consensus:weight={weight:g}"
    worse = [
        f"{name}: {mean:+.1f} ± {error:.1f}"
        for found in held_out
        for (of, name), (mean, error) in found.items()
        if of == row and mean < WORST_ERRORS * error
    ]
    worse += [
        f"{name}: {mean:+.1f}"
        for found in regimes
        for (of, name), (mean, _) in found.items()
        if of == row and mean < WORST_POINTS
    ]
    print(f"\n{row} as solve's default: {'no: ' + '; '.join(worse) if worse else 'not worse than bon anywhere'}")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--model", nargs="+", default=["nano"])
    parser.add_argument("--validation", type=int, default=60)
    parser.add_argument("--heldout", type=int, default=120)
    given = parser.parse_args(argv)
    given.folder.mkdir(parents=True, exist_ok=True)

    def columns(split: str, tasks: int, size: tuple[int, int]) -> dict[str, Boards]:
        return {
            f"{model}{', example' * examples}": real(given.folder, model, split, tasks, size, examples=examples)
            for model in given.model
            for examples in (False, True)
        }

    weight = chosen_weight(
        {
            f"{name}, {n} x {m}": boards
            for n, m in SIZES
            for name, boards in columns("validation", given.validation, (n, m)).items()
        }
    )
    rows = contenders(weight)
    held_out = [
        table(f"Held-out tasks, boards of {n} x {m}", columns("heldout", given.heldout, (n, m)), rows) for n, m in SIZES
    ]
    regimes = [
        table(f"Simulated regimes, boards of {n} x {m}", {name: simulated(name, (n, m)) for name in REGIMES}, rows)
        for n, m in SIZES
    ]
    verdict(weight, held_out, regimes)


if __name__ == "__main__":
    main()
