"""Options of strategies and selectors: "b4:a=10,b0=10" on a command line becomes an instance with these fields.

An option is a field of a frozen dataclass, made by `option`; its type is that of its default.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import Field, field, fields
from typing import Any, TypeVar

from engine.errors import ConfigError

_Kind = TypeVar("_Kind")
_YES, _NO = ("yes", "true", "on", "1"), ("no", "false", "off", "0")


def option(default: Any, help: str, *, least: float = 0, most: float = math.inf, choices: Sequence[str] = ()) -> Any:
    """Declare an option. least, most: bounds of a number, both included. choices: the values of a text."""
    return field(default=default, metadata={"help": help, "least": least, "most": most, "choices": tuple(choices)})


def split_name(text: str) -> tuple[str, dict[str, str]]:
    """Split "NAME:key=value,key=value" into the name and its options. Raises ConfigError."""
    name, _, rest = text.partition(":")
    given: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in rest.split(","))):
        key, equals, value = part.partition("=")
        if not equals or not key.strip() or not value.strip():
            raise ConfigError(f"'{part}' in '{text}' sets no option", f"write {name}:KEY=VALUE, several with commas")
        if key.strip() in given:
            raise ConfigError(f"'{text}' sets {key.strip()} twice", "set it once")
        given[key.strip()] = value.strip()
    return name.strip(), given


def configured(kind: type[_Kind], given: Mapping[str, str]) -> _Kind:
    """Build an instance of `kind` with its options as given in text. Raises ConfigError for an unknown or bad one."""
    name = str(getattr(kind, "name", kind.__name__))
    declared = {each.name: each for each in options_of(kind)}
    values: dict[str, Any] = {}
    for key, text in given.items():
        if key not in declared:
            known = ", ".join(declared)
            remedy = f"its options are {known}" if known else f"{name} takes none: write {name}"
            raise ConfigError(f"{name} has no option '{key}'", remedy)
        values[key] = _value(name, declared[key], text)
    return kind(**values)


def options_of(kind: type) -> Iterator[Field[Any]]:
    """Yield the declared options of a strategy or selector, in their order."""
    return (each for each in fields(kind) if "help" in each.metadata)


def _value(name: str, declared: Field[Any], text: str) -> Any:
    default, metadata = declared.default, declared.metadata
    if isinstance(default, bool):
        if text.lower() not in _YES + _NO:
            raise ConfigError(f"{name}: {declared.name}={text} is neither yes nor no", "write yes or no")
        return text.lower() in _YES
    if isinstance(default, str):
        if text not in metadata["choices"]:
            raise ConfigError(f"{name}: {declared.name} cannot be '{text}'", f"use {' or '.join(metadata['choices'])}")
        return text
    return _number(f"{name}: {declared.name}={text}", type(default), metadata["least"], metadata["most"], text)


def _number(said: str, kind: type, least: float, most: float, text: str) -> float | int:
    bounds = f"write a {'whole ' if kind is int else ''}number from {least:g}" + (
        f" to {most:g}" if math.isfinite(most) else ""
    )
    try:
        value: float | int = kind(text)
    except ValueError:  # also a whole number of thousands of digits
        raise ConfigError(f"{said[:80]} is no{' whole' if kind is int else ''} number", bounds) from None
    if not (math.isfinite(value) and least <= value <= most):
        raise ConfigError(f"{said} is out of bounds", bounds)
    return value
