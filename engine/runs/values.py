"""Checks of values read from a run's files, whose author may have written anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, fields
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any, TypeGuard

LARGEST_WHOLE = 1 << 53
"""Counts beyond it are no counts: they have no exact float, and an array of them may not have one at all."""
_LARGEST = 1e300
_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "bool": (bool,),
    "int": (int,),
    "float": (float, int),
    "int | None": (int, type(None)),
    "float | None": (float, int, type(None)),
}


def is_whole(value: object) -> TypeGuard[int]:
    """Return True for an integer that a float holds exactly."""
    return type(value) is int and -LARGEST_WHOLE <= value <= LARGEST_WHOLE


def is_number(value: object) -> TypeGuard[float]:
    """Return True for a finite number within the floats."""
    return type(value) in (int, float) and -_LARGEST < value < _LARGEST  # type: ignore[operator]


def has_declared_types(record: Any) -> bool:
    """Return True if the plain fields of a dataclass hold what they are declared as; NaN counts as a float."""
    kind: type = type(record)
    values = _plain_values(kind)(record)
    wholes = _wholes(kind, tuple(map(type, values)))
    return wholes is not None and all(-LARGEST_WHOLE <= values[at] <= LARGEST_WHOLE for at in wholes)


@cache
def _plain_values(record: type) -> Callable[[Any], tuple[Any, ...]]:
    return attrgetter(*(each.name for each in _plain_fields(record)))


@lru_cache(1000)
def _wholes(record: type, found: tuple[type, ...]) -> tuple[int, ...] | None:
    """Return the places of the integers among values of these types; None if a field is not declared so."""
    declared = [_TYPES[str(each.type)] for each in _plain_fields(record)]
    if not all(kind in kinds for kind, kinds in zip(found, declared, strict=True)):
        return None
    return tuple(at for at, kind in enumerate(found) if kind is int)


def _plain_fields(record: type) -> list[Field[Any]]:
    return [each for each in fields(record) if str(each.type) in _TYPES]
