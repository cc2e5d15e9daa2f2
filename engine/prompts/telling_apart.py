"""Prompts that tell programs apart by inputs and by a judge, and that repair a program by all examples at once."""

from __future__ import annotations

from collections.abc import Sequence

from engine.problems import Problem
from engine.prompts.dialogue import shortened
from engine.prompts.fences import fence

Messages = tuple[dict[str, str], ...]

_FORM = """\
Close with the inputs, each in exactly this form, numbered from 1:

**Input 1:**
```
everything the program reads, as it would be typed
```
"""

_INPUTS = """\
Read the following programming problem. You do not have to solve it.

{statement}

Write {count} test inputs on which plausible but wrong programs fail: edge cases, intricate cases, misreadings. They \
obey the problem's format and limits, and none is very long. No outputs are wanted. First say what each is to catch.

{form}"""

_APART = """\
Read the following programming problem, and two programs for it that do not always print the same.

{statement}

First program:
{first}

Second program:
{second}

Find out where the two differ. Then write {count} short inputs, within the problem's format and limits, on which they \
print different outputs. No outputs are wanted.

{form}"""

_JUDGE = """\
Two programs are to solve the following problem. Which one is right?

{statement}

First program:
{first}

Second program:
{second}

{shown}Work out yourself what a right program prints, and compare. Then close with one line, in exactly this form: the \
word first, second, or equal if both are right or both are wrong.

**Choice:** first
"""

_CASE = "Input:\n{stdin}\nThe first program printed:\n{first}\nThe second program printed:\n{second}\n"

_EXAMPLES = """\
Your program was run on the problem's examples.

{cases}
Say why it fails, step by step. Then give the whole corrected program in one block that opens with ```python and \
closes with ```. It must work out every answer from what it reads: do not write an example's values into it.
"""


def inputs_messages(problem: Problem, count: int) -> Messages:
    """Ask for inputs on which wrong programs fail."""
    return _user(_INPUTS.format(statement=problem.statement.strip(), count=count, form=_FORM))


def apart_messages(problem: Problem, first: str, second: str, count: int) -> Messages:
    """Ask for inputs on which two programs differ."""
    return _user(
        _APART.format(
            statement=problem.statement.strip(), first=fence(first), second=fence(second), count=count, form=_FORM
        )
    )


def judge_messages(problem: Problem, first: str, second: str, shown: Sequence[tuple[str, str, str]]) -> Messages:
    """Ask which of two programs is right. shown: inputs with what each program printed on them."""
    cases = "\n".join(
        _CASE.format(stdin=fence(shortened(stdin)), first=fence(shortened(one)), second=fence(shortened(other)))
        for stdin, one, other in shown
    )
    return _user(
        _JUDGE.format(
            statement=problem.statement.strip(),
            first=fence(first),
            second=fence(second),
            shown=f"{cases}\n" if cases else "",
        )
    )


def examples_messages(before: Messages, answer: str, results: Sequence[tuple[str, str, str, bool]]) -> Messages:
    """Continue a coder's conversation with its answer and what came of it.

    results: of each example its input, its output, what happened, and whether it is passed.
    """
    cases = []
    for number, (stdin, output, got, passed) in enumerate(results, 1):
        if passed:
            cases.append(f"Example {number}: passed.\n")
        else:
            cases.append(
                f"Example {number}: failed.\nInput:\n{fence(shortened(stdin))}\nExpected output:\n"
                f"{fence(shortened(output))}\nWhat your program did: {shortened(got)}\n"
            )
    request = _EXAMPLES.format(cases="\n".join(cases))
    return (*before, {"role": "assistant", "content": answer}, *_user(request))


def _user(content: str) -> Messages:
    return ({"role": "user", "content": content.strip()},)
