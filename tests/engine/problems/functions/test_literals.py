"""Calls as judges write them: their values, their names, and what is refused."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.problems.functions import Refusal, identical, operations_of
from engine.problems.functions.literals import read_call, read_value


@pytest.mark.parametrize(
    ("text", "names", "values"),
    [
        ("nums = [2,7], target = 9", ("nums", "target"), ([2, 7], 9)),
        ("nums = [2,7]\ntarget = 9\n", ("nums", "target"), ([2, 7], 9)),
        ("nums =\n[2,7]\ntarget =\n9\n", ("nums", "target"), ([2, 7], 9)),
        ("nums = [2,7]; target = 9;", ("nums", "target"), ([2, 7], 9)),
        ("nums: [2,7], target: 9", ("nums", "target"), ([2, 7], 9)),
        ("Input: root = [1,null,2]", ("root",), ([1, None, 2],)),
        ('s = "a, b"', ("s",), ("a, b",)),
        ("s = 'a b', flag = true", ("s", "flag"), ("a b", True)),
        (r's = "say \"hi\"\n"', ("s",), ('say "hi"\n',)),
        (r's = "\ud83d\ude00\u00e9"', ("s",), ("😀é",)),
        ("s = “typographic”", ("s",), ("typographic",)),
        ("board = [['X',' '],['O','X']]", ("board",), ([["X", " "], ["O", "X"]],)),
        ("x = 2.00000, n = -2", ("x", "n"), (2.0, -2)),
        ("x = -1e5, y = .5", ("x", "y"), (-1e5, 0.5)),
        ("n = −3", ("n",), (-3,)),
        ("N = 3, arr[] = {1, 2, 3}", ("N", "arr"), (3, [1, 2, 3])),
        ("mat[][] = {{1,2},{3,4}}", ("mat",), ([[1, 2], [3, 4]],)),
        ("int n = 5, vector<int> a = {1,2}", ("n", "a"), (5, [1, 2])),
        ("const xs = [1,2];\nlet k = 3;", ("xs", "k"), ([1, 2], 3)),
        ("grid = [\n  [1,\n   2],\n  [3,4]\n]", ("grid",), ([[1, 2], [3, 4]],)),
        ('obj = {"a": 1, b: [2]}', ("obj",), ({"a": 1, "b": [2]},)),
        ("flags = [True, False, None]", ("flags",), ([True, False, None],)),
        ("p = (1, 2), q = (3)", ("p", "q"), ((1, 2), 3)),
        ("a = [], b = [[]], c = {}", ("a", "b", "c"), ([], [[]], [])),
        ("[2,7], 9", None, ([2, 7], 9)),
        ('"abc"\n3', None, ("abc", 3)),
        ("two_sum([2,7], 9)", None, ([2, 7], 9)),
        (">>> solve(xs=[1], k=2)", ("xs", "k"), ([1], 2)),
        ("Solution().f([1])", None, ([1],)),
        ("1->2->4, 1->3->4", None, ([1, 2, 4], [1, 3, 4])),
        ("1 -> 2 -> 3 -> NULL", None, ([1, 2, 3],)),
        ("head = 4→2→null, x = 3", ("head", "x"), ([4, 2], 3)),
        ("1->2->3->4->5->NULL, k = 2", None, ([1, 2, 3, 4, 5], 2)),
        ("-1->-2->nullptr", None, ([-1, -2],)),
    ],
)
def test_calls_are_read(text: str, names: tuple[str, ...] | None, values: tuple[object, ...]) -> None:
    call = read_call(text)
    assert call.names == names
    assert len(call.values) == len(values)
    for value, expected in zip(call.values, values, strict=True):
        assert value == expected
        assert type(value) is type(expected) or isinstance(value, type(expected))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("3 4", "'4' is no argument"),
        ("nums = [1,2], 3", "only some"),
        ("a = 1, a = 2", "twice"),
        ("nums = [1,2,...,9]", "no value"),
        ("nums = [1 2]", "comma is due"),
        ("nums = [1,2", "']' is missing"),
        ('s = "ab', "not closed"),
        ('s = "a\nb"', "not closed"),
        (r's = "\d"', "no certain meaning"),
        ("x = ", "missing"),
        ("n = 10^5", "no argument"),
        ("n = 3.", "no argument"),
        ("x = __import__('os')", "no argument"),
        ("fn = x => x + 1", "no argument"),
        ("nums = [1,2] (sorted)", "no argument"),
        ("d = {[1]: 2}", "a key"),
        ("d = {1: 2, 3}", "both values and pairs"),
        ("x = " + "[" * 5000, "nested too deeply"),
        ("x = " + "9" * 5000, "too many digits"),
    ],
)
def test_what_is_no_call_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_call(text)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_call_tells_itself_from_lines_of_standard_input() -> None:
    assert all(read_call(text).is_plain for text in ("5", "5\n7", "1,2", "(0, 1)", "abc"))
    assert not any(read_call(text).is_plain for text in ("n = 5", "[5]", '"5"', "f(5)"))
    assert read_call("1->2").is_plain  # an edge
    assert not any(read_call(text).is_plain for text in ("1->2->3", "1->NULL"))


def test_a_float_keeps_its_spelling_and_a_number_with_zeros_is_no_integer() -> None:
    value, _ = read_value("2.00000")
    assert getattr(value, "text", None) == "2.00000"
    assert identical(value, 2.0)
    assert not isinstance(read_value("00101")[0], int)


@pytest.mark.parametrize(
    ("text", "operations"),
    [
        ('["LRUCache","put","get"]\n[[2],[1,1],[1]]', ("LRUCache", "put", "get")),
        ('["Trie", "insert"], [[], ["apple"]]', ("Trie", "insert")),
        ('["a","b"]\n[[1],[2]]', None),
        ('words = ["Ab"], groups = [[1],[2]]', None),
        ("[1,2]\n[[1],[2]]", None),
        ("3 4", None),
    ],
)
def test_operations_on_a_class(text: str, operations: tuple[str, ...] | None) -> None:
    assert operations_of(text) == operations


@given(st.text(alphabet="ab=[](){}\"'\\,:;. \n01-+eu", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (read_call, read_value):
        with contextlib.suppress(Refusal):
            read(text)


@pytest.mark.parametrize(
    "text",
    ["a" * 200_000, "a." * 100_000, " " * 200_000 + "x", "f(" + ") " * 100_000 + "x", "[1," * 60_000, '"' * 200_000,
     "f(1)" + " " * 200_000 + "x", "a = 1\n" * 30_000, "a<" * 100_000],
    ids=["word", "dots", "blanks", "closings", "openings", "quotes", "trailing blanks", "names", "angles"],
)  # fmt: skip
def test_long_texts_take_linear_time(text: str) -> None:
    began = time.process_time()
    for read in (read_call, read_value, operations_of):
        with contextlib.suppress(Refusal):
            read(text)
    assert time.process_time() - began < 3.0
