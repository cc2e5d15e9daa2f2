"""Family of scripted, deterministic writers for one task, "print twice the number": coder, tester, judge, specifier.

What an answer says depends on the conversation and on its seed alone, so that the family answers the same in this
process (`writer`) and behind the fake server (`handle`), in whatever order it is asked. Characters: `right`; `wrong`,
always in the same few ways; `sloppy`, right two times of three, in forms that only kind reading understands;
`malformed`, without any form; `slow`, right and late; `mixed`, one of the others for each answer.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Sequence
from typing import Any

from engine.problems import IOExample, Problem
from engine.solve.writers import Message
from tests.engine.solve.strategies.scripted import ScriptedWriter, program, unit_test
from tests.engine.solve.writers.fake_server import Reply, completion

TASK = Problem("double", "Read a whole number n. Print twice that number.", (IOExample("4", "8"),), ())
UNTOLD = Problem("double", TASK.statement, (), ())
RIGHT = "print(int(input()) * 2)"
WRONG = ("print(int(input()) ** 2)", "print(int(input()) + 4)", "n = int(input())\nprint(n * 2 if n < 9 else n)")
CHARACTERS = ("right", "wrong", "sloppy", "malformed", "slow")
SLOW_SECONDS = 0.02

_BLOCK = re.compile(r"```\w*\n(.*?)\n```", re.DOTALL)


class Family:
    """Writers of one character. `asked`: the purposes of their questions, in order."""

    def __init__(self, character: str) -> None:
        self.character = character
        self.asked: list[str] = []

    def writer(self, **options: Any) -> ScriptedWriter:
        return ScriptedWriter(lambda ask, index: self.answer(ask.messages, ask.seed + index), **options)

    def handle(self, number: int, request: dict[str, Any]) -> Reply:
        return completion(self.answer(request["messages"], int(request.get("seed", number))))

    def answer(self, messages: Sequence[Message], seed: int) -> str:
        """Return the answer to the last question of a conversation."""
        question = messages[-1]["content"]
        if FORM_AGAIN in question:  # what was asked for says the question before
            question = messages[-3]["content"]
        draw = int.from_bytes(hashlib.sha256(f"{seed % 2**31}/{question}".encode()).digest()[:4], "big")
        character = CHARACTERS[draw % len(CHARACTERS)] if self.character == "mixed" else self.character
        purpose = next((name for words, name in PURPOSES if words in question), "program")
        self.asked.append(purpose)
        if character == "slow":
            time.sleep(SLOW_SECONDS)
        if character == "malformed":
            return "I would rather talk about the weather."
        is_right = character in ("right", "slow") or (character == "sloppy" and draw // 7 % 3 > 0)
        return ANSWERS[purpose](question, draw, is_right, character == "sloppy")


def _a_program(question: str, draw: int, is_right: bool, is_sloppy: bool) -> str:
    source = RIGHT if is_right else WRONG[draw % len(WRONG)]
    return f"Sure!\n\n```\n{source}\n```" if is_sloppy else program(source)


def _a_test(question: str, draw: int, is_right: bool, is_sloppy: bool) -> str:
    number = draw % 20
    output = number * 2 if is_right else number + 4
    if is_sloppy:
        return f"### Test Input\n`{number}`\n\n### Expected Output\n`{output}`"
    return unit_test(str(number), str(output))


def _an_output(question: str, draw: int, is_right: bool, is_sloppy: bool) -> str:
    number = int(_BLOCK.findall(question)[-1])
    return f"So it prints\n```\n{number * 2 if is_right else number + draw % 3}\n```\n"


def _inputs(question: str, draw: int, is_right: bool, is_sloppy: bool) -> str:
    numbers = [draw % 20, draw // 20 % 20, 2] if is_right else [2, 2]
    head = "### Input" if is_sloppy else "**Input {}:**"
    return "Edge cases.\n\n" + "\n\n".join(f"{head.format(place)}\n```\n{n}\n```" for place, n in enumerate(numbers, 1))


def _a_specification(question: str, draw: int, is_right: bool, is_sloppy: bool) -> str:
    check = "int(output) == 2 * int(text)" if is_right else "True" if draw % 2 else "int(output) % 3 == 0"
    return program(
        f"def accepts_input(text):\n    return int(text) >= 0\n\ndef accepts_output(text, output):\n    return {check}"
    )


def _a_turn(question: str, draw: int, is_right: bool, is_sloppy: bool) -> str:
    """Keep or correct the output: a right tester works it out, a wrong one follows the first program."""
    stdin, *printed = _BLOCK.findall(question)
    output = str(int(stdin) * 2) if is_right else (printed or ["0"])[0].strip()
    return unit_test(stdin, output)


def _a_choice(question: str, draw: int, is_right: bool, is_sloppy: bool) -> str:
    """Compare what both programs do: a right judge runs them in its head, a wrong one always takes the first."""
    first, second = (_is_right(source) for source in _BLOCK.findall(question)[:2])
    right = "equal" if first == second else "first" if first else "second"
    choice = right if is_right else "first"
    return f"Choice: {choice.upper()}." if is_sloppy else f"I have worked it out.\n\n**Choice:** {choice}"


def _is_right(source: str) -> bool:
    return source.strip() not in WRONG


def _a_text(question: str, draw: int, is_right: bool, is_sloppy: bool) -> str:
    return "Read n, print 2 n." if is_right else "Read n, print its square."


def _plans(question: str, draw: int, is_right: bool, is_sloppy: bool) -> str:
    ideas = ("double it", "add it to itself", "shift it left") if is_right else ("square it",)
    return "\n\n".join(f"**Plan {place}:**\n```\n{idea}\n```" for place, idea in enumerate(ideas, 1))


def _a_plan(question: str, draw: int, is_right: bool, is_sloppy: bool) -> str:
    return "### Plan\n```\ndouble it\n```" if is_sloppy else "**Plan:**\n```\ndouble it: 4 becomes 8\n```"


def _tests(question: str, draw: int, is_right: bool, is_sloppy: bool) -> str:
    numbers = [draw % 20, draw // 20 % 20, 7]
    return "\n\n".join(
        f"**Test Input {place}:**\n```\n{n}\n```\n\n**Test Output {place}:**\n```\n{n * 2 if is_right else n + 4}\n```"
        for place, n in enumerate(numbers, 1)
    )


FORM_AGAIN = "Give it once more, shortly, and close with"
PURPOSES = (
    ("does not pass this test", "repair"),
    ("Do not write code yet. Say what the program does wrong", "analysis"),
    ("Now write the corrected program by this analysis", "repair"),
    ("and what is easily overlooked", "reflection"),
    ("different ways to solve it", "plans"),
    ("Choose the plan that solves the problem most surely", "plan"),
    ("How could a programmer implement this plan wrongly?", "mistake"),
    ("from easy to hard", "tests"),
    ("Look at every test once more", "tests"),
    ("was run on the problem's examples", "repair"),
    ("Which one is right?", "choice"),
    ("Several programs were run on the input of your test", "turn"),
    ("does not hold a test in the form asked for", "test"),
    ("say what makes an answer right", "specification"),
    ("No outputs are wanted", "inputs"),
    ("work out step by step what a right program prints", "output"),
    ("Write one unit test", "test"),
)
ANSWERS: dict[str, Callable[[str, int, bool, bool], str]] = {
    "program": _a_program,
    "analysis": _a_text,
    "reflection": _a_text,
    "mistake": _a_text,
    "plans": _plans,
    "plan": _a_plan,
    "tests": _tests,
    "repair": _a_program,
    "test": _a_test,
    "output": _an_output,
    "inputs": _inputs,
    "choice": _a_choice,
    "turn": _a_turn,
    "specification": _a_specification,
}
