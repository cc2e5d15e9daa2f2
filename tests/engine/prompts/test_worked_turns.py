"""Worked turns: a conversation in front of the task, from a file that anyone can replace."""

from __future__ import annotations

import subprocess
import sys

import pytest

from engine.data.sets import task_file
from engine.errors import ConfigError
from engine.problems import IOExample, Problem, load_problems
from engine.prompts import (
    Program,
    PromptStyle,
    Role,
    UnitTest,
    build_messages,
    built_in_turns,
    parse_program,
    parse_unit_test,
    parse_worked_turns,
)

PROBLEM = Problem("p", "Print {example} and {n}.", (IOExample("3\n", "{output}\n"),), (IOExample("HIDDEN", "HIDDEN"),))
FORM = """
[coder]
request = "{statement}|{example}|code"
example = "{input}>{output}"
[[coder.turns]]
statement = "S"
input = "1"
output = "2"
answer = "A"
[tester]
request = "{statement} test"
example = "{input}{output}"
"""


def answers(role: Role) -> list[str]:
    return [turn.answer for turn in built_in_turns().of(role).turns]


@pytest.mark.parametrize("role", Role)
def test_the_task_follows_the_turns_in_the_same_words(role: Role) -> None:
    messages = build_messages(PROBLEM, role, PromptStyle.SHOTS, show_example=True)
    turns = built_in_turns().of(role).turns
    assert [message["role"] for message in messages] == ["user", "assistant"] * len(turns) + ["user"]
    assert messages[-1]["content"].startswith(PROBLEM.statement)
    closings = {message["content"].splitlines()[-1] for message in messages[::2]}
    assert len(closings) == 1
    assert [message["content"] for message in messages[1::2]] == [turn.answer for turn in turns]


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("show_example", [True, False])
def test_the_example_is_shown_where_it_is_asked_for(role: Role, show_example: bool) -> None:
    first, *_, last = build_messages(PROBLEM, role, PromptStyle.SHOTS, show_example)
    assert ("3 gives {output}" in last["content"]) == show_example
    assert (" gives " in first["content"]) == show_example
    assert "HIDDEN" not in last["content"]


def test_the_built_in_answers_have_the_form_that_training_reads() -> None:
    assert all(isinstance(parse_program(answer), Program) for answer in answers(Role.CODER))
    assert all(isinstance(parse_unit_test(answer), UnitTest) for answer in answers(Role.TESTER))


def run(source: str, stdin: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", source], input=stdin, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_built_in_programs_pass_the_built_in_tests_and_their_examples() -> None:
    turns = built_in_turns().of(Role.CODER).turns
    for turn, answer in zip(turns, answers(Role.TESTER), strict=True):
        program, test = parse_program(turn.answer), parse_unit_test(answer)
        assert isinstance(program, Program)
        assert isinstance(test, UnitTest)
        assert run(program.source, test.input) == test.output
        assert run(program.source, turn.example.input) == turn.example.output
        assert turn.example.input != test.input


def test_no_built_in_turn_is_a_task_of_the_easy_set() -> None:
    tasks = [
        problem for split in ("train", "validation", "heldout") for problem in load_problems(task_file("easy", split))
    ]
    shown = {turn.statement for role in Role for turn in built_in_turns().of(role).turns}
    assert not shown & {problem.statement for problem in tasks}
    solved = {source for problem in tasks for source in problem.solutions}
    programs = [parse_program(answer) for answer in answers(Role.CODER)]
    assert not solved & {f"{program.source}\n" for program in programs if isinstance(program, Program)}


def test_a_file_of_ones_own_replaces_turns_and_words() -> None:
    own = parse_worked_turns(FORM)
    coder, tester = (build_messages(PROBLEM, role, own, show_example=True) for role in Role)
    assert [message["content"] for message in coder] == ["S|1>2|code", "A", "Print {example} and {n}.|3>{output}|code"]
    assert [message["content"] for message in tester] == ["Print {example} and {n}. test"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        pytest.param("[coder]", "[coder", "not valid TOML", id="no TOML"),
        pytest.param("[tester]", "[other]", "[tester] is missing|unknown key 'other'", id="no tester"),
        pytest.param("{statement}|", "", "request lacks {statement}", id="no place for the statement"),
        pytest.param("|code", "{code}", "unknown placeholder {code}", id="unknown placeholder"),
        pytest.param("{input}>", "", "example lacks {input}", id="no place for the input"),
        pytest.param('answer = "A"', 'answer = ""', "[coder] turn 1 has no text 'answer'", id="empty answer"),
        pytest.param('answer = "A"', "answer = 1", "[coder] turn 1 has no text 'answer'", id="number for an answer"),
        pytest.param('output = "2"', 'ouput = "2"', "unknown key 'ouput'", id="mistyped key"),
        pytest.param("[[coder.turns]]", "[coder.turns]", "[coder] turns is no list of tables", id="one table"),
    ],
)
def test_a_mistake_is_said_with_its_place(old: str, new: str, says: str) -> None:
    assert old in FORM
    with pytest.raises(ConfigError) as refused:
        parse_worked_turns(FORM.replace(old, new, 1), "mine.toml")
    assert any(part in str(refused.value) for part in says.split("|"))
    assert str(refused.value).startswith("mine.toml")
    assert "\n" not in str(refused.value)
    assert refused.value.remedy
