"""Forms of answers beyond programs and tests: labelled fenced blocks, and a choice between two.

    **Input 1:** + fenced block, **Input 2:** + fenced block        labelled_blocks(answer, "input")
    **Choice:** first                                               parse_choice(answer)

The last occurrence of a label with its number counts. Labels may be bold, headings or plain, and numbers may be
missing. Reading takes time linear in the answer.
"""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

from engine.prompts.answers import MAX_CHARACTERS
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
    answer = without_thought(text.replace("\r\n", "\n"), in_thought, ()) or ""
    pattern = re.compile((_HEAD + _TAIL).format(label=re.escape(label)), re.IGNORECASE)
    found: dict[int, str] = {}
    for block in kind_blocks(answer):
        lines = [line for line in block.lead.split("\n") if line.strip()]
        head = pattern.match(lines[-1]) if lines else None
        if head is None or not block.closed or len(block.body) > MAX_CHARACTERS:
            continue
        number = int(head["number"]) if head["number"] else max(found, default=0) + 1
        found[number] = block.body
    return [found[number] for number in sorted(found)]


def parse_choice(text: str, *, in_thought: bool = False) -> Choice | None:
    """Return the last choice that an answer makes; None without one."""
    answer = without_thought(text.replace("\r\n", "\n"), in_thought, ()) or ""
    choice: Choice | None = None
    for found in _CHOICE.finditer(answer):
        choice = {"first": "first", "second": "second"}.get(found[1].lower(), "equal")  # type: ignore[assignment]
    return choice
