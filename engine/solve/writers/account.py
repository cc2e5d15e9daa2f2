"""Account of what answers cost: paid ones, and estimates for requests whose end nobody has seen.

A server is paid for each request it has begun, whether its answer is waited for or not. So every request reserves its
cost before it is sent and settles it when the answer is here; a limit compares with both together.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

_TOLERANCE = 1e-9
"""Dollars: sums of prices are not exact."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of answers: their number, tokens of prompts and of answers, dollars.

    uncounted: answers among them whose server has not said what they cost.
    """

    answers: int = 0
    prompt_tokens: int = 0
    tokens: int = 0
    dollars: float = 0.0
    uncounted: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.answers + other.answers,
            self.prompt_tokens + other.prompt_tokens,
            self.tokens + other.tokens,
            self.dollars + other.dollars,
            self.uncounted + other.uncounted,
        )

    def __sub__(self, other: Cost) -> Cost:
        return self + Cost(-other.answers, -other.prompt_tokens, -other.tokens, -other.dollars, -other.uncounted)

    def beyond(self, tokens: int | None, dollars: float | None, *, at: bool = False) -> str:
        """Return the limit that the cost passes (with `at`: reaches), in words, or ""; None for no limit."""
        if tokens is not None and self.prompt_tokens + self.tokens + at > tokens:
            return f"{tokens} tokens"
        if dollars is not None and self.dollars + (_TOLERANCE if at else -_TOLERANCE) > dollars:
            return f"${dollars:g}"
        return ""


@dataclass(eq=False, slots=True)
class Reservation:
    """Estimated cost of a request under way; the real one between its answer and its settling."""

    cost: Cost


@dataclass(slots=True)
class Account:
    """Account of a whole command, for several threads. tokens, dollars: its limits, None for none.

    paid: settled costs. lost: estimates for requests that were given up, and may be paid all the same. closed: no
    further request may begin. full: the limit, in words, that left no room for a request when none was under way.
    """

    tokens: int | None = None
    dollars: float | None = None
    paid: Cost = Cost()
    lost: Cost = Cost()
    closed: bool = False
    full: str = ""
    _under_way: set[Reservation] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reserve(self, cost: Cost, *, is_known: bool) -> Reservation | None:
        """Reserve the cost of a request; None if it would pass a limit together with those under way.

        is_known: an answer has cost so much before. The first one has to be tried, whatever it may cost, but alone.
        """
        with self._lock:
            if self.closed or self.full:
                return None
            spent = self.paid + self.lost
            beyond = sum((each.cost for each in self._under_way), spent + cost).beyond(self.tokens, self.dollars)
            if beyond and (self._under_way or is_known or spent.beyond(self.tokens, self.dollars, at=True)):
                if not self._under_way:
                    self.full = beyond
                return None
            reservation = Reservation(cost)
            self._under_way.add(reservation)
            return reservation

    def settle(self, reservation: Reservation | None, cost: Cost) -> None:
        """Count a cost that is known, in place of its estimate. Without a reservation, only count it."""
        with self._lock:
            if reservation is not None:
                if reservation not in self._under_way:
                    return  # given up before, and counted then
                self._under_way.remove(reservation)
            self.paid += cost

    def give_up(self, reservation: Reservation) -> None:
        """Count the estimate of a request that the server may have begun."""
        with self._lock:
            if reservation in self._under_way:
                self._under_way.remove(reservation)
                self.lost += reservation.cost

    def give_all_up(self) -> None:
        for reservation in tuple(self._under_way):
            self.give_up(reservation)

    def free(self, reservation: Reservation) -> None:
        """Forget the estimate of a request that the server has refused."""
        with self._lock:
            self._under_way.discard(reservation)

    @property
    def is_limited(self) -> bool:
        return self.tokens is not None or self.dollars is not None

    @property
    def waits(self) -> bool:
        """Tell whether requests are under way, whose answers are paid already."""
        return bool(self._under_way)
