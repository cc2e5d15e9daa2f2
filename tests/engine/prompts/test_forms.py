"""Labelled forms: numbered blocks and choices, in the ways in which models write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.prompts.forms import labelled_blocks, numbered_tests, parse_choice


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("**Input 1:**\n```\n1 2\n```\n\n**Input 2:**\n```\n3\n```", ["1 2", "3"]),
        ("### Input 1\n```text\n1\n```\nwhy\n### Input 2\n~~~\n2\n~~~", ["1", "2"]),
        ("Test Input 1:\n```\n1\n```\n- **Test input #2**:\n```\n2\n```", ["1", "2"]),
        ("**Input:**\n```\n1\n```\n**Input:**\n```\n2\n```", ["1", "2"]),
        ("**Input 1:**\n```\n1\n```\nNo, better:\n**Input 1:**\n```\n7\n```", ["7"]),
        ("**Input 2:**\n```\n2\n```\n**Input 1:**\n```\n1\n```", ["1", "2"]),
        ("**Input 1:**\n```\n1\n```\n**Output 1:**\n```\n5\n```", ["1"]),
        ("<think>**Input 1:**\n```\n9\n```</think>**Input 1:**\n```\n1\n```", ["1"]),
        ("**Input 1:**\n```\n1", []),
        ("The input is\n```\n1\n```", []),
        ("**Input 1:**\n```\n\n```", [""]),
        ("", []),
    ],
)
def test_numbered_blocks_are_read(text: str, blocks: list[str]) -> None:
    assert labelled_blocks(text, "input") == blocks


def _test(number: str, stdin: str, output: str) -> str:
    return f"**Test Input{number}:**\n```\n{stdin}\n```\nso\n**Test Output{number}:**\n```\n{output}\n```\n"


@pytest.mark.parametrize(
    ("text", "tests"),
    [
        (_test(" 1", "1", "2") + _test(" 2", "3", "6"), [("1", "2"), ("3", "6")]),
        (_test(" 2", "3", "6") + _test(" 1", "1", "2"), [("1", "2"), ("3", "6")]),
        (_test("", "1", "2") + _test("", "3", "6"), [("1", "2"), ("3", "6")]),
        (_test(" 1", "1", "9") + "No:\n" + _test(" 1", "1", "2"), [("1", "2")]),  # the last one counts
        (_test(" 1", "1", "2") + _test(" 2", "1", "3"), [("1", "2")]),  # each input once
        (_test(" 1", "1", "  ") + _test(" 2", "", "0"), [("", "0")]),  # an output is never blank
        ("**Test Input 1:**\n```\n1\n```\n**Test Output 2:**\n```\n2\n```", []),
        ("<think>" + _test(" 1", "1", "2"), []),
        ("", []),
    ],
)
def test_numbered_tests_are_read(text: str, tests: list[tuple[str, str]]) -> None:
    assert [(test.input, test.output) for test in numbered_tests(text)] == tests


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("**Choice:** first", "first"),
        ("Choice: SECOND.", "second"),
        ("**Choice**: `equal`", "equal"),
        ("## Choice\nThe second", "second"),
        ("**Choice:** first\nNo, I misread.\n**Choice:** second", "second"),
        ("I choose the first.", None),
        ("<think>**Choice:** first", None),
        ("", None),
    ],
)
def test_a_choice_is_read(text: str, choice: str | None) -> None:
    assert parse_choice(text) == choice


@given(st.text(alphabet="*#Input 1:`\n~choice first", max_size=400))
def test_any_text_is_read(text: str) -> None:
    labelled_blocks(text, "input")
    numbered_tests(text)
    parse_choice(text)
