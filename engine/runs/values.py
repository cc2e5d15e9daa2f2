"""Checks of values read from a run's files, whose author may have written anything."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
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
    return all(_fits(getattr(record, name), types) for name, types in _plain_fields(kind))


def _fits(value: object, types: tuple[type, ...]) -> bool:
    if type(value) not in types:
        return False
    return is_whole(value) if type(value) is int else True


@cache
def _plain_fields(record: type) -> tuple[tuple[str, tuple[type, ...]], ...]:
    return tuple((each.name, _TYPES[str(each.type)]) for each in fields(record) if str(each.type) in _TYPES)
