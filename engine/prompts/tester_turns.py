"""Further turns of a tester's conversation: what programs print on its input, and a reminder of the form."""

from __future__ import annotations

from collections.abc import Sequence

from engine.prompts.dialogue import shortened
from engine.prompts.fences import fence

_FORM = """\
Close with the test in exactly the form that was asked for first: **Test Input:** and **Test Output:**, each with a \
fenced block, and **Explanation:**.
"""

_FEEDBACK = """\
Several programs were run on the input of your test. They are attempts at the problem, and any of them may be wrong.

Input:
{stdin}

What they did:
{outputs}
{occurs}

Work out the output for this input once more, step by step, from the problem's text alone. Then decide: keep the test; \
correct its output; or, if this input does not tell the programs apart, replace it by one on which they would differ. \
Do not follow the programs: most of them may be wrong.

{form}"""

_AIMED = """
The following program does not solve the problem: on some inputs it prints something wrong.

{source}

First say by which error pattern it goes wrong, and on what inputs. Aim the test at such an input: a right program \
prints something else there than this one.
"""

_REMINDER = "Your answer does not hold a test in the form asked for.\n\n" + _FORM


def feedback_messages(
    answer: str, stdin: str, outputs: Sequence[tuple[str, int]], *, occurs: bool, show_counts: bool
) -> tuple[dict[str, str], ...]:
    """Continue with the tester's answer and what programs print on its input.

    outputs: each once, with the number of programs that print it. occurs: whether the test's own output is among them.
    """
    lines = [
        f"{number}. printed{f' by {count}' if show_counts else ''}:\n{fence(shortened(printed))}"
        for number, (printed, count) in enumerate(outputs, 1)
    ]
    said = "The output of your test is among them." if occurs else "The output of your test is not among them."
    request = _FEEDBACK.format(
        stdin=fence(shortened(stdin)), outputs="\n".join(lines) or "None of them ended well.", occurs=said, form=_FORM
    )
    return _turn(answer, request)


def aimed_messages(first: Sequence[dict[str, str]], source: str) -> tuple[dict[str, str], ...]:
    """Add a program that is said to be wrong to the last message of a tester's first question."""
    *before, last = first
    content = f"{last['content'].rstrip()}\n{_AIMED.format(source=fence(shortened(source)))}"
    return (*before, last | {"content": content.strip()})


def reminder_messages(answer: str) -> tuple[dict[str, str], ...]:
    """Continue with an answer that holds no test, and ask for the form."""
    return _turn(answer, _REMINDER)


def _turn(answer: str, request: str) -> tuple[dict[str, str], ...]:
    return {"role": "assistant", "content": answer}, {"role": "user", "content": request.strip()}
