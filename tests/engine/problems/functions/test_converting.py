"""Tasks for a function become tasks for a program: examples, types, style, words, and what is dropped."""

from __future__ import annotations

import pytest

from engine.problems import IOExample
from engine.problems.functions import FunctionTask, Refused, convert, decode_arguments, decode_result

PYTHON = "class Solution:\n    def f(self, {}) -> {}:\n        "


def converted(*pairs: tuple[str, str], code: str = "") -> FunctionTask:
    task = convert([IOExample(*pair) for pair in pairs], [code] if code else [])
    assert task is not None
    return task


def lines(task: FunctionTask) -> list[tuple[str, str]]:
    return [(each.input, each.output) for each in task.converted]


@pytest.mark.parametrize(
    ("stdin", "output", "expected"),
    [
        ("nums = [2,7], target = 9", "[0,1]", ("2 7\n9\n", "0 1\n")),
        ('s = "a, b"', "true", ("a, b\n", "true\n")),
        ("s = 'x'", "True", ("x\n", "True\n")),
        ("strict = false, n = 3", "3", ("false\n3\n", "3\n")),
        ("x = 2.00000, n = 10", "1024.00000", ("2.00000\n10\n", "1024.00000\n")),
        ("grid = [[1,2],[3]], k = 1", "3", ("1 2\n3\n1\n", "3\n")),
        ('s = "  fly me  "', '" em  ylf"', ("  fly me  \n", " em  ylf\n")),
        ('words = ["a b", ""]', "2", ('["a b", ""]\n', "2\n")),
        ("root = [1,null,2]", "[1,2]", ("[1, null, 2]\n", "[1, 2]\n")),
        ("nums = []", "[]", ("[]\n", "[]\n")),
        ("nums = []", "0", ("\n", "0\n")),
        ('s = "abc"', '""', ('"abc"\n', '""\n')),
        ("n = 3", "[[1],[1,1]]", ("3\n", "[[1], [1, 1]]\n")),
        ("a = [[1]], b = [[2]]", "3", ("[[1]]\n[[2]]\n", "3\n")),
        ("n = 3", "Yes", ("3\n", "Yes\n")),
        ("n = 3", "null", ("3\n", "null\n")),
        ("arr[] = {1,2}", "2 1", ("1 2\n", "2 1\n")),
        (r'path = "dir\n\tfile"', "20", ('"dir\\n\\tfile"\n', "20\n")),
    ],
)
def test_an_example_in_the_form_of_the_program(stdin: str, output: str, expected: tuple[str, str]) -> None:
    task = converted((stdin, output))
    assert lines(task) == [expected]
    kinds = [each.type for each in task.parameters]
    decode_arguments(task.converted[0].input, kinds, task.style)
    decode_result(task.converted[0].output, task.returns, task.style)


def test_one_example_that_cannot_be_converted_is_dropped_alone_with_its_reason() -> None:
    task = converted(("a = [1], k = 2", "3"), ("a = [1,...,9], k = 2", "4"), ("a = [2], k = 1", "2, a = [2,_]"))
    assert lines(task) == [("1\n2\n", "3\n")]
    reasons = [each.reason for each in task.examples if isinstance(each, Refused)]
    assert len(task.examples) == 3
    assert reasons[0] == "its input cannot be read: '...,9], k = 2' is no value"
    assert reasons[1].startswith("its output cannot be read")


def test_one_example_without_lines_moves_all_to_json() -> None:
    task = converted(('words = ["ab"]', "1"), ('words = ["a b"]', "2"))
    assert task.style == task.compare == "json"
    assert lines(task) == [('["ab"]\n', "1\n"), ('["a b"]\n', "2\n")]


def test_an_empty_list_takes_its_type_from_other_examples_or_from_the_code() -> None:
    task = converted(("nums = [], k = 1", "0"), ("nums = [5], k = 1", "5"))
    assert lines(task) == [("\n1\n", "0\n"), ("5\n1\n", "5\n")]
    alone = converted(("a = [], b = []", "0"), code=PYTHON.format("a: List[List[int]], b: List[str]", "int"))
    assert (alone.style, lines(alone)) == ("json", [("[]\n[]\n", "0\n")])


def test_starter_code_names_types_and_order() -> None:
    code = PYTHON.format("x: float, word: str", "float")
    task = converted(("word = abc, x = 2", "2.5"), ("x = 1.50, word = 10", "1"), code=code)
    assert lines(task)[0] == ("2\nabc\n", "2.5\n")
    assert isinstance(task.examples[1], Refused)  # 10 without quotes is an integer
    assert task.compare == "numbers"


def test_arguments_without_names_take_those_of_the_code() -> None:
    code = "int add(int first, int second) {\n}"
    task = converted(("4\n5", "9"), code=code)
    assert lines(task) == [("4\n5\n", "9\n")]
    assert "- line 2: second, an integer" in task.form


def test_what_an_example_gives_beyond_the_parameters_is_read_too() -> None:
    task = converted(("head = [3,2,0], pos = 1", "true"), code=PYTHON.format("head: Optional[ListNode]", "bool"))
    assert lines(task) == [("3 2 0\n1\n", "true\n")]


def test_a_function_that_returns_nothing_prints_the_argument_it_changes() -> None:
    task = converted(("nums = [3,1], k = 1", "[1,3]"), code=PYTHON.format("nums: List[int], k: int", "None"))
    assert lines(task) == [("3 1\n1\n", "1 3\n")]
    assert task.form[-1] == "Output: nums after the call, integers separated by blanks."


def test_a_tree_is_json_though_this_one_lacks_no_child() -> None:
    task = converted(("root = [1,2,3]", "2"), code="int depth(TreeNode* root) {\n}")
    assert (task.style, lines(task)) == ("json", [("[1, 2, 3]\n", "2\n")])
    assert "a binary tree as the array of its values level by level, null for a child that is missing" in "".join(
        task.form
    )


def test_blanks_of_a_string_count_and_decimal_numbers_are_compared_as_such() -> None:
    assert converted(('s = "ab"', '"b a"')).compare == "exact-lines"
    assert converted(("x = 1", "0.50")).compare == "numbers"
    assert converted(("x = 1", "2")).compare == ""


@pytest.mark.parametrize(
    ("pairs", "code"),
    [
        ([("3 4", "7")], ""),
        ([("3\n4", "7")], ""),
        ([("4", "8")], ""),
        ([("1,2", "3")], ""),
        ([("abc", "cba")], ""),
        ([("3\n1 2 3", "6")], "def total(xs: list[int]) -> int: ..."),
        ([("4\n5", "9")], "def add(a, b):\n    return a + b\nprint(add(int(input()), int(input())))"),
        ([('["Stack","push"]\n[[],[1]]', "[null,null]")], ""),
        ([], ""),
    ],
)
def test_standard_input_and_classes_are_left_alone(pairs: list[tuple[str, str]], code: str) -> None:
    assert convert([IOExample(*pair) for pair in pairs], [code] if code else []) is None


def test_code_alone_says_what_a_program_reads() -> None:
    task = convert([], [PYTHON.format("grid: List[List[str]], k: int", "bool")])
    assert task is not None
    assert task.form == (
        "Write a whole program in place of the function f: it reads the arguments from standard input and prints the "
        "result.",
        "Input:",
        "- line 1 and all after it but the last: grid, a table: one row a line, each row words without quotes "
        "separated by blanks",
        "- the last line: k, an integer",
        "Output: True or False.",
    )


def test_code_of_another_function_does_not_spoil_the_examples() -> None:
    task = converted(('s = "ab", k = 1', "true"), code="def helper(s: int, k: str) -> int: ...")
    assert lines(task) == [("ab\n1\n", "true\n")]


def test_arguments_that_are_functions_are_dropped_and_nothing_is_promised() -> None:
    task = converted(("arr = [1,2], fn = x => x + 1", "[2,3]"), code="var map = function(arr, fn) {\n};")
    assert task.converted == ()
    assert task.paragraph == ""


def test_the_paragraph_says_each_line_and_shows_an_example() -> None:
    task = converted(
        ("nums = [2,7], target = 9", "[0,1]"), code=PYTHON.format("nums: List[int], target: int", "List[int]")
    )
    assert task.paragraph == (
        "## Input and output of the program\n\n"
        "Write a whole program in place of the function f: it reads the arguments from standard input and prints the "
        "result.\n"
        "Input:\n"
        "- line 1: nums, integers separated by blanks, an empty line if there are none\n"
        "- line 2: target, an integer\n"
        "Output: integers separated by blanks.\n\n"
        "An example of the statement in this form. Input:\n\n```\n2 7\n9\n```\n\nOutput:\n\n```\n0 1\n```"
    )


def test_json_is_announced() -> None:
    task = converted(('words = ["a b"], n = 1', '{"a": [1]}'))
    assert task.form == (
        "Write a whole program in place of a function: it reads the arguments from standard input and prints the "
        "result. Each argument is one JSON value on a line of its own; the result is printed as one JSON value.",
        "Input:",
        "- line 1: words, an array of strings in double quotes",
        "- line 2: n, an integer",
        "Output: an object whose values are arrays of integers.",
    )


@pytest.mark.parametrize(
    ("stdin", "output", "said"),
    [
        ("root = [1,null,2]", "1", "root, an array of integers or null"),
        ("xs = [1, 2.5]", "1", "xs, an array of numbers"),
        ("xs = [[1], [null]]", "1", "xs, an array of arrays of integers or null"),
        ('xs = [1, "a"]', "1", "xs, an array of JSON values"),
        (
            'd = {"a": 1}',
            "1",
            "d, a dictionary: one key a line, a word without quotes, then a blank and its value, an integer",
        ),
        ("p = (1, 'a')", "1", "p, an integer and a word without quotes, separated by a blank"),
        ("ok = [true, false]", "1", "ok, values true or false separated by blanks, an empty line if there are none"),
    ],
)
def test_mixtures_are_named(stdin: str, output: str, said: str) -> None:
    assert any(line.endswith(said) for line in converted((stdin, output)).form)


def test_other_calls_of_the_same_task_are_encoded_alike() -> None:
    task = converted(("nums = [2,7], flag = true", "[0,1]"))
    assert task.encode_arguments([[5], False]) == "5\nfalse\n"
    assert task.encode_result([4]) == "4\n"
