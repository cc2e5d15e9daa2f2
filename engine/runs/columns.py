"""Cache of metrics as arrays over steps, extended when steps are added: charts read the same columns repeatedly."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

T = TypeVar("T")
_FIRST_ROOM = 256


@dataclass(frozen=True, slots=True)
class _Column:
    """Array with spare capacity: `filled` is the used part of `room`, of a history that ends in `last`."""

    room: npt.NDArray[np.float64]
    filled: npt.NDArray[np.float64]
    last: object


class Columns(Generic[T]):
    """Cached columns of numbers over the items of one family of `History`, by name.

    A column is filled item by item once; later calls read only the new items. The identity of the last item read shows
    whether a history extends the cached one: if it is another item (steps were run again), the column is built anew.
    Safe from any thread: a column is replaced as a whole.
    """

    __slots__ = ("_columns",)

    def __init__(self) -> None:
        self._columns: dict[Hashable, _Column] = {}

    def of(self, name: Hashable, items: Sequence[T], number: Callable[[T], float | None]) -> npt.NDArray[np.float64]:
        """Return `number` of every item, float64 [items], read-only; NaN for None. O(new items)."""
        import numpy as np  # a list of runs needs states but no columns: it starts without numpy

        count = len(items)
        if count == 0:
            return _frozen(np.empty(0))
        known = self._columns.get(name)
        start = 0 if known is None else len(known.filled)
        if known is None or start > count or items[start - 1] is not known.last:
            known, start = None, 0
        elif start == count:
            return known.filled
        room = np.empty(_FIRST_ROOM) if known is None else known.room
        if len(room) < count:
            room = np.empty(max(count, 2 * len(room)))
            if known is not None:
                room[:start] = known.filled
        room[start:count] = np.array([number(item) for item in items[start:]], dtype=np.float64)  # None becomes NaN
        fresh = _Column(room, _frozen(room[:count]), items[count - 1])
        self._columns[name] = fresh
        return fresh.filled


def _frozen(array: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    array.flags.writeable = False
    return array
