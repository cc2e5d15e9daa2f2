"""Protocol of writers: conversations in, answers out, each as soon as it is complete."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

from engine.problems import Problem
from engine.prompts import PromptStyle, Role, build_messages
from engine.seeds import derive_seed
from engine.servers import Finish

Message: TypeAlias = dict[str, str]
"""Message as in chat templates and chat APIs: "role" and "content"."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Request for `n` answers to one conversation; writers that support seeds draw them from `seed`."""

    id: str
    role: Role
    messages: tuple[Message, ...]
    n: int
    seed: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer `index` of 0..n-1. finish: why it ended. dollars: its price, 0 for local models.

    reasoning: thoughts that a server sends apart from the text; `text` is empty where the limit cut them off.
    """

    ask_id: str
    role: Role
    index: int
    text: str
    prompt_tokens: int
    tokens: int
    finish: Finish = Finish.STOP
    dollars: float = 0.0
    reasoning: str = ""

    @property
    def finished(self) -> bool:
        return self.finish is not Finish.LENGTH


class Writer(Protocol):
    """Model that plays a role. A failure raises CureError; the answers before it stay valid."""

    name: str
    style: PromptStyle

    def write(self, asks: Sequence[Ask]) -> Iterator[Answer]:
        """Yield every answer as soon as it is complete, in any order. Closing the iterator ends the writing."""
        ...

    def close(self) -> None:
        """Release model or connection."""
        ...


def first_ask(problem: Problem, prose: str, role: Role, writer: Writer, n: int, seed: int) -> Ask:
    """Build the first question. `prose`: the statement without examples, for which short prompts have no room.

    The statement of a problem file contains its examples already, so none is added.
    """
    asked = replace(problem, statement=prose) if writer.style is PromptStyle.SHORT else problem
    messages = build_messages(asked, role, writer.style, show_example=False)
    return Ask(f"{role}", role, tuple(messages), n, derive_seed(seed, role, problem.id))
