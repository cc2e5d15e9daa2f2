"""Verdicts of programs on the tests of one kind as they arrive, in a form that is cheap to change and to count."""

from __future__ import annotations

import numpy as np

from engine.reward.pass_matrix import BoolArray

_UNKNOWN, _FAILED, _PASSED = 0, 1, 2
_CODES = {None: _UNKNOWN, False: _FAILED, True: _PASSED}
_VERDICTS = (None, False, True)


class Cells:
    """Growing table of verdicts: True, False, or None while a cell is unknown. Counts cost O(1) at any size."""

    def __init__(self, columns: int = 0) -> None:
        self.columns = columns
        self._rows: list[bytearray] = []
        self._passed: list[int] = []

    def add_row(self) -> None:
        self._rows.append(bytearray(self.columns))
        self._passed.append(0)

    def add_column(self) -> None:
        self.columns += 1
        for row in self._rows:
            row.append(_UNKNOWN)

    def set(self, row: int, column: int, verdict: bool | None) -> None:
        self._rows[row][column] = _CODES[verdict]
        bit = 1 << column
        self._passed[row] = self._passed[row] | bit if verdict else self._passed[row] & ~bit

    def verdict(self, row: int, column: int) -> bool | None:
        return _VERDICTS[self._rows[row][column]]

    def passed(self, row: int) -> int:
        """Return the columns that the row passes as a set of bits."""
        return self._passed[row]

    def key(self, row: int) -> bytes:
        """Return a key that is equal for rows of the same verdicts, unknown ones included."""
        return bytes(self._rows[row])

    def arrays(self) -> tuple[BoolArray, BoolArray]:
        """Return which cells are passed and which are known, each (rows, columns)."""
        codes = np.frombuffer(b"".join(self._rows), dtype=np.uint8).reshape(len(self._rows), self.columns)
        return codes == _PASSED, codes != _UNKNOWN
