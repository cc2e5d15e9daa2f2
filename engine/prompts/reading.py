"""Reading of answers, strict or kind: one entry for all who hand answers to the sandbox.

strict   the form that the prompts ask for (`engine.prompts.answers`): training teaches it
kind     what the answer means: forms that models without that training give; what only this reading finds is marked
         `recovered`. A test that might be misread is rejected: a wrong test costs more than a missing one.
"""

from __future__ import annotations

import re
from enum import StrEnum

from engine.prompts.answers import Program, Rejected, RejectReason, UnitTest, parse_program, parse_unit_test
from engine.prompts.kind_blocks import kind_blocks
from engine.prompts.kind_programs import find_program
from engine.prompts.kind_tests import find_unit_test
from engine.prompts.source_look import look_at
from engine.prompts.thoughts import ends_thought, without_thought


class Reading(StrEnum):
    """Ways to read an answer."""

    STRICT = "strict"
    KIND = "kind"


def read_program(
    text: str, reading: Reading = Reading.KIND, *, in_thought: bool = False, finished: bool = True
) -> Program | Rejected:
    """Read a program.

    in_thought: the prompt ended within an open thought. finished: False if a limit cut the answer off, whose last
    block may then lack its end.
    """
    strict = parse_program(text, in_thought=in_thought)
    if reading is Reading.STRICT or (isinstance(strict, Program) and _is_one_program(text, strict)):
        return strict
    answers = _answers(text, in_thought)
    if not answers:
        return Rejected(RejectReason.UNFINISHED_THOUGHT)
    programs = [found for answer in answers if (found := find_program(answer, finished)) is not None]
    if not programs:
        return strict
    found = next(filter(_reads_and_prints, programs), programs[0])
    return strict if found == strict else found


def read_unit_test(
    text: str, reading: Reading = Reading.KIND, *, in_thought: bool = False, finished: bool = True
) -> UnitTest | Rejected:
    """Read a unit test; the options are those of `read_program`."""
    strict = parse_unit_test(text, in_thought=in_thought)
    if reading is Reading.STRICT or (isinstance(strict, UnitTest) and _is_one_form(text)):
        return strict
    answers = _answers(text, in_thought)
    if not answers:
        return Rejected(RejectReason.UNFINISHED_THOUGHT)
    read = [find_unit_test(answer, finished) for answer in answers]
    found = next((each for each in read if isinstance(each, UnitTest)), read[0])
    if isinstance(found, Rejected):
        return found if found.reason is RejectReason.AMBIGUOUS else strict
    same = isinstance(strict, UnitTest) and (strict.input, strict.output) == (found.input, found.output)
    return strict if same else found


def _reads_and_prints(program: Program) -> bool:
    look = look_at(program.source)
    return look is not None and look.reads and look.writes and not look.fed


def _is_one_program(text: str, program: Program) -> bool:
    """Tell whether there is nothing but one block to read, as in nearly every answer of a trained model."""
    return (
        text.count("```") == 2
        and "~~~" not in text
        and "</" not in text
        and not program.source.lstrip("\n").startswith((" ", "\t"))
    )


def _is_one_form(text: str) -> bool:
    return text.count("```") == 4 and "~~~" not in text and "</" not in text and len(_OUTPUT.findall(text)) == 1


_OUTPUT = re.compile("output", re.IGNORECASE)
_TOKEN = re.compile(r"(?:<\|[^<>|\n]{1,40}\|>|<｜[^<>｜\n]{1,40}｜>|</s>|<eos>|<end_of_turn>|<\|endoftext\|>)\s*$")
_TAIL = 64
_MOST_TOKENS = 8


def _answers(text: str, in_thought: bool) -> list[str]:
    """Return the text behind the thought; two where it holds several closing tags; none where the thought never ended.

    Special tokens of a server that passes them on are left out.
    """
    text = text.replace("\r\n", "\n").removeprefix("\ufeff")
    for _ in range(_MOST_TOKENS):
        found = _TOKEN.search(text, max(0, len(text.rstrip()) - _TAIL))
        if found is None:
            break
        text = text[: found.start()].rstrip(" \t")
    if "</" not in text and "[/" not in text:
        answer = without_thought(text, in_thought, ())
        return [] if answer is None else [answer]
    code = [(block.start, block.end) for block in kind_blocks(text) if block.is_python and look_at(block.body)]
    behind_first = without_thought(text, in_thought, code)
    behind_last = text[ends_thought(text, in_thought) or 0 :]
    return [] if behind_first is None else list(dict.fromkeys((behind_last, behind_first)))
