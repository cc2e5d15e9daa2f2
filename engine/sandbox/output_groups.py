"""Agreement of programs by what they print, not by the tests that they pass; and votes on a test's output.

Two programs that print different wrong outputs fail the same test; they do not agree.
"""

from __future__ import annotations

from collections import Counter

from engine.sandbox.judging import outputs_match
from engine.sandbox.outcome import Outcome, Status

_STATUSES = tuple(Status)


class OutputGroups:
    """Groups of equal outputs under a comparison, numbered from 1 in order of appearance.

    A tolerance makes no equivalence: an output joins the first group whose first member it equals.
    """

    def __init__(self, comparison: str) -> None:
        self._comparison = comparison
        self._known: dict[str, int] = {}
        self.first: list[str] = []

    def number(self, outcome: Outcome) -> int:
        """Return the group of an outcome's output; 0 where the sandbox lost it, a negative number for each error."""
        if outcome.status is Status.OK:
            return self.group(outcome.stdout)
        return 0 if outcome.status is Status.INFRASTRUCTURE else -1 - _STATUSES.index(outcome.status)

    def group(self, output: str) -> int:
        """Return the number of an output's group."""
        # Collapsed texts are a faster key, and decide alone where the comparison collapses white space, too.
        key = " ".join(output.split()) if self._comparison == "whitespace" else output
        found = self._known.get(key)
        if found is None:
            found = self._search(output)
            self._known[key] = found
        return found

    def _search(self, output: str) -> int:
        if self._comparison != "whitespace":
            for number, first in enumerate(self.first, 1):
                if outputs_match(first, output, self._comparison):
                    return number
        self.first.append(output)
        return len(self.first)


class OutputVote:
    """Vote on the output that belongs to an input. The comparison decides which predictions are equal."""

    def __init__(self, comparison: str) -> None:
        self._groups = OutputGroups(comparison)
        self._counts: Counter[int] = Counter()

    def add(self, output: str) -> None:
        self._counts[self._groups.group(output)] += 1

    @property
    def most(self) -> int:
        """Largest number of equal predictions."""
        return max(self._counts.values(), default=0)

    def winner(self, least: int = 1) -> str | None:
        """Return the output with at least `least` votes and more than any other, with its own lines and blanks."""
        first, second = (*self._counts.most_common(2), (0, 0), (0, 0))[:2]
        return self._groups.first[first[0] - 1] if first[1] >= max(1, least) and first[1] > second[1] else None
