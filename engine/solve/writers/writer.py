"""Protocol of writers: conversations in, answers out, each as soon as it is complete."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from engine.problems import Problem
from engine.prompts import PromptStyle, Role, Style, build_messages
from engine.seeds import derive_seed
from engine.solve.writers.account import Cost, Reservation

Message: TypeAlias = dict[str, str]
"""Message as in chat templates and chat APIs: "role" and "content"."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Request for `n` answers to one conversation; writers that support seeds draw them from `seed`.

    absent: indices of 0..n-1 that are not asked for: their answers are known already. temperature: None for the role's.
    opening: text with which every answer begins, for a model in this process; servers have no form for it.
    """

    id: str
    role: Role
    messages: tuple[Message, ...]
    n: int
    seed: int
    absent: frozenset[int] = frozenset()
    temperature: float | None = None
    opening: str = ""

    @property
    def indices(self) -> tuple[int, ...]:
        """Indices of the answers to write, ascending."""
        return tuple(index for index in range(self.n) if index not in self.absent)


Withheld: TypeAlias = Literal["", "null", "refusal", "filter"]
"""Reason of a server for an answer without text: content null, a refusal, a content filter; "" for none."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer `index` of 0..n-1. `finished`: False if a limit cut it off. dollars: its price, 0 for local models.

    stopped: it is unfinished because sampling ended. is_counted: False if its server has not said what it cost.
    served: the name that a server gives its model, or "".

    in_thought: the prompt ended within an open thought, so `text` begins inside it. reasoning: the thought that a
    server returns apart from `text`. reservation: the estimate that the answer's cost replaces.
    """

    ask_id: str
    role: Role
    index: int
    text: str
    prompt_tokens: int
    tokens: int
    finished: bool = True
    dollars: float = 0.0
    in_thought: bool = False
    reasoning: str = ""
    withheld: Withheld = ""
    stopped: bool = False
    is_counted: bool = True
    served: str = ""
    reservation: Reservation | None = field(default=None, repr=False, compare=False)

    @property
    def cost(self) -> Cost:
        return Cost(1, self.prompt_tokens, self.tokens, self.dollars, 0 if self.is_counted else 1)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Sign of life while answers are awaited: their number, the age of the oldest, pieces of text that have come.

    note: what delays them ("retry 1 of 5: 429"), or "".
    """

    answers: int
    seconds: float
    pieces: int = 0
    note: str = ""


@runtime_checkable
class Remote(Protocol):
    """Part of a writer whose answers come from a server: they take their time, and are paid."""

    def waiting(self) -> Waiting:
        """Return what is waited for now."""
        ...

    def give_up(self) -> None:
        """End the requests in flight and the iterator of `write`, from any thread."""
        ...


class Writer(Protocol):
    """Model that plays a role. A failure raises CureError; the answers before it stay valid."""

    name: str
    style: Style

    def write(self, asks: Sequence[Ask]) -> Iterator[Answer]:
        """Yield every answer as soon as it is complete, in any order. Closing the iterator ends the writing."""
        ...

    def close(self) -> None:
        """Release model or connection."""
        ...


@runtime_checkable
class Stoppable(Protocol):
    """Writer whose writing can be ended from another thread, with what has come so far."""

    def stop(self) -> None:
        """End the writing under way soon: its iterator yields the unfinished answers, then ends."""
        ...


def first_ask(problem: Problem, prose: str, role: Role, writer: Writer, n: int, seed: int) -> Ask:
    """Build the first question. `prose`: the statement without examples, for which short prompts have no room.

    The statement of a problem file contains its examples already, so none is added.
    """
    asked = replace(problem, statement=prose) if writer.style is PromptStyle.SHORT else problem
    messages = build_messages(asked, role, writer.style, show_example=False)
    return Ask(f"{role}", role, tuple(messages), n, derive_seed(seed, role, problem.id))
