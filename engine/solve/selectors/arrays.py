"""Arrays of a board: all that a selector may look at.

Shapes: n programs, m generated tests, t examples, x distinct inputs, s specifications.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from engine.reward.pass_matrix import BoolArray, FloatArray, IntArray, PassMatrix

_NONE: FloatArray = np.zeros((0, 0))  # compared by identity: there are no specifications


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts behind a board: n sources of programs, m tests (input and output), s sources of specifications."""

    programs: tuple[str, ...] = ()
    tests: tuple[tuple[str, str], ...] = ()
    specifications: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class BoardArrays:
    """Verdicts and outputs of one task's programs.

    matrix      verdicts; the problem's examples take the place of ground-truth tests
    outputs_nx  number of the output that a program prints on an input: equal numbers for equal outputs, counted from 1
                for each input; 0 unknown; negative: the program failed, one number for each kind of failure
    tested_x    inputs that a generated test has; the others are of examples, or were executed to tell programs apart
    blind_n     programs that seem not to read their input
    sample_n    sample indices, whose order breaks ties; rows may stand in order of arrival
    program_spec_ns  share of the inputs for which a specification accepts what the program prints
    spec_test_sm     1 where a specification accepts a test's input and output
    texts       None where nobody has kept them
    """

    matrix: PassMatrix
    outputs_nx: IntArray
    tested_x: BoolArray
    blind_n: BoolArray
    sample_n: IntArray
    program_spec_ns: FloatArray = field(default_factory=lambda: _NONE)
    spec_test_sm: FloatArray = field(default_factory=lambda: _NONE)
    texts: Texts | None = None

    def __post_init__(self) -> None:
        n, m = self.matrix.n_programs, self.matrix.n_generated
        if self.program_spec_ns is _NONE and self.spec_test_sm is _NONE:
            object.__setattr__(self, "program_spec_ns", np.zeros((n, 0)))
            object.__setattr__(self, "spec_test_sm", np.zeros((0, m)))
        s = self.spec_test_sm.shape[0]
        shapes = {
            "outputs_nx": (self.outputs_nx.shape, (n, len(self.tested_x))),
            "blind_n": (self.blind_n.shape, (n,)),
            "sample_n": (self.sample_n.shape, (n,)),
            "program_spec_ns": (self.program_spec_ns.shape, (n, s)),
            "spec_test_sm": (self.spec_test_sm.shape, (s, m)),
        }
        if self.texts is not None:
            kept = self.texts.programs, self.texts.tests, self.texts.specifications
            shapes["texts"] = (tuple(map(len, kept)), (n, m, s))
        for name, (shape, expected) in shapes.items():
            if shape != expected:
                raise ValueError(f"{name} must have shape {expected}, not {shape}")

    def rows(self, rows_k: IntArray) -> BoardArrays:
        """Return the arrays of some of the programs."""
        return BoardArrays(
            self.matrix.block(rows_k, slice(None)),
            self.outputs_nx[rows_k],
            self.tested_x,
            self.blind_n[rows_k],
            self.sample_n[rows_k],
            self.program_spec_ns[rows_k],
            self.spec_test_sm,
            None if self.texts is None else replace(self.texts, programs=_taken(self.texts.programs, rows_k)),
        )

    def agreeing_n(self) -> IntArray:
        """Return how many programs print the same as each one on every input, itself counted; errors by their kind."""
        return sizes_of_equal_rows(self.outputs_nx)


def _taken(texts: tuple[str, ...], rows_k: IntArray) -> tuple[str, ...]:
    return tuple(texts[row] for row in rows_k.tolist())


def sizes_of_equal_rows(rows_nk: IntArray | BoolArray) -> IntArray:
    """Return for each row how many rows equal it, itself counted, (n,)."""
    ids_n = ids_of_equal_rows(rows_nk)
    sizes_n: IntArray = np.bincount(ids_n)[ids_n].astype(np.int64) if len(ids_n) else ids_n
    return sizes_n


def ids_of_equal_rows(rows_nk: IntArray | BoolArray | FloatArray) -> IntArray:
    """Return a number for each row, equal for equal rows, counted up in order of appearance, (n,)."""
    first: dict[bytes, int] = {}
    return np.array([first.setdefault(row.tobytes(), len(first)) for row in rows_nk], dtype=np.int64)
