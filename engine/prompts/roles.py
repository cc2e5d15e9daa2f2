"""Roles of the policy."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """The two roles of the policy."""

    CODER = "coder"
    TESTER = "tester"
