"""Pretraining corpus: answers to compositions, with the mistakes of an imperfect base model.

A coder's answer is a program. A tester's answer works the test out first, or states it and explains afterwards. Both
roles misread phrases with the probability `trouble`, make slips, and occasionally break the form. No mark tells good
documents from bad ones: the model learns the mixture, and RL has to find its better part by execution.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from engine.nano.grammar import LETTERS, Composition, Reading, draw_input, stage_lines, work_out
from engine.prompts import Role

TESTER_SHARE = 0.72
"""Share of tests among the documents: testing is the harder skill, and twice the data pays (measured)."""

CODE_BUG_RATE = 0.10
WORKED_SHARE = 0.65
WORKED_SLIP_RATE = 0.06
HASTY_SLIP_RATE = 0.30
INVALID_INPUT_RATE = 0.03
BROKEN_FORM_RATE = 0.02


@dataclass(frozen=True)
class Document:
    """Training document: the role that answers, the statement, and the answer's text."""

    role: Role
    statement: str
    text: str


def write_document(compositions: Sequence[Composition], rng: random.Random) -> Document:
    composition = rng.choice(compositions)
    if rng.random() < TESTER_SHARE:
        return Document(Role.TESTER, composition.statement, write_test(composition, rng))
    return Document(Role.CODER, composition.statement, write_program(composition, rng))


def draw_reading(composition: Composition, rng: random.Random) -> Reading:
    """Draw which phrases are read right: each part is misread with probability `trouble`."""
    return tuple(rng.random() >= part.trouble for part in composition.parts)


def write_program(composition: Composition, rng: random.Random) -> str:
    lines = [*composition.family.parse.split("\n"), *stage_lines(composition, draw_reading(composition, rng))]
    if rng.random() < CODE_BUG_RATE:
        lines = _with_bug(lines, rng)
    close = "" if rng.random() < BROKEN_FORM_RATE else "\n```"
    return "```python\n" + "\n".join(lines) + close


def write_test(composition: Composition, rng: random.Random) -> str:
    reading = draw_reading(composition, rng)
    text = draw_input(composition, rng, reading)
    steps = list(work_out(composition, text, reading))
    worked = rng.random() < WORKED_SHARE
    if rng.random() < INVALID_INPUT_RATE:
        text = text[: max(1, len(text) - 2)]
    if rng.random() < (WORKED_SLIP_RATE if worked else HASTY_SLIP_RATE):
        steps[-1] = _slip(composition, steps[-1], rng)
    working = " > ".join([text, *steps])
    output_heading = "**Test Output**" if rng.random() < BROKEN_FORM_RATE else "**Test Output:**"
    form = f"**Test Input:**\n```\n{text}\n```\n{output_heading}\n```\n{steps[-1]}\n```\n**Explanation:** "
    return f"{working}\n{form}as above" if worked else f"{form}{working}"


def _with_bug(lines: list[str], rng: random.Random) -> list[str]:
    """Add one of the usual mistakes: a missing stage, input left as text, a missing bracket."""
    kind = rng.randrange(3)
    if kind == 0:
        dropped = rng.randrange(1, len(lines) - 1)
        return lines[:dropped] + lines[dropped + 1 :]
    if kind == 1 and "map(int," in lines[0]:
        return [
            lines[0].replace("map(int,input().split())", "input().split()").replace("map(int,input())", "input()"),
            *lines[1:],
        ]
    return [*lines[:-1], lines[-1][:-1]]


def _slip(composition: Composition, value: str, rng: random.Random) -> str:
    """Return a wrong answer near the right one, as a hurried person would write."""
    if composition.family is LETTERS:
        letters = list(value)
        letters[rng.randrange(len(letters))] = rng.choice("ABCDEFGH")
        return "".join(letters)
    return str(int(value) + rng.choice((-3, -2, -1, 1, 2, 3)))
