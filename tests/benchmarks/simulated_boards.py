"""Simulated boards for benchmarks of selectors: regimes of coders and testers that nano does not show.

A regime draws programs and tests of a task. A right program prints 1 on every input. A wrong one follows one of a few
misreadings, which others share, or errs in its own way; either differs from a right one on a part of the inputs. A test
expects the right output, or that of a misreading, or something that no program prints. Output 1 of a right program has
several forms where programs cannot agree on exact text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engine.reward.pass_matrix import BoolArray, IntArray, PassMatrix
from engine.solve.selectors import BoardArrays

_OWN = 0.2
"""Share of the programs with an error of their own that crash on every input."""


@dataclass(frozen=True)
class Regime:
    """Regime. right, tests_right: mean shares of right programs and tests.

    shared: share of the wrong programs that follow a misreading; followed: of the wrong tests. misreadings: their
    number, the first the most popular. differs: share of the inputs on which a wrong program shows. forms: of a right
    text. examples: public ones.
    """

    right: float
    tests_right: float
    shared: float = 0.5
    followed: float = 0.4
    misreadings: int = 4
    differs: float = 0.5
    forms: int = 1
    examples: int = 0


REGIMES = {
    "strong coder, weak tester": Regime(0.7, 0.35, followed=0.3, differs=0.6),
    "weak coder, weak tester": Regime(0.4, 0.45),
    "weak coder, good tester": Regime(0.2, 0.8, differs=0.6),
    "the same, subtle bugs": Regime(0.2, 0.8, differs=0.15),
    "very weak coder": Regime(0.08, 0.6, misreadings=5),
    "shared misreading": Regime(0.45, 0.5, shared=1.0, followed=0.8, misreadings=3, differs=0.6),
    "no exact text": Regime(0.5, 0.6, followed=0.3, differs=0.6, forms=4),
    "weak both, an example": Regime(0.4, 0.45, examples=1),
    "shared misreading, an example": Regime(
        0.45, 0.5, shared=1.0, followed=0.8, misreadings=3, differs=0.6, examples=1
    ),
}


def boards(name: str, n: int, m: int, tasks: int) -> Iterator[tuple[BoardArrays, BoolArray]]:
    """Yield boards of a regime with the right programs of each, (n,); the same ones at every call."""
    rng = np.random.default_rng([list(REGIMES).index(name), n, m])
    for _ in range(tasks):
        yield _board(rng, REGIMES[name], n, m)


def _board(rng: np.random.Generator, regime: Regime, n: int, m: int) -> tuple[BoardArrays, BoolArray]:
    coder = rng.beta(3 * regime.right, 3 * (1 - regime.right))
    tester = rng.beta(4 * regime.tests_right, 4 * (1 - regime.tests_right))
    _, input_m = np.unique(rng.integers(0, max(1, m * 9 // 10), m), return_inverse=True)
    x = int(input_m.max()) + 1 + regime.examples  # the examples' inputs stand last
    popular = 1 / np.arange(1, regime.misreadings + 1)
    popular /= popular.sum()
    differs = rng.random((regime.misreadings, x)) < regime.differs
    differs[np.arange(regime.misreadings), rng.integers(0, x, regime.misreadings)] = True
    misread = np.where(differs, rng.integers(2, 6, differs.shape), 1)
    right_n = rng.random(n) < coder
    outputs_nx = np.array([_row(rng, regime, is_right, misread, popular) for is_right in right_n])
    expected_m = np.array([_expected(rng, regime, tester, misread[:, place], popular) for place in input_m])
    passed_nm = outputs_nx[:, input_m] == expected_m
    passed_nt = outputs_nx[:, x - regime.examples :] // regime.forms == 1
    tested_x = np.arange(x) < x - regime.examples
    arrays = BoardArrays(
        PassMatrix(passed_nt, passed_nm), _numbered(outputs_nx), tested_x, np.zeros(n, dtype=np.bool_), np.arange(n)
    )
    return arrays, right_n


def _row(rng: np.random.Generator, regime: Regime, is_right: bool, misread: IntArray, popular: np.ndarray) -> IntArray:
    """Return what a program prints on each input; a program keeps to one form."""
    x = misread.shape[1]
    if is_right:
        row = np.ones(x, dtype=np.int64)
    elif rng.random() < regime.shared:
        row = misread[rng.choice(len(misread), p=popular)]
    elif rng.random() < _OWN:
        return np.full(x, -1)
    else:
        differs = rng.random(x) < regime.differs
        differs[rng.integers(x)] = True
        row = np.where(differs, rng.integers(10, 1000, x), 1)
    return row * regime.forms + int(rng.integers(regime.forms))


def _expected(
    rng: np.random.Generator, regime: Regime, tester: float, misread: IntArray, popular: np.ndarray
) -> int:  # fmt: skip
    if rng.random() < tester:
        output = 1
    elif rng.random() < regime.followed:
        output = int(misread[rng.choice(len(misread), p=popular)])
    else:
        output = int(rng.integers(2000, 3000))
    return output * regime.forms + int(rng.integers(regime.forms))


def _numbered(outputs_nx: IntArray) -> IntArray:
    """Return the outputs numbered from 1 for each input, errors as they are."""
    numbers = np.empty_like(outputs_nx)
    for place, column in enumerate(outputs_nx.T):
        known: dict[int, int] = {}
        numbers[:, place] = [
            value if value < 0 else known.setdefault(value, len(known) + 1) for value in column.tolist()
        ]
    return numbers
