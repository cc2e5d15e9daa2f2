"""Pass matrix of one task, and the ONE definition of a correct program, a right test, best of n, and clusters.

    PassMatrix                  verdicts of n programs on t ground-truth and m generated tests
    pass_matrix_from_verdicts   the same from nested lists of True / False / None

Shapes: n programs, m generated tests, t ground-truth tests. Pure numpy; nothing here runs a program.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
_Array = TypeVar("_Array", BoolArray, IntArray)

_NOT_GIVEN: BoolArray = np.zeros(0, dtype=np.bool_)  # compared by identity: the caller left the field out


def _not_given() -> BoolArray:
    return _NOT_GIVEN


def as_verdicts(values: ArrayLike, name: str, ndim: int) -> BoolArray:
    """Return a bool copy of `values`. Raises ValueError unless they are boolean (or 0/1) with `ndim` dimensions."""
    array = np.asarray(values)
    if array.ndim != ndim:
        raise ValueError(f"{name} must have {ndim} dimension(s), not shape {array.shape}")
    if array.dtype != np.bool_ and not np.isin(array, (0, 1)).all():
        raise ValueError(f"{name} must hold booleans, not {array.dtype} values outside 0 and 1")
    return array.astype(np.bool_)


@dataclass(frozen=True, eq=False)
class PassMatrix:
    """Verdicts of n programs on t ground-truth tests and m generated tests; every array is a read-only copy.

    truth_nt      (n, t) program passes ground-truth test
    generated_nm  (n, m) program passes generated test
    malformed_m   (m,)   tester's answers without a parsable test; each keeps its column. Default: all False.
    rejected_n    (n,)   coder's answers without a parsable program; each keeps its row. Default: all False.
    known_nt, known_nm   False where the sandbox failed and there is no verdict. Default: all True.

    The arrays are brought into canonical form: a cell without a verdict, in a malformed column or in a rejected row
    is False; cells of rejected rows and malformed columns are known, because nothing had to run for them.

    A program with an unknown truth cell is neither known correct nor known wrong, even if it fails another
    test: dropping it regardless of its other verdicts keeps the accuracy of the remaining ones unbiased, while
    keeping only the failures would push it down.

    The correct programs judge the generated tests: a test is right if each correct program with a verdict on it
    passes it, and wrong if one fails it. A test on which no correct program has a verdict (there is none, or the
    sandbox failed on all of them) is undecided: neither right nor wrong. A malformed test is always wrong.

    Raises ValueError for shapes that do not fit together.
    """

    truth_nt: BoolArray
    generated_nm: BoolArray
    malformed_m: BoolArray = field(default_factory=_not_given)
    rejected_n: BoolArray = field(default_factory=_not_given)
    known_nt: BoolArray = field(default_factory=_not_given)
    known_nm: BoolArray = field(default_factory=_not_given)

    def __post_init__(self) -> None:
        truth_nt = as_verdicts(self.truth_nt, "truth_nt", 2)
        generated_nm = as_verdicts(self.generated_nm, "generated_nm", 2)
        n, m = generated_nm.shape
        if truth_nt.shape[0] != n:
            raise ValueError(f"truth_nt has {truth_nt.shape[0]} programs but generated_nm has {n}")

        def optional(name: str, shape: tuple[int, ...], default: bool) -> BoolArray:
            given: BoolArray = getattr(self, name)
            if given is _NOT_GIVEN:
                return np.full(shape, default)
            array = as_verdicts(given, name, len(shape))
            if array.shape != shape:
                raise ValueError(f"{name} must have shape {shape}, not {array.shape}")
            return array

        malformed_m = optional("malformed_m", (m,), False)
        rejected_n = optional("rejected_n", (n,), False)
        known_nt = optional("known_nt", truth_nt.shape, True) | rejected_n[:, None]
        known_nm = optional("known_nm", (n, m), True) | rejected_n[:, None] | malformed_m
        truth_nt &= known_nt & ~rejected_n[:, None]
        generated_nm &= known_nm & ~rejected_n[:, None] & ~malformed_m
        for name, array in (
            ("truth_nt", truth_nt),
            ("generated_nm", generated_nm),
            ("malformed_m", malformed_m),
            ("rejected_n", rejected_n),
            ("known_nt", known_nt),
            ("known_nm", known_nm),
        ):
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @property
    def n_programs(self) -> int:
        return int(self.generated_nm.shape[0])

    @property
    def n_generated(self) -> int:
        return int(self.generated_nm.shape[1])

    @property
    def n_truth(self) -> int:
        return int(self.truth_nt.shape[1])

    @cached_property
    def judged_n(self) -> BoolArray:
        """Programs whose correctness is known: a verdict on each of the t >= 1 ground-truth tests."""
        return _read_only(_all_of_row(self.known_nt) & (self.n_truth > 0))

    @cached_property
    def correct_n(self) -> BoolArray:
        """Programs known to pass all t ground-truth tests; without ground truth no program is known correct."""
        return _read_only(self.judged_n & _all_of_row(self.truth_nt))

    @cached_property
    def wrong_n(self) -> BoolArray:
        """Programs known to fail a ground-truth test. Not the complement of `correct_n`: some are not judged."""
        return _read_only(self.judged_n & ~_all_of_row(self.truth_nt))

    @cached_property
    def judged_m(self) -> BoolArray:
        """Generated tests known to be right or wrong; the others are undecided."""
        return _read_only(np.asarray(self.known_nm[self.correct_n].any(axis=0)) | self.malformed_m)

    @cached_property
    def right_m(self) -> BoolArray:
        """Generated tests known to be right: every correct program with a verdict passes them."""
        fails_nm = self.known_nm & ~self.generated_nm
        return _read_only(self.judged_m & ~self.malformed_m & ~fails_nm[self.correct_n].any(axis=0))

    @cached_property
    def wrong_m(self) -> BoolArray:
        """Generated tests known to be wrong. Not the complement of `right_m`: some are undecided."""
        return _read_only(self.judged_m & ~self.right_m)

    @cached_property
    def votes_n(self) -> IntArray:
        """Number of generated tests that each program passes, in 0..m; a cell without a verdict is no vote."""
        return _read_only(self.generated_nm.sum(axis=1, dtype=np.int64))

    @cached_property
    def clusters_n(self) -> IntArray:
        """Agreement clusters: equal ids mean the same verdicts; a cell without one equals only another without one.

        Ids count up in order of appearance.
        """
        first_seen: dict[bytes, int] = {}
        verdicts_nm = np.where(self.known_nm, self.generated_nm, 2).astype(np.int8)
        ids = [first_seen.setdefault(row.tobytes(), len(first_seen)) for row in verdicts_nm]
        return _read_only(np.array(ids, dtype=np.int64))

    @cached_property
    def cluster_sizes_n(self) -> IntArray:
        """Size of each program's cluster; a rejected answer is no program and counts in no cluster."""
        sizes = np.bincount(self.clusters_n[~self.rejected_n], minlength=self.n_programs)
        return _read_only(sizes[self.clusters_n].astype(np.int64))

    @cached_property
    def ranking_n(self) -> IntArray:
        """Indices of the programs, best first: parsed before rejected, most votes, largest cluster, lowest index."""
        # lexsort takes its last key first and is stable, so full ties stay in order of index
        return _read_only(np.lexsort((-self.cluster_sizes_n, -self.votes_n, self.rejected_n)).astype(np.int64))

    def best_of_n(self, n: int | None = None, m: int | None = None) -> int:
        """Return BoN(n, m): the first of `ranking_n` among the first n programs, by the first m tests alone.

        Default: all of them. Raises ValueError without a program, or for more programs or tests than there are.
        """
        n = self.n_programs if n is None else n
        m = self.n_generated if m is None else m
        if not 1 <= n <= self.n_programs or not 0 <= m <= self.n_generated:
            have = f"{self.n_programs} programs and {self.n_generated} tests"
            raise ValueError(f"cannot choose the best of {n} programs by {m} tests: there are {have}")
        return int(self.block(slice(n), slice(m)).ranking_n[0])

    def block(self, programs: slice | IntArray, tests: slice) -> PassMatrix:
        """Return the matrix of some of the programs on all ground-truth and some of the generated tests."""
        # A part of a canonical matrix is canonical: checking it again would take ten times as long as cutting it out.
        part = object.__new__(PassMatrix)
        for name, array in (
            ("truth_nt", self.truth_nt[programs]),
            ("generated_nm", self.generated_nm[programs, tests]),
            ("malformed_m", self.malformed_m[tests]),
            ("rejected_n", self.rejected_n[programs]),
            ("known_nt", self.known_nt[programs]),
            ("known_nm", self.known_nm[programs, tests]),
        ):
            array.setflags(write=False)
            object.__setattr__(part, name, array)
        return part


def pass_matrix_from_verdicts(
    truth: Sequence[Sequence[bool | None]],
    generated: Sequence[Sequence[bool | None]],
    malformed: Sequence[bool] | None = None,
    rejected: Sequence[bool] | None = None,
) -> PassMatrix:
    """Return a PassMatrix from n rows of t and n rows of m verdicts; None = no verdict (the sandbox failed).

    Raises ValueError if rows differ in length, or the two tables in their number of rows.
    """
    truth_nt, known_nt = _split_verdicts(truth, "truth")
    generated_nm, known_nm = _split_verdicts(generated, "generated")
    return PassMatrix(
        truth_nt=truth_nt,
        generated_nm=generated_nm,
        malformed_m=_NOT_GIVEN if malformed is None else np.array(malformed, dtype=np.bool_),
        rejected_n=_NOT_GIVEN if rejected is None else np.array(rejected, dtype=np.bool_),
        known_nt=known_nt,
        known_nm=known_nm,
    )


def _split_verdicts(rows: Sequence[Sequence[bool | None]], name: str) -> tuple[BoolArray, BoolArray]:
    widths = {len(row) for row in rows}
    if len(widths) > 1:
        raise ValueError(f"rows of {name} differ in length: {sorted(widths)}")
    shape = (len(rows), widths.pop() if widths else 0)
    cells = np.array(rows, dtype=object).reshape(shape)
    known: BoolArray = np.asarray(cells != None, dtype=np.bool_)  # noqa: E711  (elementwise)
    return as_verdicts(np.where(known, cells, False), name, 2), known


def _all_of_row(cells: BoolArray) -> BoolArray:
    return np.asarray(cells.all(axis=1), dtype=np.bool_)


def _read_only(array: _Array) -> _Array:
    array.setflags(write=False)
    return array
