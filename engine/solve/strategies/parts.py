"""Parts that writers play in a strategy, and needs of a strategy."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from engine.prompts import Role
from engine.solve.writers import Ask, Writer


class Part(StrEnum):
    """Part of a writer. Judge and specifier sample with the settings of coder and tester."""

    CODER = "coder"
    TESTER = "tester"
    SPECIFIER = "specifier"
    JUDGE = "judge"

    @property
    def role(self) -> Role:
        """The role whose sampling settings hold."""
        return Role.CODER if self in (Part.CODER, Part.JUDGE) else Role.TESTER


class Need(StrEnum):
    """Condition without which a strategy cannot run."""

    CONVERSATION = "conversation"  # writers that answer more than the two questions of training


class Question(NamedTuple):
    """Question to a writer that plays a part."""

    part: Part
    writer: Writer
    ask: Ask
