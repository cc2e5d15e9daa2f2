"""Agreement of programs by what they print, not by the tests that they pass.

Two programs that print different wrong outputs fail the same test; they do not agree.
"""

from __future__ import annotations

from engine.sandbox import outputs_match


class OutputGroups:
    """Groups of equal outputs under a comparison, numbered from 1 in order of appearance.

    A tolerance makes no equivalence: an output joins the first group whose first member it equals.
    """

    def __init__(self, comparison: str) -> None:
        self._comparison = comparison
        self._known: dict[str, int] = {}
        self.first: list[str] = []

    def group(self, output: str) -> int:
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
