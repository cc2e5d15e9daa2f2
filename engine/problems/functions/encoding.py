"""Encoding of arguments as lines of standard input, of a result as output, and back: without loss, or refused.

    cure   a scalar or a flat list a line, values separated by blanks; a table a row a line; text without quotes
    json   one JSON value a line; tuples and sets as arrays, dictionaries without string keys as arrays of pairs

`encode_arguments` and `encode_result` decode what they wrote and compare it, with types: what does not come back is
refused, with the reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Literal, NoReturn, TypeAlias, cast

from engine.problems.functions.value_types import ELLIPSIS, Refusal, Spelled, Type, identical, type_of

Style: TypeAlias = Literal["cure", "json"]

PYTHON_CONSTANTS = ("False", "True", "None")
JSON_CONSTANTS = ("false", "true", "null")
Constants: TypeAlias = tuple[str, str, str]
"""Spellings of false, true and no value."""

_JSON_NUMERAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


def encode_arguments(
    values: Sequence[object], types: Sequence[Type], style: Style, constants: Constants = PYTHON_CONSTANTS
) -> str:
    """Return the arguments as lines of standard input. Raises Refusal if they could not be read back from them."""
    if style == "cure":
        refuse_plainly(types)
    lines = [line for value, kind in zip(values, types, strict=True) for line in _lines(value, kind, style, constants)]
    text = "".join(f"{line}\n" for line in lines)
    _check(values, decode_arguments(text, types, style), text)
    return text


def decode_arguments(text: str, types: Sequence[Type], style: Style) -> list[object]:
    """Return the arguments that the lines hold. Raises Refusal for lines that do not fit the types."""
    lines = text.split("\n")
    if lines.pop() != "":
        raise Refusal("the last line has no end")
    if style == "json":
        if len(lines) != len(types):
            raise Refusal(f"{len(lines)} lines for {len(types)} arguments")
        return [_from_json(line, kind) for line, kind in zip(lines, types, strict=True)]
    found: list[object] = []
    for place, kind in enumerate(types):
        after = len(types) - place - 1
        height = 1 if height_of(kind) == 1 else len(lines) - after
        if height < 1 or len(lines) < height + after:
            raise Refusal("there are fewer lines than arguments")
        found.append(_from_lines(lines[:height], kind))
        del lines[:height]
    if lines:
        raise Refusal("there are more lines than arguments")
    return found


def encode_result(value: object, kind: Type, style: Style, constants: Constants = PYTHON_CONSTANTS) -> str:
    """Return a result as the output to print. Raises Refusal if the output could not be told from another one."""
    if kind.kind == "text":
        return f"{value}\n"
    if style == "cure" and kind.kind != "none":
        refuse_plainly([kind])
    if isinstance(value, dict) and kind.kind == "dict":
        with suppress(TypeError):  # keys of several types have no order but that of the program
            value = dict(sorted(value.items(), key=lambda item: item[0]))
    if style == "cure" and kind.kind == "none":
        return f"{constants[2]}\n"
    lines = _lines(value, kind, style, constants)
    text = "".join(f"{line}\n" for line in lines)
    if not text.strip():
        raise Refusal("its result would be printed as nothing")
    is_table = style == "cure" and kind.kind != "dict" and height_of(kind) is None
    if is_table and len({len(row) for row in cast(Any, value)}) > 1:
        raise Refusal("the rows of its result differ in length")
    _check([value], [decode_result(text, kind, style)], text)
    return text


def decode_result(text: str, kind: Type, style: Style) -> object:
    """Return the result that an output holds. Raises Refusal for an output that does not fit the type."""
    if kind.kind == "text":
        return text.removesuffix("\n")
    if style == "cure" and kind.kind == "none":
        if text.strip() not in (PYTHON_CONSTANTS[2], JSON_CONSTANTS[2]):
            raise Refusal("the output is not None")
        return None
    return decode_arguments(text, [kind], style)[0]


def has_pairs(kind: Type) -> bool:
    """Tell whether style `json` writes a dictionary as an array of pairs: its keys are no strings."""
    return kind.kind == "dict" and kind.of[0].kind not in ("str", "any", "optional", "unknown")


def refuse_plainly(types: Sequence[Type]) -> None:
    """Raise Refusal if style `cure` has no form for arguments of these types, whatever their values are."""
    for kind in types:
        height_of(kind)
    if sum(height_of(kind) is None for kind in types) > 1:
        raise Refusal("two tables have no line between them")


def height_of(kind: Type) -> int | None:
    """Return the lines of a value in style `cure`, None if that depends on the value. Raises Refusal: no form."""
    if kind.is_scalar or _is_flat(kind):
        return 1
    if kind.kind in ("list", "set") and _is_flat(kind.of[0]) and kind.of[0].kind != "set":
        return None
    if kind.kind == "dict" and all(part.is_scalar for part in kind.of):
        return None
    raise Refusal("it is neither a plain value nor a list or table of plain values")


def _is_flat(kind: Type) -> bool:
    return kind.kind in ("list", "set", "tuple") and all(
        part.is_scalar or part.kind in ("unknown", "...") for part in kind.of
    )


def _check(values: Sequence[object], decoded: Sequence[object], text: str) -> None:
    if not all(map(identical, values, decoded)):
        raise Refusal("its values do not come back from the lines")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refusal("a string holds half of a character") from None


# Values to lines ----------------------------------------------------------------------------------------------


def _lines(value: object, kind: Type, style: Style, constants: Constants) -> list[str]:
    if style == "json":
        return [_json(value, kind)]
    if kind.is_scalar:
        return [_line(value, constants)]
    if _is_flat(kind):
        return [_row(cast(Any, value), constants)]
    table = cast(Any, value)
    rows = table.items() if kind.kind == "dict" else sorted(table) if kind.kind == "set" else table
    if not rows:
        raise Refusal("a table without rows has no line")
    if not all(rows):
        raise Refusal("a table has an empty row")
    return [_row(row, constants) for row in rows]


def _row(values: Any, constants: Constants) -> str:
    words = [_line(value, constants) for value in (sorted(values) if isinstance(values, set | frozenset) else values)]
    if any(len(word.split()) != 1 or word != word.strip() for word in words):
        raise Refusal("a list holds a string that is empty or holds blanks")
    return " ".join(words)


def _line(value: object, constants: Constants) -> str:
    if isinstance(value, bool):
        return constants[value]
    if isinstance(value, float):
        return value.text if isinstance(value, Spelled) else repr(value)
    text = _digits(value) if isinstance(value, int) else str(value)
    if len(f"{text}.".splitlines()) > 1:
        raise Refusal("a string holds the end of a line")
    if "\0" in text:
        raise Refusal("a string holds a NUL character")
    return text


def _digits(value: int) -> str:
    try:
        return str(value)
    except ValueError:
        raise Refusal("a number has too many digits") from None


def _json(value: object, kind: Type) -> str:
    if kind.kind == "optional":
        kind = kind.of[0]
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, float):
        type_of(value)  # refuses infinity
        is_numeral = isinstance(value, Spelled) and _JSON_NUMERAL.fullmatch(value.text)
        return value.text if isinstance(value, Spelled) and is_numeral else float.__repr__(value)
    if isinstance(value, int):
        return _digits(value)
    if isinstance(value, str):  # a separator of lines that JSON lets stand would still end a line for splitlines()
        return json.dumps(value, ensure_ascii=len(f"{value}.".splitlines()) > 1)
    if isinstance(value, dict):
        return _json_dict(value, kind)
    parts = list(cast(Any, value))
    if isinstance(value, set | frozenset):
        try:
            parts.sort()
        except TypeError:
            raise Refusal("a set of mixed types has no order") from None
    return f"[{', '.join(map(_json, parts, _parts(kind, len(parts))))}]"


def _json_dict(value: dict[object, object], kind: Type) -> str:
    keys, items = _parts(kind, 2)
    pairs = [(_json(key, keys), _json(item, items)) for key, item in value.items()]
    if keys.kind in ("str", "unknown") or (kind.kind != "dict" and all(isinstance(key, str) for key in value)):
        return f"{{{', '.join(f'{key}: {item}' for key, item in pairs)}}}"
    return f"[{', '.join(f'[{key}, {item}]' for key, item in pairs)}]"


def _parts(kind: Type, count: int) -> Sequence[Type]:
    """Return the types of `count` elements; those of a value of any type have any type."""
    if (kind.kind == "tuple" and ELLIPSIS not in kind.of) or kind.kind == "dict":
        return kind.of
    return (kind.of[0] if kind.of else kind,) * count


# Lines to values ----------------------------------------------------------------------------------------------


def _from_lines(lines: Sequence[str], kind: Type) -> object:
    if kind.is_scalar:
        return _from_word(lines[0], kind)
    if _is_flat(kind):
        return _from_words(lines[0].split(" ") if lines[0] else [], kind)
    if kind.kind == "dict":
        rows = [line.split(" ") for line in lines]
        if any(len(row) != 2 for row in rows):
            raise Refusal("a line does not hold a key and a value")
        return {_from_word(key, kind.of[0]): _from_word(item, kind.of[1]) for key, item in rows}
    table = [_from_words(line.split(" ") if line else [], kind.of[0]) for line in lines]
    return set(table) if kind.kind == "set" else table


def _from_words(words: Sequence[str], kind: Type) -> Any:
    parts = _parts(kind, len(words))
    if len(parts) != len(words):
        raise Refusal("a line has too many or too few values")
    values = list(map(_from_word, words, parts))
    return values if kind.kind == "list" else set(values) if kind.kind == "set" else tuple(values)


def _from_word(word: str, kind: Type) -> Any:
    if kind.kind == "str":
        return word
    if kind.kind == "bool" and word in (*PYTHON_CONSTANTS[:2], *JSON_CONSTANTS[:2]):
        return word in (PYTHON_CONSTANTS[1], JSON_CONSTANTS[1])
    try:
        if kind.kind == "int":
            return int(word)
        if kind.kind == "float":
            return float(word)
    except ValueError:
        pass
    raise Refusal(f"'{word[:40]}' is of another type")


def _from_json(line: str, kind: Type) -> object:
    try:
        return _typed(json.loads(line, parse_constant=_refuse_constant), kind)
    except (ValueError, TypeError, RecursionError) as fault:
        raise Refusal(f"a line is no JSON of its type: {fault}") from None


def _refuse_constant(constant: str) -> NoReturn:
    raise Refusal(f"{constant} is not JSON")


def _typed(value: Any, kind: Type) -> Any:
    """Return a JSON value with the types that JSON has no word for."""
    if kind.kind == "optional":
        return None if value is None else _typed(value, kind.of[0])
    if kind.kind in ("list", "set", "tuple"):
        parts = [*map(_typed, value, _parts(kind, len(value)))]
        if len(parts) != len(value) or not isinstance(value, list):
            raise Refusal("an array has too many or too few values")
        return parts if kind.kind == "list" else set(parts) if kind.kind == "set" else tuple(parts)
    if kind.kind == "dict":
        pairs = value.items() if isinstance(value, dict) else value
        return {_typed(key, kind.of[0]): _typed(item, kind.of[1]) for key, item in pairs}
    return float(value) if kind.kind == "float" and type(value) is int else value
