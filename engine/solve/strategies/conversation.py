"""Conversations that grow from round to round: what a program did, in words, and their bound."""

from __future__ import annotations

from engine.sandbox import Outcome, Status
from engine.solve.writers import Message

CONTEXT_CHARACTERS = 24_000
"""Longest conversation: of a longer one the oldest rounds are left out."""

_HAPPENED = {
    Status.OK: "it printed something else",
    Status.RUNTIME_ERROR: "it ended with an error",
    Status.TIME_LIMIT: "it ran out of time",
    Status.MEMORY_LIMIT: "it ran out of memory",
    Status.OUTPUT_LIMIT: "it printed far too much",
    Status.CRASH: "it crashed",
    Status.COMPILE_ERROR: "it is not valid Python",
}


def cut(conversation: tuple[Message, ...], most: int) -> tuple[Message, ...]:
    """Leave out the oldest rounds, each an answer and a question, of a conversation that is too long; keep the last."""
    while len(conversation) > 2 and sum(len(message["content"]) for message in conversation) > most:
        conversation = conversation[2:]
    return conversation


def happened(outcome: Outcome) -> str:
    """Return what a program did that has not passed a test, in words."""
    said = _HAPPENED.get(outcome.status, "it failed")
    last_line = outcome.stderr_tail.strip().rpartition("\n")[2]
    return f"{said} ({last_line})" if last_line else said
