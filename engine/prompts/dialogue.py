"""Prompts beyond the first answer: repair a program, work out the output for one input."""

from __future__ import annotations

from engine.problems import Problem
from engine.prompts.answers import MAX_CHARACTERS
from engine.prompts.fences import fence
from engine.prompts.kind_blocks import kind_blocks
from engine.prompts.thoughts import without_thought

_SHOWN_CHARACTERS = 2_000
"""Length limit of an input or output in a repair prompt: enough to see the mistake, however much a program prints."""

_REPAIR = """\
Your program does not pass this test.

Input:
{input}

Expected output:
{expected}

What your program did: {happened}
{got}
First find out where the program goes wrong. Should the test contradict the problem, say so and keep the program as it \
is. Then give the whole corrected program in one block that opens with ```python and closes with ```. Do not write the \
values of the test into it.
"""

_REVERTED = """\
This program passes fewer tests than the one before it. Go back to the one before, which does not pass this test.
"""

_OUTPUT = """\
Read the following programming problem. You do not have to solve it in code.

{statement}

For the input below, work out step by step what a right program prints. Then close with that output, exactly as it \
must be printed and nothing else, in one fenced block.

Input:
{input}
"""


def repair_messages(
    before: tuple[dict[str, str], ...],
    source: str,
    stdin: str,
    expected: str,
    happened: str,
    stdout: str,
    *,
    is_reverted: bool = False,
) -> tuple[dict[str, str], ...]:
    """Continue the conversation with the program as the model's own answer and the test that it fails.

    happened: in words ("printed something else", "hit the time limit"). stdout: output up to then. is_reverted:
    `source` made things worse, and the test is one that the program before it fails.
    """
    got = f"It printed:\n{fence(shortened(stdout))}\n" if stdout.strip() else ""
    request = _REPAIR.format(
        input=fence(shortened(stdin)), expected=fence(shortened(expected)), happened=happened, got=got
    )
    if is_reverted:
        request = _REVERTED + request.partition("\n")[2]
    answer = f"```python\n{source.strip()}\n```"
    return (*before, {"role": "assistant", "content": answer}, {"role": "user", "content": request.strip()})


def output_messages(problem: Problem, stdin: str) -> tuple[dict[str, str], ...]:
    """Ask a tester for the output that belongs to one input."""
    content = _OUTPUT.format(statement=problem.statement.strip(), input=fence(stdin))
    return ({"role": "user", "content": content.strip()},)


def output_opening(stdin: str) -> str:
    """Begin the answer of a tester with short prompts, which answers no other question, so that it is about `stdin`.

    Such a tester works its test out before it states it, and the working begins with the input.
    """
    return f"{stdin.strip()} >"


def parse_output(text: str, *, in_thought: bool = False) -> str | None:
    """Read the last closed fenced block of the answer; None without one, or where it is blank or too large.

    in_thought: the prompt ended within an open thought; an answer that never ends it holds no output.
    """
    answer = without_thought(text.replace("\r\n", "\n"), in_thought, ())
    last = None
    for block in kind_blocks(answer or ""):
        if block.closed:
            last = block.body
    return last if last is not None and last.strip() and len(last) <= MAX_CHARACTERS else None


def shortened(text: str) -> str:
    """Return a text that is short enough for a prompt: of a long one the beginning and the end."""
    if len(text) <= _SHOWN_CHARACTERS:
        return text
    half = _SHOWN_CHARACTERS // 2
    return f"{text[:half]}\n... ({len(text) - 2 * half} characters left out) ...\n{text[-half:]}"
