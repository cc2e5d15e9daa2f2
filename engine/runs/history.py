"""Immutable, append-only sequence that is cheap to extend: the reducer keeps a run's steps in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Generic, TypeVar, overload

T = TypeVar("T")


class History(Sequence[T], Generic[T]):
    """Immutable sequence whose `append` costs O(1).

    A history is a length and a buffer, and shares the buffer with the histories it grew from: each sees only
    its own first items, which never change. The newest history appends in place; appending to an older one,
    or to one cut short by `first`, copies its items once. Extend a family of histories from one thread; read
    from any.
    """

    __slots__ = ("_buffer", "_length")

    def __init__(self, items: Sequence[T] = ()) -> None:
        self._buffer: list[T] = list(items)
        self._length = len(self._buffer)

    def append(self, item: T) -> History[T]:
        """Return a history of this one's items and `item`; this one does not change."""
        # Only the newest history is as long as its buffer. An older one copies: the next slot belongs to a successor.
        buffer = self._buffer if len(self._buffer) == self._length else self._buffer[: self._length]
        buffer.append(item)
        return _view(buffer, self._length + 1)

    def first(self, count: int) -> History[T]:
        """Return a history of the first `count` items."""
        return _view(self._buffer, max(0, min(count, self._length)))

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[T, ...]: ...

    def __getitem__(self, index: int | slice) -> T | tuple[T, ...]:
        if isinstance(index, slice):
            start, stop, step = index.indices(self._length)
            if step > 0:
                return tuple(self._buffer[start:stop:step])
            return tuple(self._buffer[i] for i in range(start, stop, step))
        if not -self._length <= index < self._length:
            raise IndexError(index)
        return self._buffer[index if index >= 0 else self._length + index]

    def __iter__(self) -> Iterator[T]:
        return islice(self._buffer, self._length)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, History) and self[:] == other[:]

    __hash__ = None  # type: ignore[assignment]  # equal by items, as a list is

    def __repr__(self) -> str:
        return f"History({list(self)!r})"


def _view(buffer: list[T], length: int) -> History[T]:
    history: History[T] = History.__new__(History)
    history._buffer, history._length = buffer, length
    return history
