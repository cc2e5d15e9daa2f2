"""Prompts in both styles and roles."""

from __future__ import annotations

import pytest

from engine.problems import IOExample, Problem
from engine.prompts import (
    Program,
    PromptStyle,
    Role,
    UnitTest,
    build_messages,
    parse_program,
    parse_unit_test,
)
from engine.prompts.messages import EXAMPLE_CHARACTERS

PROBLEM = Problem(
    id="a",
    statement="Print {n} doubled. ",
    public=(IOExample("PUBLIC-IN\n", "PUBLIC-OUT\n"), IOExample("SECOND-IN", "SECOND-OUT")),
    hidden=(IOExample("HIDDEN-IN", "HIDDEN-OUT"),),
    solutions=("SOLUTION",),
)


def prompt(problem: Problem, role: Role, style: PromptStyle, show_example: bool = True) -> str:
    (message,) = build_messages(problem, role, style, show_example)
    assert message.keys() == {"role", "content"}
    assert message["role"] == "user"
    return message["content"]


@pytest.mark.parametrize("show_example", [False, True])
def test_short_prompts_are_exactly_what_nano_was_pretrained_on(show_example: bool) -> None:
    coder = prompt(PROBLEM, Role.CODER, PromptStyle.SHORT, show_example)
    tester = prompt(PROBLEM, Role.TESTER, PromptStyle.SHORT, show_example)
    assert (coder, tester) == ("Code: Print {n} doubled. ", "Test: Print {n} doubled. ")


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("style", PromptStyle)
@pytest.mark.parametrize("show_example", [False, True])
def test_no_prompt_shows_hidden_tests_or_solutions(role: Role, style: PromptStyle, show_example: bool) -> None:
    messages = build_messages(PROBLEM, role, style, show_example)
    text = "\n".join(message["content"] for message in messages)
    assert PROBLEM.statement.strip() in messages[-1]["content"]
    assert "HIDDEN" not in text
    assert "SOLUTION" not in text


@pytest.mark.parametrize("role", Role)
def test_full_prompts_show_one_public_example_if_asked(role: Role) -> None:
    with_example = prompt(PROBLEM, role, PromptStyle.FULL)
    without = prompt(PROBLEM, role, PromptStyle.FULL, show_example=False)
    assert "```\nPUBLIC-IN\n```" in with_example
    assert "```\nPUBLIC-OUT\n```" in with_example
    assert "SECOND" not in with_example
    assert "PUBLIC" not in without
    assert "example of the format" not in without
    assert "\n\n\n" not in with_example + without


def test_an_example_too_long_for_a_prompt_gives_way_to_the_next() -> None:
    long = IOExample("9" * EXAMPLE_CHARACTERS, "1")
    both = Problem("a", "s", (long, IOExample("SHORT", "1")), ())
    assert "SHORT" in prompt(both, Role.TESTER, PromptStyle.FULL)
    only = Problem("a", "s", (long,), ())
    assert prompt(only, Role.TESTER, PromptStyle.FULL) == prompt(
        only, Role.TESTER, PromptStyle.FULL, show_example=False
    )


def test_backticks_in_an_example_cannot_close_its_block() -> None:
    problem = Problem("a", "s", (IOExample("````\n", "1"),), ())
    assert "`````\n````\n`````" in prompt(problem, Role.CODER, PromptStyle.FULL)


def test_the_form_that_the_tester_is_shown_is_the_form_that_is_parsed() -> None:
    shown = parse_unit_test(prompt(PROBLEM, Role.TESTER, PromptStyle.FULL))
    assert isinstance(shown, UnitTest)
    assert shown.input.startswith("everything the program reads")
    assert shown.explanation


def test_the_coder_is_told_of_the_block_that_is_parsed() -> None:
    assert "```python" in prompt(PROBLEM, Role.CODER, PromptStyle.FULL)
    assert parse_program("```python\nprint(int(input()) * 2)\n```") == Program("print(int(input()) * 2)")
