"""Encoding of values: what is written comes back with its types, or is refused with a reason."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from functools import reduce
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.problems.functions import (
    JSON_CONSTANTS,
    PYTHON_CONSTANTS,
    Refusal,
    Style,
    Type,
    decode_arguments,
    decode_result,
    encode_arguments,
    encode_result,
    identical,
    join,
    type_of,
)
from engine.problems.functions.value_types import ANY, ELLIPSIS, NONE, NUMBER, Spelled

INT, FLOAT, BOOL, STR = Type("int"), Type("float"), Type("bool"), Type("str")
STYLES: tuple[Style, ...] = ("cure", "json")
SCALARS = {
    INT: st.integers(),
    FLOAT: st.floats(allow_nan=False, allow_infinity=False),
    BOOL: st.booleans(),
    STR: st.text(max_size=8),
}


def listed(part: Type, kind: Any = "list") -> Type:
    return Type(kind, (part,))


def types(*, depth: int = 2) -> st.SearchStrategy[Type]:
    scalars = st.sampled_from([*SCALARS])
    if depth == 0:
        return scalars
    inner = types(depth=depth - 1)
    return st.one_of(
        scalars,
        inner.map(listed),
        scalars.map(lambda part: listed(part, "set")),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: Type("tuple", tuple(parts))),
        inner.map(lambda part: Type("tuple", (part, ELLIPSIS))),
        st.tuples(scalars, inner).map(lambda parts: Type("dict", parts)),
    )


def values(kind: Type) -> st.SearchStrategy[Any]:
    if kind in SCALARS:
        return SCALARS[kind]
    if kind.kind == "dict":
        return st.dictionaries(values(kind.of[0]), values(kind.of[1]), max_size=3)
    if kind.kind == "tuple" and ELLIPSIS not in kind.of:
        return st.tuples(*map(values, kind.of))
    if kind.kind == "set":
        return st.sets(values(kind.of[0]), max_size=4)
    return st.lists(values(kind.of[0]), max_size=4).map(tuple if kind.kind == "tuple" else list)


def taken(encode: Callable[..., str], *arguments: Any) -> str | None:
    """Return what `encode` writes; None where it refuses, which it does with a reason."""
    try:
        return encode(*arguments)
    except Refusal as refusal:
        reason = str(refusal)
    assert reason
    return None


@st.composite
def calls(draw: st.DrawFn) -> tuple[list[Type], list[Any]]:
    kinds = draw(st.lists(types(), min_size=1, max_size=3))
    return kinds, [draw(values(kind)) for kind in kinds]


@settings(max_examples=200, deadline=None)
@given(calls(), st.sampled_from(STYLES), st.sampled_from([PYTHON_CONSTANTS, JSON_CONSTANTS]))
def test_arguments_come_back_with_their_types_or_are_refused(
    call: tuple[list[Type], list[Any]], style: Style, constants: tuple[str, str, str]
) -> None:
    kinds, given_values = call
    text = taken(encode_arguments, given_values, kinds, style, constants)
    if text is None:
        return
    assert all(map(identical, given_values, decode_arguments(text, kinds, style)))
    assert text.endswith("\n")
    assert "\r" not in text  # what a program reads as a line is a line here


@settings(max_examples=200, deadline=None)
@given(types().flatmap(lambda kind: st.tuples(st.just(kind), values(kind))), st.sampled_from(STYLES))
def test_a_result_comes_back_with_its_types_or_is_refused(pair: tuple[Type, Any], style: Style) -> None:
    kind, value = pair
    text = taken(encode_result, value, kind, style)
    if text is None:
        return
    assert identical(value, decode_result(text, kind, style))
    assert text.strip()


def any_value(kind: Type, source: random.Random) -> Any:
    """Return a random value: hypothesis looks for the odd ones, this makes thousands of the common ones."""
    match kind.kind:
        case "int":
            return source.randint(-(10 ** source.randint(0, 20)), 10**9)
        case "float":
            return source.choice([source.random(), source.uniform(-1e12, 1e12), float(source.randint(-9, 9)), -0.0])
        case "bool":
            return source.random() < 0.5
        case "str":
            return "".join(source.choices("ab é0\"'[],{}\\\n\t ", k=source.randint(0, 5)))
        case "dict":
            pairs = range(source.randint(0, 3))
            return {any_value(kind.of[0], source): any_value(kind.of[1], source) for _ in pairs}
    if kind.kind == "tuple" and ELLIPSIS not in kind.of:
        return tuple(any_value(part, source) for part in kind.of)
    elements = [any_value(kind.of[0], source) for _ in range(source.randint(0, 4))]
    return {"list": list, "set": set, "tuple": tuple}[kind.kind](elements)


def any_type(source: random.Random, depth: int = 2) -> Type:
    scalar = source.choice([*SCALARS])
    if depth == 0 or source.random() < 0.3:
        return scalar
    parts = [any_type(source, depth - 1) for _ in range(source.randint(1, 3))]
    return source.choice(
        [
            listed(parts[0]), listed(scalar, "set"), Type("tuple", tuple(parts)), Type("tuple", (scalar, ELLIPSIS)),
            Type("dict", (scalar, parts[0])),
        ]
    )  # fmt: skip


def test_thousands_of_random_calls_come_back_or_are_refused() -> None:
    source, counts = random.Random(7), dict.fromkeys(STYLES, 0)
    for _ in range(4000):
        kinds = [any_type(source) for _ in range(source.randint(1, 3))]
        given_values = [any_value(kind, source) for kind in kinds]
        for style in STYLES:
            text = taken(encode_arguments, given_values, kinds, style)
            if text is not None:
                counts[style] += 1
                assert all(map(identical, given_values, decode_arguments(text, kinds, style)))
    assert counts["json"] == 4000
    assert counts["cure"] > 1000


@settings(max_examples=100, deadline=None)
@given(calls())
def test_json_takes_every_value_that_has_a_type(call: tuple[list[Type], list[Any]]) -> None:
    kinds, given_values = call
    encode_arguments(given_values, kinds, "json")


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_flat_lists_and_words_are_never_refused(data: st.DataObject) -> None:
    words = st.text(alphabet="abcxyz,.'\"[]{}-0129", min_size=1, max_size=6)
    kind = data.draw(st.sampled_from([INT, FLOAT, BOOL]))
    numbers = data.draw(st.lists(SCALARS[kind], max_size=5))
    texts = data.draw(st.lists(words, max_size=5))
    table = data.draw(st.lists(st.lists(words, min_size=1, max_size=3), min_size=1, max_size=3))
    kinds = [listed(kind), listed(listed(STR)), listed(STR)]
    text = encode_arguments([numbers, table, texts], kinds, "cure")
    assert text.count("\n") == 2 + len(table)


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        ([2, 7], listed(INT), "2 7\n"),
        ([], listed(INT), "\n"),
        ("a  b ", STR, "a  b \n"),
        ("", STR, "\n"),
        (True, BOOL, "True\n"),
        (2.0, FLOAT, "2.0\n"),
        (Spelled("2.00000"), FLOAT, "2.00000\n"),
        ([[1, 2], [3]], listed(listed(INT)), "1 2\n3\n"),
        ([("a", 1), ("b", 2)], listed(Type("tuple", (STR, INT))), "a 1\nb 2\n"),
        ({3, 1, 2}, listed(INT, "set"), "1 2 3\n"),
        ({"b": 1, "a": 2}, Type("dict", (STR, INT)), "b 1\na 2\n"),
        ((), Type("tuple", (INT, ELLIPSIS)), "\n"),
    ],
)
def test_arguments_as_lines(value: object, kind: Type, text: str) -> None:
    assert encode_arguments([value], [kind], "cure") == text


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        ([], listed(INT), "[]"),
        ("", STR, '""'),
        (None, NONE, "null"),
        ((1, "é"), Type("tuple", (INT, STR)), '[1, "é"]'),
        ({3, 1}, listed(INT, "set"), "[1, 3]"),
        ({1: "a"}, Type("dict", (INT, STR)), '[[1, "a"]]'),
        ({"k": True}, Type("dict", (STR, BOOL)), '{"k": true}'),
        ([1, None, "x"], listed(ANY), '[1, null, "x"]'),
        ([1, 2.5], listed(NUMBER), "[1, 2.5]"),
        ([(1, 2), None], listed(Type("optional", (Type("tuple", (INT, INT)),))), "[[1, 2], null]"),
        (Spelled("1024.00000"), FLOAT, "1024.00000"),
        ("a\u2028b", STR, '"a\\u2028b"'),
    ],
)
def test_values_as_json(value: object, kind: Type, text: str) -> None:
    assert encode_arguments([value], [kind], "json") == f"{text}\n"


@pytest.mark.parametrize(
    ("value", "kind", "why"),
    [
        ("a\nb", STR, "end of a line"),
        ("a\rb", STR, "end of a line"),
        (["a b"], listed(STR), "holds blanks"),
        ([""], listed(STR), "empty"),
        (["a", "\xa0"], listed(STR), "blanks"),
        ([[]], listed(listed(INT)), "empty row"),
        ([], listed(listed(INT)), "without rows"),
        ([1, "a"], listed(ANY), "neither a plain value"),
        (None, NONE, "neither a plain value"),
        ([[[1]]], listed(listed(listed(INT))), "neither a plain value"),
        ("\ud800", STR, "half of a character"),
    ],
)
def test_what_lines_cannot_hold_is_refused(value: object, kind: Type, why: str) -> None:
    with pytest.raises(Refusal, match=why):
        encode_arguments([value], [kind], "cure")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (float("inf"), "infinite"),
        ([float("nan")], "infinite or no number"),
        (1j, "complex"),
        (b"x", "bytes"),
        ([1, (2,)], "do not come back"),
        ("\ud800", "half of a character"),
    ],
)
def test_what_json_cannot_hold_is_refused(value: object, why: str) -> None:
    with pytest.raises(Refusal, match=why):
        encode_arguments([value], [type_of(value)], "json")


@pytest.mark.parametrize(
    ("value", "kind", "why"),
    [
        ([], listed(INT), "printed as nothing"),
        ("", STR, "printed as nothing"),
        ("  ", STR, "printed as nothing"),
        ([[1, 2], [3]], listed(listed(INT)), "differ in length"),
    ],
)
def test_results_that_print_like_others_are_refused_in_lines(value: object, kind: Type, why: str) -> None:
    with pytest.raises(Refusal, match=why):
        encode_result(value, kind, "cure")
    assert decode_result(encode_result(value, kind, "json"), kind, "json") == value


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (None, NONE, "None\n"),
        ({"b": 1, "a": 2}, Type("dict", (STR, INT)), "a 2\nb 1\n"),
        ({2, 1}, listed(INT, "set"), "1 2\n"),
        ([[1, 2], [3, 4]], listed(listed(INT)), "1 2\n3 4\n"),
    ],
)
def test_results_as_lines(value: object, kind: Type, text: str) -> None:
    assert encode_result(value, kind, "cure") == text


def test_two_tables_have_no_line_between_them() -> None:
    table = listed(listed(INT))
    with pytest.raises(Refusal, match="two tables"):
        encode_arguments([[[1]], [[2]]], [table, table], "cure")
    assert encode_arguments([[[1]], 5, "a"], [table, INT, STR], "cure") == "1\n5\na\n"


@pytest.mark.parametrize(
    ("text", "kinds"),
    [("1", [INT]), ("1\n2\n", [INT]), ("", [INT]), ("x\n", [INT]), ("1 2\n", [Type("tuple", (INT, INT, INT))])],
)
def test_lines_that_do_not_fit_the_types_are_refused(text: str, kinds: list[Type]) -> None:
    with pytest.raises(Refusal):
        decode_arguments(text, kinds, "cure")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2.5], NUMBER),
        ([None, 1], Type("optional", (INT,))),
        ([None, 1, 2.5], Type("optional", (NUMBER,))),
        ([None, 1, "a"], ANY),
        ([True, 1], ANY),
        ([[], [1], [None]], listed(Type("optional", (INT,)))),
        ([(1, 2), (3,)], Type("tuple", (INT, ELLIPSIS))),
        ([(1, "a"), (3,)], ANY),
        ([[1], (1,)], ANY),
    ],
)
def test_types_of_several_values_are_joined(values: list[Any], kind: Type) -> None:
    assert reduce(join, map(type_of, values)) == kind


def test_numbers_texts_and_truth_values_are_never_mistaken_for_one_another() -> None:
    alike = [1, 1.0, True, "1", [1], (1,), {1}, None, "None", "True"]
    assert all(not identical(one, other) for one, other in itertools.combinations(alike, 2))
