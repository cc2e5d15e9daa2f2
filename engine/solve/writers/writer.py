"""What a writer takes and gives: conversations in, texts out, each as soon as it is whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

from engine.problems import Problem
from engine.prompts import PromptStyle, Role, build_messages
from engine.seeds import derive_seed

Message: TypeAlias = dict[str, str]
"""As chat templates and chat interfaces have it: "role" and "content"."""


@dataclass(frozen=True, slots=True)
class Ask:
    """`n` answers to one conversation are wanted; whoever can be seeded draws them from `seed`."""

    id: str
    role: Role
    messages: tuple[Message, ...]
    n: int
    seed: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer `index` of 0..n-1. `finished`: False where a limit cut it off. dollars: what it cost, 0 at home."""

    ask_id: str
    role: Role
    index: int
    text: str
    prompt_tokens: int
    tokens: int
    finished: bool = True
    dollars: float = 0.0


class Writer(Protocol):
    """A model that plays a role. One that fails raises CureError; what it has written until then stays."""

    name: str
    style: PromptStyle

    def write(self, asks: Sequence[Ask]) -> Iterator[Answer]:
        """Yield every answer as soon as it is whole, in any order. Closing the iterator ends the writing."""
        ...

    def close(self) -> None:
        """Release model or connection."""
        ...


def first_ask(problem: Problem, prose: str, role: Role, writer: Writer, n: int, seed: int) -> Ask:
    """The opening question. `prose`: the statement's sentences alone, which is all that short prompts have room for.

    The statement of a problem file holds its examples already, so none is shown again.
    """
    asked = replace(problem, statement=prose) if writer.style is PromptStyle.SHORT else problem
    messages = build_messages(asked, role, writer.style, show_example=False)
    return Ask(f"{role}", role, tuple(messages), n, derive_seed(seed, role, problem.id))
