"""Typed access to the fields of a published record; what does not fit makes the record unusable, with the field."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from engine.data.converted import Unusable
from engine.data.streams import Unread
from engine.problems.problem import COMPARISONS

_MOST_JSON = 64_000_000
"""Characters of JSON inside a JSON string that are decoded."""


class Fields:
    """Fields of one record; null counts as absent. index: its number in its file. split: which one the file holds."""

    def __init__(self, record: object, where: str = "the record", index: int = 0, split: str = "") -> None:
        if not isinstance(record, Mapping):
            raise Unusable(f"{where} is no object")
        self.record = record
        self.index = index
        self.split = split

    def get(self, name: str) -> Any:
        return self.record.get(name)

    def text(self, name: str) -> str:
        """Return a text that must not be blank."""
        text = self.optional(name)
        if not text.strip():
            raise Unusable(f'its field "{name}" is missing or blank')
        return text

    def optional(self, name: str) -> str:
        """Return a text with line feeds alone; "" where it is absent."""
        value = self.get(name)
        if value is None:
            return ""
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str):
            raise Unusable(f'its field "{name}" is no text')
        return clean(value, f'its field "{name}"')

    def texts(self, name: str) -> list[str]:
        """Return a list of texts; none where it is absent."""
        value = self.get(name)
        if value is None:
            return []
        if not _is_list(value) or not all(isinstance(each, str) for each in value):
            raise Unusable(f'its field "{name}" is no list of texts')
        return [clean(each, f'its field "{name}"') for each in value]

    def rows(self, name: str) -> list[Any]:
        """Return a list of anything; none where it is absent."""
        value = self.get(name)
        if value is None:
            return []
        if not _is_list(value):
            raise Unusable(f'its field "{name}" is no list')
        return list(value)

    def rows_of_json(self, name: str) -> list[Any]:
        """Return a list that stands in a field, or in a text as JSON; none where it is absent."""
        value = self.json(name)
        if value is None:
            return []
        if not _is_list(value):
            raise Unusable(f'its field "{name}" is no list')
        return list(value)

    def remark(self, name: str) -> str:
        """Return a text that nothing depends on; "" for any other value."""
        value = self.get(name)
        return clean(value, f'its field "{name}"') if isinstance(value, str) else ""

    def comparison(self) -> str:
        """Return the comparison of outputs that the record names; "" where it names none of ours."""
        name = self.remark("compare")
        return name if name in COMPARISONS else ""

    def fields(self, name: str) -> Fields:
        return Fields(self.get(name) or {}, f'its field "{name}"')

    def number(self, name: str, default: float) -> float:
        """Return a number; `default` where it is absent or not above 0."""
        value = self.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Unusable(f'its field "{name}" is no number')
        return float(value) if value > 0 else default

    def json(self, name: str) -> Any:
        """Return the value of JSON inside a text, or of a field that is decoded already; None where it is absent."""
        value = self.get(name)
        if not isinstance(value, str):
            return value
        return decode_json(value, f'its field "{name}"') if value.strip() else None

    def date(self, name: str) -> str:
        """Return the ISO date of a timestamp, a date or seconds since 1970; "" where there is none."""
        return iso_date(self.get(name))


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def clean(text: str | Unread, what: str) -> str:
    """Return the text with line feeds for other line ends. Raises Unusable for NUL and halves of characters."""
    if isinstance(text, Unread):
        raise Unusable(f"{what} is too large")
    if "\0" in text:
        raise Unusable(f"{what} holds a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Unusable(f"{what} holds half of a character") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def decode_json(text: str, what: str) -> Any:
    if len(text) > _MOST_JSON:
        raise Unusable(f"{what} is too large")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Unusable(f"{what} is no JSON") from None


def iso_date(value: object) -> str:
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 4e9:
        return datetime.fromtimestamp(value, UTC).date().isoformat()
    if not isinstance(value, str):
        return ""
    try:
        return datetime.fromisoformat(value.strip().replace("/", "-")).date().isoformat()
    except ValueError:
        return ""
