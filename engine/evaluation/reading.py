"""Reading of an evaluation's files, whose author may have written anything: declared types, and possible numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar

from engine.evaluation.possible import is_possible

MOST_VALUES = 3_000_000
"""Values in a file, at most: each takes up to 200 bytes of memory. 10,000 tasks have a million."""
_LONGEST_FAULT = 200
_T = TypeVar("_T")


def read_strictly(kind: type[_T], text: str | bytes, most_values: int = MOST_VALUES) -> _T:
    """Read JSON as `kind`, a dataclass as a rule: declared types, possible numbers. Raises ValueError, short."""
    from pydantic import ValidationError

    separators = (",", "[", "{") if isinstance(text, str) else (b",", b"[", b"{")
    if sum(map(text.count, separators)) > most_values:  # type: ignore[arg-type]
        raise ValueError(f"more than {most_values:,} values")
    try:
        found: _T = _adapter(kind).validate_json(text, strict=True)  # type: ignore[arg-type]
    except ValidationError as fault:
        first = fault.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))[:_LONGEST_FAULT]
        raise ValueError(f"{place}: {first['msg']}"[:_LONGEST_FAULT]) from fault
    _check_numbers(found, "")
    return found


@cache
def _adapter(kind: type) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def _check_numbers(value: object, place: str) -> None:
    """Raise ValueError with the place of the first number that no evaluation can have."""
    if value is None or isinstance(value, str | bool):
        return
    if isinstance(value, int | float):
        if not is_possible(value):
            raise ValueError(f"{place[1:_LONGEST_FAULT]}: no evaluation has such a number")
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            _check_numbers(inner, f"{place}.{name}")
    elif isinstance(value, tuple | list):
        for number, inner in enumerate(value):
            _check_numbers(inner, f"{place}.{number}")
    elif is_dataclass(value):
        for each in fields(value):
            _check_numbers(getattr(value, each.name), f"{place}.{each.name}")
