"""Boards for tests of selectors: from tables written by hand, and random ones."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from engine.reward.pass_matrix import PassMatrix
from engine.solve.selectors import BoardArrays
from engine.solve.selectors.arrays import Texts

Rows = Sequence[Sequence[float]]


def board(
    passed: Rows | None = None,
    *,
    outputs: Sequence[Sequence[str]] = (),
    expected: Sequence[str] = (),
    samples: Sequence[int] = (),
    public: Rows = (),
    blind: Sequence[bool] = (),
    rejected: Sequence[bool] = (),
    program_spec: Rows = (),
    spec_test: Rows = (),
    texts: Texts | None = None,
) -> BoardArrays:
    """Build a board from verdicts, or from outputs ("" for an error) and the output expected on each input."""
    if passed is None:
        passed = [[got == right for got, right in zip(row, expected, strict=True)] for row in outputs]
    n, m = len(passed), len(passed[0]) if passed else 0
    numbers = [
        {text: number for number, text in enumerate(dict.fromkeys(column), 1)} for column in zip(*outputs, strict=True)
    ]
    printed = [[numbers[x][text] if text else -1 for x, text in enumerate(row)] for row in outputs]
    specs = (
        {}
        if not spec_test
        else {
            "program_spec_ns": np.array(program_spec, dtype=float),
            "spec_test_sm": np.array(spec_test, dtype=float),
        }
    )
    return BoardArrays(
        PassMatrix(
            np.array(public, dtype=bool).reshape(n, -1) if public else np.zeros((n, 0), dtype=bool),
            np.array(passed, dtype=bool).reshape(n, m),
            rejected_n=np.array(rejected or [False] * n, dtype=bool),
        ),
        np.array(printed, dtype=np.int64) if outputs else np.zeros((n, m), dtype=np.int64),
        np.ones(m, dtype=bool),
        np.array(blind or [False] * n, dtype=bool),
        np.array(samples or range(n), dtype=np.int64),
        **specs,
        texts=texts,
    )  # fmt: skip


def random_board(seed: int) -> BoardArrays:
    """Draw a board: repeated behaviours, errors, lost cells, rejected answers, malformed tests, repeated inputs, specs.

    Verdicts follow from the outputs: a test expects one of the outputs that occur on its input, or another.
    """
    rng = random.Random(seed)
    n, m, t = rng.randint(1, 10), rng.randint(0, 10), rng.randint(0, 2)
    inputs = [rng.randrange(max(1, m)) for _ in range(m)]
    places = {stdin: place for place, stdin in enumerate(dict.fromkeys(inputs))}
    x = len(places) + rng.randint(0, 2)  # inputs without a test
    kinds = [[rng.choice((1, 1, 2, 3, -1, -2)) for _ in range(x)] for _ in range(rng.randint(1, 4))]
    outputs = [list(rng.choice(kinds)) for _ in range(n)]
    for row in outputs:
        for place in range(x):
            if rng.random() < 0.1:
                row[place] = rng.choice((0, 1, 4, -1))
    rejected = [rng.random() < 0.15 for _ in range(n)]
    for number, is_rejected in enumerate(rejected):
        if is_rejected:
            outputs[number] = [0] * x
    expected = [rng.randint(1, 4) for _ in range(m)]
    malformed = [rng.random() < 0.1 for _ in range(m)]
    cells = [[row[places[stdin]] for stdin in inputs] for row in outputs]
    passed = [[cell == right for cell, right in zip(row, expected, strict=True)] for row in cells]
    s = rng.randint(0, 3)
    samples = list(range(n))
    rng.shuffle(samples)
    return BoardArrays(
        PassMatrix(
            np.array([[rng.random() < 0.8 for _ in range(t)] for _ in range(n)], dtype=bool).reshape(n, t),
            np.array(passed, dtype=bool).reshape(n, m),
            malformed_m=np.array(malformed, dtype=bool),
            rejected_n=np.array(rejected, dtype=bool),
            known_nm=np.array([[cell != 0 for cell in row] for row in cells], dtype=bool).reshape(n, m),
        ),
        np.array(outputs, dtype=np.int64).reshape(n, x),
        np.array([place < len(places) for place in range(x)], dtype=bool),
        np.array([rng.random() < 0.1 for _ in range(n)], dtype=bool),
        np.array(samples, dtype=np.int64),
        np.array([[rng.choice((0.0, 0.0, 0.5, 1.0)) for _ in range(s)] for _ in range(n)]).reshape(n, s),
        np.array([[rng.choice((0.0, 0.0, 1.0)) for _ in range(m)] for _ in range(s)]).reshape(s, m),
        Texts(
            tuple(_random_text(rng) for _ in range(n)),
            tuple((rng.choice("123"), rng.choice("12")) for _ in range(m)),
            tuple(_random_text(rng) for _ in range(s)),
        ),
    )


def _random_text(rng: random.Random) -> str:
    return " ".join(rng.choices(("a", "b", "=", "+ 1"), k=rng.randint(0, 8)))


def shuffled(given: BoardArrays, seed: int) -> BoardArrays:
    """Return the same board with its rows in another order of arrival."""
    order = list(range(given.matrix.n_programs))
    random.Random(seed).shuffle(order)
    return given.rows(np.array(order, dtype=np.int64))
