"""Strict parsers of the model's answers: to a program or a unit test, or to the one reason why it is neither.

Both parsers read the text behind the thought (`engine.prompts.thoughts`), take the last attempt, and need time linear
in the answer, whatever text a model at temperature 1 produces. They accept the form that the prompts ask for and little
else, because training teaches it; `engine.prompts.reading` reads more kindly where only the content counts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from engine.prompts.fences import Block, fenced_blocks
from engine.prompts.thoughts import ends_thought

MAX_CHARACTERS = 1_000_000
"""Limit for a program, an input or an output: each goes to n processes and into the archive."""


class RejectReason(StrEnum):
    """Reasons why an answer cannot be executed. The values are stable: the archive stores and counts them."""

    UNFINISHED_THOUGHT = "unfinished_thought"  # <think> without </think>
    NO_BLOCK = "no_block"  # no ```python block
    UNCLOSED_BLOCK = "unclosed_block"  # the last block has no closing fence
    EMPTY_PROGRAM = "empty_program"
    NO_INPUT = "no_input"  # no **Test Input:** followed by a block
    NO_OUTPUT = "no_output"  # no **Test Output:** followed by a block
    EMPTY_OUTPUT = "empty_output"  # a test that expects nothing would pass programs that do nothing
    TOO_LARGE = "too_large"  # above MAX_CHARACTERS
    AMBIGUOUS = "ambiguous"  # two outputs that contradict each other
    # Known to those who sampled the answer, not to a parser:
    CUT_OFF = "cut_off"  # the token limit ended it
    CUT_OFF_THINKING = "cut_off_thinking"  # the token limit ended its thought
    STOPPED = "stopped"  # sampling ended before the answer did
    ONLY_THOUGHT = "only_thought"  # a thought, and no answer behind it
    EMPTY = "empty"  # no text at all
    REFUSED = "refused"  # the server returned a refusal
    FILTERED = "filtered"  # a content filter of the server withheld it
    NULL = "null"  # the server returned null


@dataclass(frozen=True, slots=True)
class Program:
    """Python source that reads standard input and prints. The parser does not compile it; the sandbox does.

    recovered: only the kind reading found it; see `engine.prompts.reading`.
    """

    source: str
    recovered: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class UnitTest:
    """Generated test. `input` may be empty, `output` is never blank, `explanation` is "" where it is missing.

    recovered: only the kind reading found it; see `engine.prompts.reading`.
    """

    input: str
    output: str
    explanation: str = ""
    recovered: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Rejected:
    """Answer that is neither program nor test. It still counts in every denominator: n programs, m tests."""

    reason: RejectReason


def parse_program(text: str, *, in_thought: bool = False) -> Program | Rejected:
    """Read the program in the last ```python block of an answer (```py and ```python3 too, in any case).

    in_thought: the prompt ended within an open thought, so the answer begins after the tag that closes it.
    """
    answer = _without_thought(text, in_thought)
    if answer is None:
        return Rejected(RejectReason.UNFINISHED_THOUGHT)
    last = None
    for block in fenced_blocks(answer):
        if block.is_python:
            last = block
    if last is None:
        return Rejected(RejectReason.NO_BLOCK)
    if not last.closed:
        return Rejected(RejectReason.UNCLOSED_BLOCK)
    if not last.body.strip():
        return Rejected(RejectReason.EMPTY_PROGRAM)
    if len(last.body) > MAX_CHARACTERS:
        return Rejected(RejectReason.TOO_LARGE)
    return Program(last.body)


def parse_unit_test(text: str, *, in_thought: bool = False) -> UnitTest | Rejected:
    """Read the test in the last complete occurrence of the tester's form.

        **Test Input:** + fenced block, **Test Output:** + fenced block, **Explanation:** + text

    Other text may surround the labels, and the explanation may be missing. A later attempt that is incomplete or only
    mentions a label does not replace a complete one. Without a complete one, the reject reason is what the last attempt
    lacks. White space inside the blocks is kept. in_thought: as of `parse_program`.
    """
    answer = _without_thought(text, in_thought)
    if answer is None:
        return Rejected(RejectReason.UNFINISHED_THOUGHT)
    sections = _sections(answer)
    found = _last_complete_form(sections)
    if isinstance(found, Rejected):
        return found
    position, test_input, test_output = found
    follower = sections[position + 2] if position + 2 < len(sections) else None
    explanation = follower.body.strip() if follower is not None and follower.label == _EXPLANATION else ""
    if not test_output.strip():
        return Rejected(RejectReason.EMPTY_OUTPUT)
    if max(len(test_input), len(test_output), len(explanation)) > MAX_CHARACTERS:
        return Rejected(RejectReason.TOO_LARGE)
    return UnitTest(test_input, test_output, explanation)


_INPUT, _OUTPUT, _EXPLANATION = "test input", "test output", "explanation"
_LABEL = re.compile(r"\*\*(Test Input|Test Output|Explanation):\*\*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Section:
    """A label and the text from it to the next label."""

    label: str
    body: str


def _without_thought(text: str, in_thought: bool) -> str | None:
    """Return the text behind its thought; None where a thought never ended."""
    begins = ends_thought(text, in_thought)
    return None if begins is None else text[begins:]


def _sections(answer: str) -> list[_Section]:
    """Split at every label, even inside a block: a block that contains the next label was left open by mistake."""
    _, *rest = _LABEL.split(answer.replace("\r\n", "\n"))
    return [_Section(label.lower(), body) for label, body in zip(rest[::2], rest[1::2], strict=True)]


def _last_complete_form(sections: Sequence[_Section]) -> tuple[int, str, str] | Rejected:
    """Return (index of the input's section, input, output), or what the last attempt lacks. Linear in the answer."""
    reason = None
    for position in reversed(range(len(sections))):
        if sections[position].label != _INPUT:
            continue
        test_input = _first_block(sections[position])
        follower = sections[position + 1] if position + 1 < len(sections) else None
        test_output = _first_block(follower) if follower is not None and follower.label == _OUTPUT else None
        if test_input is not None and test_input.closed and test_output is not None and test_output.closed:
            return position, test_input.body, test_output.body
        reason = reason or _lacking(test_input, test_output)
    return Rejected(reason or RejectReason.NO_INPUT)


def _lacking(test_input: Block | None, test_output: Block | None) -> RejectReason:
    if test_input is None:
        return RejectReason.NO_INPUT
    if test_input.closed and test_output is None:
        return RejectReason.NO_OUTPUT
    return RejectReason.UNCLOSED_BLOCK


def _first_block(section: _Section) -> Block | None:
    return next(fenced_blocks(section.body), None)
