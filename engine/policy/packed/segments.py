"""Segments of a packed row: prompts, and answers that each continue one of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Segment:
    """Consecutive positions of the flat row that attend causally to themselves and fully to a prefix.

    A prompt has an empty prefix; an answer's prefix is its prompt.
    """

    start: int
    length: int
    prefix_start: int = 0
    prefix_length: int = 0

    @property
    def keys(self) -> int:
        """Number of positions that the segment's last position attends to, itself included."""
        return self.prefix_length + self.length
