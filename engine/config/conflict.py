"""Conflict between settings, as the rules return it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Conflict:
    """Reason why a configuration cannot work. `key` is the dotted setting to blame."""

    key: str
    message: str
    remedy: str
