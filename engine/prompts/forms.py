"""Forms of answers beyond programs and tests: labelled fenced blocks, and a choice between two.

    **Input 1:** + fenced block, **Input 2:** + fenced block        labelled_blocks(answer, "input")
    **Test Input 1:** + block, **Test Output 1:** + block           numbered_tests(answer)
    **Choice:** first                                               parse_choice(answer)

The last occurrence of a label with its number counts. Labels may be bold, headings or plain, and numbers may be
missing. Reading takes time linear in the answer.
"""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

from engine.prompts.answers import MAX_CHARACTERS, UnitTest
from engine.prompts.kind_blocks import kind_blocks
from engine.prompts.thoughts import without_thought

Choice: TypeAlias = Literal["first", "second", "equal"]

_HEAD = r"^[ \t>]{{0,8}}(?:[-*+][ \t]+|#{{1,6}}[ \t]*)?(?:\*\*|__)?[ \t]?(?:test[ \t]+)?{label}"
_TAIL = r"(?:[ \t]*#?[ \t]*(?P<number>\d{{1,2}}))?[ \t]*[:：]?[ \t]*(?:\*\*|__)?[ \t]*[:：]?[ \t]*$"
_CHOICE = re.compile(r"\bchoice\b[ \t:：*_`]{0,12}\n?[ \t`*]{0,8}(?:the[ \t]+)?(first|second|equal)\b", re.IGNORECASE)


def labelled_blocks(text: str, label: str, *, in_thought: bool = False) -> list[str]:
    """Return the blocks behind a label, by their numbers; without a number, in their order.

    in_thought: the prompt ended within an open thought; an answer that never ends it holds nothing.
    """
    found = _numbered(behind_thought(text, in_thought=in_thought), label)
    return [found[number] for number in sorted(found)]


def numbered_tests(text: str, *, in_thought: bool = False) -> list[UnitTest]:
    """Return the tests whose input and output stand under the same number, each input once, by their numbers."""
    answer = behind_thought(text, in_thought=in_thought)
    inputs, outputs = _numbered(answer, "input"), _numbered(answer, "output")
    tests: dict[str, UnitTest] = {}
    for number in sorted(inputs.keys() & outputs.keys()):
        if outputs[number].strip():
            tests.setdefault(inputs[number], UnitTest(inputs[number], outputs[number]))
    return list(tests.values())


def behind_thought(text: str, *, in_thought: bool = False) -> str:
    """Return an answer without its thought; "" where the thought never ends."""
    return without_thought(text.replace("\r\n", "\n"), in_thought, ()) or ""


def parse_choice(text: str, *, in_thought: bool = False) -> Choice | None:
    """Return the last choice that an answer makes; None without one."""
    answer = behind_thought(text, in_thought=in_thought)
    choice: Choice | None = None
    for found in _CHOICE.finditer(answer):
        choice = {"first": "first", "second": "second"}.get(found[1].lower(), "equal")  # type: ignore[assignment]
    return choice


def _numbered(answer: str, label: str) -> dict[int, str]:
    """Return the blocks behind a label by their numbers; one without a number follows those before it."""
    pattern = re.compile((_HEAD + _TAIL).format(label=re.escape(label)), re.IGNORECASE)
    found: dict[int, str] = {}
    for block in kind_blocks(answer):
        lines = [line for line in block.lead.split("\n") if line.strip()]
        head = pattern.match(lines[-1]) if lines else None
        if head is None or not block.closed or len(block.body) > MAX_CHARACTERS:
            continue
        number = int(head["number"]) if head["number"] else max(found, default=0) + 1
        found[number] = block.body
    return found
