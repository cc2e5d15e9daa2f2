"""Types of arguments and results: joined from the values of all examples, or named by starter code.

The kinds `list`, `set`, `tuple` and `dict` hold the types of their elements in `of`. A tuple of any length has
`of == (element, ELLIPSIS)`. `tree` is a binary tree as the array of its values, `text` a result that the statement
spells as plain words, `number` a mixture of int and float, `optional` of a type and None, `any` another mixture,
`unknown` the element of an empty list.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal[
    "int",
    "float",
    "bool",
    "str",
    "none",
    "list",
    "set",
    "tuple",
    "dict",
    "tree",
    "text",
    "number",
    "optional",
    "any",
    "unknown",
    "...",
]
SCALARS = ("int", "float", "bool", "str")
MAX_DEPTH = 40
"""Nesting of values and types: deeper than any task, and far from Python's limit of recursion."""


class Refusal(ValueError):
    """Value, call or signature that cannot be converted without loss; the text says why."""


@dataclass(frozen=True, slots=True)
class Type:
    """Type of a value; see the module for the meaning of `of`."""

    kind: Kind
    of: tuple[Type, ...] = ()

    @property
    def is_scalar(self) -> bool:
        return self.kind in SCALARS

    def parts(self) -> Iterator[Type]:
        """Yield this type and every type inside it."""
        yield self
        for part in self.of:
            yield from part.parts()


INT, FLOAT, BOOL, STR, NONE = Type("int"), Type("float"), Type("bool"), Type("str"), Type("none")
NUMBER, TREE, TEXT, ANY, UNKNOWN, ELLIPSIS = (
    Type("number"), Type("tree"), Type("text"), Type("any"), Type("unknown"), Type("..."),
)  # fmt: skip


class Spelled(float):
    """Float that keeps its spelling in the statement: 2.00000, not 2.0."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Spelled:
        made = super().__new__(cls, text)
        made.text = text
        return made


class Word(str):
    """Word that a statement gives without quotes: a str where starter code says so."""


class Braced(list[object]):
    """Elements in braces: a list of C++, Java and many statements, a set where starter code says so."""


def type_of(value: object, depth: int = 0) -> Type:
    """Return the type of one value. Raises Refusal for a value that no style can hold."""
    if depth > MAX_DEPTH:
        raise Refusal("a value is nested too deeply")
    if isinstance(value, float):
        if not math.isfinite(value):
            raise Refusal("a number is infinite or no number")
        return FLOAT
    match value:
        case None:
            return NONE
        case bool():
            return BOOL
        case int():
            return INT
        case Word():
            raise Refusal(f"'{value[:40]}' is neither a value nor in quotes")
        case str():
            return STR
        case list():
            return Type("list", (_joined(value, depth),))
        case set() | frozenset():
            return Type("set", (_joined(value, depth),))
        case tuple():
            return Type("tuple", tuple(type_of(element, depth + 1) for element in value) or (UNKNOWN, ELLIPSIS))
        case dict():
            return Type("dict", (_joined(value, depth), _joined(value.values(), depth)))
    raise Refusal(f"a {type(value).__name__} has no form in lines of text")


def _joined(values: Iterable[object], depth: int) -> Type:
    return reduce(join, (type_of(value, depth + 1) for value in values), UNKNOWN)


def join(one: Type, other: Type) -> Type:
    """Return the type of values of both: NUMBER, optional or ANY where they differ; a mixture is no plain type."""
    if one == other or other == UNKNOWN:
        return one
    if one == UNKNOWN:
        return other
    if NONE in (one, other) or "optional" in (one.kind, other.kind):
        inner = join(_without_none(one), _without_none(other))
        return ANY if inner == ANY else Type("optional", (inner,))
    if {one.kind, other.kind} <= {"int", "float", "number"}:
        return NUMBER
    if one.kind != other.kind:
        return ANY
    if one.kind == "tuple" and (len(one.of) != len(other.of) or ELLIPSIS in (*one.of, *other.of)):
        element = reduce(join, (part for part in (*one.of, *other.of) if part != ELLIPSIS), UNKNOWN)
        return ANY if element == ANY else Type("tuple", (element, ELLIPSIS))
    return Type(one.kind, tuple(map(join, one.of, other.of)))


def _without_none(kind: Type) -> Type:
    return UNKNOWN if kind == NONE else kind.of[0] if kind.kind == "optional" else kind


def fit(value: object, wanted: Type) -> object:
    """Return `value` as the annotated type takes it: 2 as a float, a word as a str, an array as a tuple or set.

    None fits everywhere: annotations of other languages leave it out. Raises Refusal for a value of another type.
    """
    if value is None or wanted.kind in ("any", "unknown", "tree"):
        return _without_braces(value)
    if wanted.kind == "float" and isinstance(value, int) and not isinstance(value, bool):
        return Spelled(str(value))
    if wanted.kind == "str" and isinstance(value, str):
        return str(value)
    if wanted.is_scalar and not isinstance(value, Word) and type_of(value) == wanted:
        return value
    if wanted.kind == "dict" and isinstance(value, dict | Braced):
        pairs = value.items() if isinstance(value, dict) else ()
        if isinstance(value, dict) or not value:
            return {fit(key, wanted.of[0]): fit(item, wanted.of[1]) for key, item in pairs}
    if wanted.kind in ("list", "set", "tuple") and isinstance(value, list | tuple | set | frozenset):
        if wanted.kind == "tuple" and ELLIPSIS not in wanted.of:
            if len(value) == len(wanted.of):
                return tuple(map(fit, value, wanted.of))
        else:
            return {"list": list, "set": set, "tuple": tuple}[wanted.kind](fit(each, wanted.of[0]) for each in value)
    raise Refusal(f"{_shown(value)} does not fit the type that the starter code names")


def _without_braces(value: object) -> object:
    if isinstance(value, list):
        return [_without_braces(element) for element in value]
    return value


def _shown(value: object) -> str:
    text = repr(value) if not isinstance(value, Word) else value
    return text if len(text) <= 40 else f"{text[:37]}..."


def identical(one: object, other: object) -> bool:
    """Return whether two values are equal with their types: 1, 1.0 and True differ, a list and a tuple, too."""
    return _canonical(one) == _canonical(other)


def _canonical(value: object) -> object:
    match value:
        case float():
            return "float", float.__repr__(value)
        case list() | tuple():
            return "list" if isinstance(value, list) else "tuple", [_canonical(element) for element in value]
        case set() | frozenset():
            return "set", sorted((_canonical(element) for element in value), key=repr)
        case dict():
            return "dict", sorted(((_canonical(key), _canonical(item)) for key, item in value.items()), key=repr)
        case str():
            return "str", str(value)
    return type(value).__name__, value
