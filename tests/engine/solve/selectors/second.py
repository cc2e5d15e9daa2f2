"""Second implementation of every selector, from its definition: lists, loops and exact closed forms, no shared code."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from engine.solve.selectors import BoardArrays

Verdict = bool | None
_SAME = 1e-9


class Table:
    """Eligible rows of a board as lists: verdicts (None: unknown), outputs, sample indices."""

    def __init__(self, given: BoardArrays) -> None:
        matrix = given.matrix
        n, m = matrix.generated_nm.shape
        rows = [row for row in range(n) if not matrix.rejected_n[row]]
        seeing = [row for row in rows if not given.blind_n[row]]
        rows = seeing or rows
        most = max((sum(matrix.truth_nt[row]) for row in rows), default=0)
        self.rows = [row for row in rows if sum(matrix.truth_nt[row]) == most]
        self.cells: list[list[Verdict]] = [
            [bool(matrix.generated_nm[row, k]) if matrix.known_nm[row, k] else None for k in range(m)]
            for row in self.rows
        ]
        self.outputs = [[int(value) for value in given.outputs_nx[row]] for row in self.rows]
        self.tested = [x for x, is_tested in enumerate(given.tested_x) if is_tested]
        self.samples = [int(given.sample_n[row]) for row in self.rows]
        self.program_spec = [[float(value) for value in given.program_spec_ns[row]] for row in self.rows]
        self.spec_test = [[float(value) for value in row] for row in given.spec_test_sm]
        self.m = m
        texts = given.texts
        self.texts: dict[str, list[str]] = {"p": [], "t": [], "s": []}
        if texts is not None:
            programs = [texts.programs[row] for row in self.rows]
            self.texts = {
                "p": programs,
                "t": ["->".join(test) for test in texts.tests],
                "s": list(texts.specifications),
            }

    def votes(self, i: int) -> int:
        return self.cells[i].count(True)

    def choice(self, scores: Sequence[float | Fraction]) -> int | None:
        if not self.rows:
            return None
        best = max(scores)
        tied = [i for i, score in enumerate(scores) if best - score <= _SAME * max(1, abs(best))]
        return self.rows[min(tied, key=lambda i: self.samples[i])]


def bon(table: Table) -> list[Fraction]:
    n = len(table.rows)
    return [
        table.votes(i) + Fraction(sum(other == table.outputs[i] for other in table.outputs), n + 1) for i in range(n)
    ]


def codet(table: Table) -> list[float]:
    return [math.sqrt(table.cells.count(row)) * row.count(True) for row in table.cells]


def majority(table: Table) -> list[float]:
    return [table.outputs.count(row) if any(value > 0 for value in row) else 0 for row in table.outputs]


def consensus(table: Table, weight: Fraction = Fraction(1)) -> list[Fraction]:
    n = len(table.rows)
    return [
        table.votes(i)
        + weight
        * sum(
            Fraction(sum(other[x] == row[x] for other in table.outputs), n) for x in table.tested if row[x] > 0
        )
        for i, row in enumerate(table.outputs)
    ]  # fmt: skip


def b4(table: Table, a: float = 10.0, b0: float = 10.0) -> list[float]:
    """Integrate each Beta factor's density as B(p, q) = 1 / (p C(p + q - 1, q - 1)) where p, q are whole."""
    n = len(table.rows)
    scores = []
    for row in table.cells:
        others = [other for other in table.cells if other != row]
        c = n - len(others)

        def count(of: bool, others: list[list[Verdict]] = others, row: list[Verdict] = row) -> tuple[int, int]:
            cells = [other[k] for other in others for k, own in enumerate(row) if own is of]
            return cells.count(True), len(cells) - cells.count(None)

        (s1, t1), (s0, t0) = count(True), count(False)
        scores.append(
            _ln_beta(c + a, n - c + 1)
            + _ln_beta(row.count(True) + a, row.count(False) + 1)
            + _ln_beta(s1 + 1, t1 - s1 + 1)
            + _ln_beta(s0 + 1, t0 - s0 + b0)
        )
    return scores


def _ln_beta(p: float, q: float) -> float:
    """Return ln B(p, q) for whole p and q by the binomial coefficient, in whole numbers."""
    assert p == int(p)
    assert q == int(q)
    return -math.log(int(p) * math.comb(int(p + q) - 1, int(q) - 1))


def bleu(words: list[str], reference: list[str]) -> float:
    """Multiply the precisions of runs, each found by striking off what has been matched."""
    if not words:
        return float(not reference)
    product, longest = 1.0, min(4, len(words))
    for length in range(1, longest + 1):
        left = [reference[start : start + length] for start in range(len(reference) - length + 1)]
        hits, total = 0, len(words) - length + 1
        for start in range(total):
            if (run := words[start : start + length]) in left:
                left.remove(run)
                hits += 1
        product *= hits / total
    brevity = 1.0 if len(words) >= len(reference) else math.exp(1 - len(reference) / len(words))
    return brevity * product ** (1 / longest)


def _likeness(texts: list[str], place: int, *, whole: bool) -> float:
    others = texts[:place] + texts[place + 1 :]
    alike = [float(text == texts[place]) if whole else bleu(texts[place].split(), text.split()) for text in others]
    return sum(alike) / len(alike) if alike else 1.0


def mpsc(table: Table, *, lexical: bool = False) -> list[float]:
    """Solve (I - a T) f = (1 - a) s0, the fixed point of the iteration, instead of iterating."""
    n, m, s = len(table.rows), table.m, len(table.spec_test)
    kinds = ["p"] * n + ["t"] * m + ["s"] * s

    def weight(u: int, v: int) -> float:
        pair = kinds[u] + kinds[v]
        if pair == "pt":
            return float(table.cells[u][v - n] is True)
        if pair == "ps":
            return table.program_spec[u][v - n - m]
        if pair == "st":
            return table.spec_test[u - n - m][v - n]
        return weight(v, u) if pair in ("tp", "sp", "ts") else 0.0

    size = n + m + s
    weights = [[weight(u, v) for v in range(size)] for u in range(size)]
    degree = [sum(row) for row in weights]
    start = [0.0] * size
    for kind in "pts":
        own = [u for u in range(size) if kinds[u] == kind]
        for place, u in enumerate(own if lexical else []):
            start[u] = _likeness(table.texts[kind], place, whole=kind == "t") if degree[u] else 0.0
        if lexical and not any(start[u] for u in own):
            for u in own:
                start[u] = float(degree[u] > 0)
        for u in [] if lexical else own:
            start[u] = sum(weights[u] == weights[v] for v in own) if degree[u] else 0.0
            for other in "pts":
                members = [v for v in range(size) if kinds[v] == other]
                if other != kind and members:
                    start[u] *= (sum(weights[u][v] for v in members) + 1) / len(members)
        whole = sum(start[u] for u in own)
        for u in own:
            start[u] /= whole or 1.0
    possible = n * m + n * s + s * m
    a = 0.95 if possible and sum(degree) / 2 / possible >= 0.16 else 0.01
    transition = [
        [weights[u][v] / math.sqrt(degree[u] * degree[v]) if weights[u][v] else 0.0 for v in range(size)]
        for u in range(size)
    ]
    solved = np.linalg.solve(np.eye(size) - a * np.array(transition).reshape(size, size), (1 - a) * np.array(start))
    return [float(value) for value in solved[:n]]
