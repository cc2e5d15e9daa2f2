"""Statements: the ten shipped ones, texts without examples, texts that are none."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import DataError
from engine.machine.resources import asset_path
from engine.problems import IOExample
from engine.problems.functions import convert
from engine.problems.statement import Statement, read_statements

EXAMPLES = {
    "halve-and-spread": [("10 1 18 1\n", "9\n")],
    "twice-the-larger": [],
    "reversed-letters": [("HDCF\n", "XFCDHXFCDH\n")],
    "multiples-of-three": [("6 11 4 6\n", "9\n")],
    "shelf": [("5 10\n3 4 2 5 1\n", "3\n"), ("2 1\n7 7\n", "0\n")],
    "lanterns": [("5\n.....\n", "2\n"), ("3\n.#.\n", "0\n")],
    "closest-pair": [("1 6 11\n10\n", "12\n"), ("4 4\n-3\n", "8\n")],
    "balanced-name": [("Anna\ntrue\n", "true\n"), ("Bo\nfalse\n", "false\n")],
    "water-meter": [("3\n980 013\n", "33\n")],
    "roster": [],
}


def read(text: str, name: str = "problem.md") -> Statement:
    (statement,) = read_statements(text, name)
    return statement


def shipped(name: str) -> Statement:
    return read((asset_path("problems") / f"{name}.md").read_text(), f"{name}.md")


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_of_the_shipped_problems(name: str) -> None:
    assert [(example.input, example.output) for example in shipped(name).problem.public] == EXAMPLES[name]


def test_every_shipped_problem_is_tested() -> None:
    assert {path.stem for path in asset_path("problems").glob("*.md")} == set(EXAMPLES)


def test_front_matter_sets_title_and_time_limit_and_leaves_the_statement() -> None:
    problem = shipped("multiples-of-three").problem
    assert (problem.id, problem.time_limit) == ("multiples-of-three", 0.5)
    assert "---" not in problem.statement
    assert "time_limit" not in problem.statement
    assert shipped("roster").problem.time_limit == 2.0


def test_the_statement_is_the_whole_text_and_the_prose_its_sentences() -> None:
    read = shipped("halve-and-spread")
    assert "10 1 18 1" in read.problem.statement
    assert read.prose == "Read four numbers, keep every other one, halve each rounding up, print the largest."


def test_calls_become_lines_and_the_statement_says_so() -> None:
    read = shipped("closest-pair")
    assert read.converted == (True, True)
    task = convert([IOExample("nums = [1, 6, 11], target = 10", "12"), IOExample("nums = [4, 4], target = -3", "8")])
    assert task is not None
    assert read.problem.statement.endswith(task.paragraph)
    assert "- line 1: nums, integers separated by blanks" in task.paragraph
    assert shipped("shelf").converted == (False, False)


def test_a_format_is_no_example() -> None:
    text = "Add.\n\n## Input\n\n```\nN\nA B\n```\n\n## Output\n\nPrint the sum.\n"
    assert read(text).problem.public == ()


def test_words_between_a_plain_label_and_a_block_make_it_no_example() -> None:
    text = "Add.\n\n## Input\n\nAs follows:\n\n```\nN\n```\n\n## Output\n\nLike this:\n\n```\nS\n```\n"
    assert read(text).problem.public == ()


def test_sentences_after_a_colon_are_no_values() -> None:
    text = "Add.\n\nInput: two numbers on one line, a and b.\n\nOutput: their sum as one number.\n"
    assert read(text).problem.public == ()


def test_an_output_without_input_and_an_input_without_output_are_left_out() -> None:
    text = "Add.\n\n## Sample Output\n\n```\n1\n```\n\n## Sample Input\n\n```\n2\n```\n"
    assert read(text).problem.public == ()


def test_windows_line_ends_and_a_byte_order_mark_do_not_matter() -> None:
    text = "\ufeffAdd.\r\n\r\nSample input:\r\n\r\n```\r\n1 2\r\n```\r\n\r\nSample output:\r\n\r\n```\r\n3\r\n```\r\n"
    assert read(text).problem.public == (IOExample("1 2\n", "3\n"),)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "holds no problem"),
        (" \n\n", "holds no problem"),
        ("---\ntitle: x\n---\n", "holds no problem"),
        ("# Only a heading\n", "no statement"),
        ("Input: 1\n\nOutput: 2\n", "no statement"),
        ("word " * 500_000, "2.5 MB"),
    ],
)
def test_what_is_no_problem_is_refused_in_one_line(text: str, what: str) -> None:
    with pytest.raises(DataError) as caught:
        read(text, "p.md")
    assert what in caught.value.message
    assert caught.value.remedy
    assert "\n" not in str(caught.value)


@given(st.text(alphabet="InputOuExamples:#*`\n -=[]1\"'<pre>/", max_size=400))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(DataError):
        assert read(text).prose
