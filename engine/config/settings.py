"""Table of all settings for people: meaning and range of each, read from the schema itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from engine.config.schema import RunConfig


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. name: "section.key"; allowed: its values, in words; choices: all of them, empty if they are many.

    is_text: its value is a text, which a preset quotes.
    """

    name: str
    meaning: str
    allowed: str
    choices: tuple[str, ...]
    is_text: bool

    def value_in(self, config: RunConfig) -> object:
        """Return the value of the setting in `config`."""
        value: object = config
        for part in self.name.split("."):
            value = getattr(value, part)
        return value


@cache
def all_settings() -> tuple[Setting, ...]:
    """Return every setting in the order of the schema, those of no section first."""
    schema = RunConfig.model_json_schema()
    tables = schema["$defs"]
    plain, in_sections = [], []
    for name, field in schema["properties"].items():
        if "$ref" not in field:
            plain.append(_setting(name, field))
            continue
        section = tables[field["$ref"].rpartition("/")[2]]
        in_sections += [_setting(f"{name}.{key}", each) for key, each in section["properties"].items()]
    return (*plain, *in_sections)


def setting_named(name: str) -> Setting:
    """Return the setting "section.key". Raises KeyError."""
    return {each.name: each for each in all_settings()}[name]


def _setting(name: str, field: Mapping[str, Any]) -> Setting:
    choices: tuple[str, ...] = ()
    if "enum" in field:
        choices = tuple(map(str, field["enum"]))
    elif field.get("type") == "boolean":
        choices = ("true", "false")
    return Setting(name, field.get("description", ""), _allowed(field), choices, field.get("type") == "string")


def _allowed(field: Mapping[str, Any]) -> str:
    """Describe the values of a field of a JSON schema."""
    if "enum" in field:
        *others, last = map(str, field["enum"])
        return f"{', '.join(others)} or {last}" if others else last
    kind = field.get("type")
    if kind == "boolean":
        return "true or false"
    if kind in ("integer", "number"):
        return f"a {'whole number' if kind == 'integer' else 'number'}{_range(field)}"
    if kind == "array":
        return _array(field)
    return "a text" if not field.get("minLength") else "a text, not empty"


def _array(field: Mapping[str, Any]) -> str:
    parts = field.get("prefixItems")
    if parts:
        return f"[{', '.join(map(_allowed, parts))}]"
    most = f", at most {field['maxItems']}" if "maxItems" in field else ""
    return f"a list in brackets{most}; each {_allowed(field.get('items', {}))}"


def _range(field: Mapping[str, Any]) -> str:
    low, above = field.get("minimum"), field.get("exclusiveMinimum")
    high, below = field.get("maximum"), field.get("exclusiveMaximum")
    if low is not None and high is not None:
        return f" from {low:,} to {high:,}"
    parts = [
        f"{word} {bound:,}"
        for word, bound in (("at least", low), ("above", above), ("at most", high), ("below", below))
        if bound is not None
    ]
    return f", {' and '.join(parts)}" if parts else ""
