"""Questions whose answers have a form: one that does not hold it is asked for once more, with what was wrong.

The second question continues the conversation, and is reserved, counted and reported like every other. A writer of
short prompts, which cannot converse, is not asked again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

from engine.prompts import Program, PromptStyle, Rejected, RejectReason
from engine.prompts.flow import PROGRAM_FORM, form_messages
from engine.solve.fates import explained, words_of
from engine.solve.strategies.parts import Question
from engine.solve.strategies.session import Ended, Session
from engine.solve.writers import Answer

Value = TypeVar("Value")
_FINAL = (RejectReason.STOPPED, RejectReason.REFUSED, RejectReason.FILTERED)
"""Reasons that a second question does not mend."""


def ask_formed(
    session: Session, questions: Sequence[Question], form: str, read: Callable[[Question, Answer], Value | None]
) -> dict[tuple[str, int], Value]:
    """Ask, and return what was read, by id of the question and index of the answer, in the order of the questions.

    form: what an answer has to hold, such as "a block under **Plan:**". read: called once for every answer. Where the
    budget ends between the two questions, what the first has brought is returned.
    """
    values: dict[tuple[str, int], Value] = {}
    again: dict[str, tuple[Question, int]] = {}
    malformed: list[tuple[int, int, Question, Answer]] = []
    by_id = {question.ask.id: (place, question) for place, question in enumerate(questions)}
    if not questions:
        return values
    with session.ask(*questions) as batch:
        for answer in batch:
            place, question = by_id[answer.ask_id]
            value = read(question, answer)
            if value is not None:
                values[answer.ask_id, answer.index] = value
            else:
                malformed.append((place, answer.index, question, answer))
    repairs = []
    for _, index, question, answer in sorted(malformed, key=lambda each: each[:2]):
        can_converse = question.writer.style is not PromptStyle.SHORT
        if can_converse and (wrong := _wrong_with(answer, form)) is not None:
            repair = _repair(session, question, answer, wrong, form)
            again[repair.ask.id] = question, index
            repairs.append(repair)
    if repairs:
        with suppress(Ended), session.ask(*repairs) as batch:
            for answer in batch:
                question, index = again[answer.ask_id]
                value = read(question, answer)
                if value is not None:
                    values[question.ask.id, index] = value
    return {key: values[key] for key in sorted(values, key=lambda key: (by_id[key[0]][0], key[1]))}


def ask_programs(
    session: Session, questions: Sequence[Question], origins: Mapping[str, tuple[int, str]] | None = None
) -> dict[str, int]:
    """Ask for one program each, put every answer onto the board, and return the rows of programs by question.

    origins: by question, the row that its program is to repair or replace, and why.
    """
    first = max(session.board.samples, default=-1) + 1
    # The order of the questions decides ties, not that of arrival.
    samples = {question.ask.id: first + 2 * place for place, question in enumerate(questions)}

    def add(question: Question, answer: Answer) -> int | None:
        name = question.ask.id
        parent, why = (origins or {}).get(name, (None, ""))
        is_second = answer.ask_id != name
        row = session.add_program(answer, sample=samples[name] + is_second, parent=parent, why=why)
        return row if isinstance(session.board.programs[row], Program) else None

    rows = ask_formed(session, questions, PROGRAM_FORM, add)
    session.settle()
    return {name: row for (name, _), row in rows.items()}


def _repair(session: Session, question: Question, answer: Answer, wrong: str, form: str) -> Question:
    ask = question.ask
    messages = (*ask.messages, *form_messages(answer.text, wrong, form))
    name = f"{ask.id}-{answer.index}-form"
    return session.question(question.part, name, messages, temperature=ask.temperature)


def _wrong_with(answer: Answer, form: str) -> str | None:
    """Return what is wrong with an answer, in a sentence; None for one that is not to be asked for again."""
    reason = explained(answer, Rejected(RejectReason.NO_BLOCK)).reason
    if reason in _FINAL:
        return None
    return f"does not hold {form}" if reason is RejectReason.NO_BLOCK else f"was {words_of(reason)}"
