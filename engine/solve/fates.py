"""Fates of answers: usable, recovered, or the reason why not, in words and with a remedy for the user.

A fate is "ok", "recovered" (only the kind reading understood it), SYNTAX_ERROR or a RejectReason.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.prompts import Program, Rejected, RejectReason, Role, UnitTest, read_program, read_unit_test
from engine.solve.writers import Answer

OK, RECOVERED, SYNTAX_ERROR = "ok", "recovered", "syntax_error"
USABLE = (OK, RECOVERED)
Fates = Mapping[str, int]
"""Number of answers of one role by fate."""


def program_of(answer: Answer, *, in_thought: bool) -> Program | Rejected:
    """Read a coder's answer kindly; the reason of a rejected one is the first that explains it."""
    found = read_program(answer.text, in_thought=in_thought, finished=answer.finished)
    return explained(answer, found) if isinstance(found, Rejected) else found


def unit_test_of(answer: Answer, *, in_thought: bool) -> UnitTest | Rejected:
    """Read a tester's answer, as `program_of`."""
    found = read_unit_test(answer.text, in_thought=in_thought, finished=answer.finished)
    return explained(answer, found) if isinstance(found, Rejected) else found


def fate_of(found: Program | UnitTest | Rejected) -> str:
    if isinstance(found, Rejected):
        return str(found.reason)
    return RECOVERED if found.recovered else OK


_WITHHELD = {"null": RejectReason.NULL, "refusal": RejectReason.REFUSED, "filter": RejectReason.FILTERED}


def explained(answer: Answer, found: Rejected) -> Rejected:
    """Replace a parser's reason by what cut the answer off or withheld it."""
    thinks = found.reason is RejectReason.UNFINISHED_THOUGHT or (answer.reasoning and not answer.text.strip())
    if answer.stopped:
        return Rejected(RejectReason.STOPPED)
    if not answer.finished:
        return Rejected(RejectReason.CUT_OFF_THINKING if thinks else RejectReason.CUT_OFF)
    if answer.withheld in ("refusal", "filter"):
        return Rejected(_WITHHELD[answer.withheld])
    if thinks:
        return Rejected(RejectReason.ONLY_THOUGHT)
    if answer.withheld:
        return Rejected(_WITHHELD[answer.withheld])
    return found if answer.text.strip() else Rejected(RejectReason.EMPTY)


_LONGER = "raise --max-tokens"
_ANOTHER = "use another model"
_FATES: Mapping[str, tuple[str, str]] = {
    RECOVERED: ("recovered from another form", ""),
    SYNTAX_ERROR: ("with a syntax error", _ANOTHER),
    RejectReason.CUT_OFF_THINKING: ("cut off at the token limit while thinking", _LONGER),
    RejectReason.CUT_OFF: ("cut off at the token limit", _LONGER),
    RejectReason.STOPPED: ("unfinished when sampling ended", ""),
    RejectReason.UNCLOSED_BLOCK: ("with a block that never ends", _LONGER),
    RejectReason.UNFINISHED_THOUGHT: ("with a thought that never ends", _LONGER),
    RejectReason.ONLY_THOUGHT: ("with a thought and no answer", "turn the model's thinking off, or use another model"),
    RejectReason.EMPTY: ("empty", "check the model's chat template, or use another model"),
    RejectReason.NULL: ("without any text", "look at the server's log, or use another model"),
    RejectReason.REFUSED: ("refused by the model", _ANOTHER),
    RejectReason.FILTERED: ("withheld by the server's filter", "reword the problem, or use another model"),
    RejectReason.NO_BLOCK: ("without a block of Python", _ANOTHER),
    RejectReason.EMPTY_PROGRAM: ("with an empty program", _ANOTHER),
    RejectReason.NO_INPUT: ("without a test input", _ANOTHER),
    RejectReason.NO_OUTPUT: ("without a test output", _ANOTHER),
    RejectReason.EMPTY_OUTPUT: ("with an empty test output", _ANOTHER),
    RejectReason.AMBIGUOUS: ("with two different outputs", _ANOTHER),
    RejectReason.TOO_LARGE: ("too large", _ANOTHER),
}


def in_words(fates: Fates) -> str:
    """Return the fates but "ok", most frequent first: "3 cut off at the token limit, 1 empty"; "" without any."""
    told = sorted(((count, fate) for fate, count in fates.items() if fate != OK and count), key=lambda pair: -pair[0])
    return ", ".join(f"{count} {words_of(fate)}" for count, fate in told)


def words_of(fate: str) -> str:
    """Return a fate as it is said of an answer: "cut off at the token limit"."""
    return _FATES.get(fate, (fate.replace("_", " "), ""))[0]


def remedies_of(answers: Mapping[Role, Fates]) -> list[str]:
    """Return a remedy for the most frequent fault of each role's answers, unless most of them are usable.

    A remedy of both roles is given once.
    """
    roles: dict[str, list[Role]] = {}
    for role, fates in answers.items():
        faults = {fate: count for fate, count in fates.items() if fate not in USABLE and count}
        if faults and sum(faults.values()) * 2 >= sum(fates.values()):
            _, remedy = _FATES.get(max(faults, key=lambda fate: faults[fate]), ("", _ANOTHER))
            roles.setdefault(remedy, []).append(role)
    return [
        f"{remedy} ({', '.join(f'--{role}' for role in own)})" if remedy.endswith(_ANOTHER) else remedy
        for remedy, own in roles.items()
        if remedy
    ]
