"""Prompts of coder and tester: one policy plays both roles, and only these texts tell it which."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

from engine.config.schema import ModelConfig
from engine.problems import IOExample, Problem
from engine.prompts.fences import fence
from engine.prompts.roles import Role
from engine.prompts.worked_turns import WorkedTurns, built_in_turns, parse_worked_turns

EXAMPLE_CHARACTERS = 4_000
"""Limit for a public example in the prompt: a longer one costs context and shows no more than a short one."""


class PromptStyle(StrEnum):
    """Styles of a prompt.

    `full` instructs a chat model; `short` is the form that nano was pretrained on; `shots` puts the built-in worked
    turns in front of the task, for a model too small to follow instructions.
    """

    FULL = "full"
    SHORT = "short"
    SHOTS = "shots"


Style: TypeAlias = PromptStyle | WorkedTurns
"""Style of a prompt; worked turns of one's own are the style `shots` with other turns."""


def style_of(model: ModelConfig) -> Style:
    """Return the style that a run's settings ask for. Raises ConfigError for worked turns that cannot be read."""
    style = PromptStyle(model.prompt_style)
    if style is PromptStyle.SHOTS and model.prompt_text:
        return parse_worked_turns(model.prompt_text, model.prompt_file or "model.prompt_text")
    return style


_CODER = """\
Solve the following programming problem in Python.

{statement}
{example}
How to answer
- Think before you code: settle how the input is laid out, which approach fits its size, which edge cases \
matter.
- Then give one complete program in a single block that opens with ```python and closes with ```. If you \
write several, only the last one is run.
- The program takes its data with input() and shows its result with print(), in exactly the layout that \
the problem describes. It prints nothing else, no prompts and no labels.
- It is judged on inputs that you cannot see, so it has to work out every answer from what it reads. Do \
not write the values of an example into the code.
"""

_TESTER = """\
Write one unit test for the following programming problem. You do not have to solve the problem in code.

{statement}
{example}
What makes a good test
- It is correct: the input obeys the problem's format and limits, and the output is exactly what a right \
program prints.
- It is revealing: a program with a plausible mistake would print something else. Look for the edge cases \
and the misreadings that trip people up.
- It is new: not an example that the problem already gives.
- You can be sure of it: choose an input whose answer you can work out by hand without slipping.

How to answer
First reason step by step: which mistake the test is to catch, which input shows it, and how the expected \
output follows from that input. Then close with exactly this form. If it appears more than once, only the \
last one counts.

**Test Input:**
```
everything the program reads, as it would be typed
```

**Test Output:**
```
everything the program must print, and nothing more
```

**Explanation:**
why this output is right, in a few sentences
"""

_EXAMPLE = """
An example of the format

Input:
{input}

Output:
{output}
"""


def build_messages(problem: Problem, role: Role, style: Style, show_example: bool) -> list[dict[str, str]]:
    """Build the chat messages for the chat template: one user message, after the worked turns if the style has some.

    There is no system message: some chat templates refuse one and others bring their own. `show_example` includes the
    first public example of at most EXAMPLE_CHARACTERS. The short style ignores it: nano saw no examples in pretraining.
    Hidden tests are never read.
    """
    if style is PromptStyle.SHORT:
        prefix = "Code: " if role is Role.CODER else "Test: "
        return [{"role": "user", "content": prefix + problem.statement}]
    example = _shown_example(problem) if show_example else None
    if style is PromptStyle.SHOTS:
        style = built_in_turns()
    if isinstance(style, WorkedTurns):
        return style.messages(role, problem.statement, example, show_example)
    form = _CODER if role is Role.CODER else _TESTER
    shown = "" if example is None else _EXAMPLE.format(input=fence(example.input), output=fence(example.output))
    content = form.format(statement=problem.statement.strip(), example=shown)
    return [{"role": "user", "content": content.strip()}]


def _shown_example(problem: Problem) -> IOExample | None:
    return next((each for each in problem.public if len(each.input) + len(each.output) <= EXAMPLE_CHARACTERS), None)
