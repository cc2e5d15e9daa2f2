"""Optional fields of a request: all of them, until the server refuses one.

"OpenAI-compatible" servers differ: OpenAI's reasoning models accept no temperature and only the new name of the limit,
other servers only the old one; `vllm serve` refuses a limit longer than its context; some accept no seed.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from engine.sampling import SamplingParams

LIMIT = "limit"
"""Name for the longest answer, whose field differs between servers."""
_LIMIT_NAMES = ("max_tokens", "max_completion_tokens")
_OPTIONAL = ("temperature", "top_p", "seed")
_STREAM_OPTIONS = "stream_options"


@dataclass(frozen=True, slots=True)
class RequestForm:
    """Optional fields to send. limits: names of the limit not refused yet, of which the first is sent, or none.

    streams: answers are asked for piece by piece, with the usage at their end.
    """

    limits: tuple[str, ...] = _LIMIT_NAMES
    streams: bool = True
    left_out: frozenset[str] = frozenset()

    @classmethod
    def new(cls, *, newer_limit_first: bool) -> RequestForm:
        return cls(_LIMIT_NAMES[::-1] if newer_limit_first else _LIMIT_NAMES)

    def fields(self, params: SamplingParams, seed: int) -> dict[str, Any]:
        values = {"temperature": params.temperature, "top_p": params.top_p, "seed": seed}
        fields: dict[str, Any] = {name: value for name, value in values.items() if name not in self.left_out}
        if self.limits:
            fields[self.limits[0]] = params.max_new_tokens
        if self.streams:
            fields["stream"] = True
            if _STREAM_OPTIONS not in self.left_out:
                fields[_STREAM_OPTIONS] = {"include_usage": True}
        return fields

    def without_stream(self, said: str) -> RequestForm | None:
        """Return a form without the field of streaming that a refusal names, None if it names none."""
        if self.streams and _STREAM_OPTIONS not in self.left_out and _names(said, _STREAM_OPTIONS):
            return replace(self, left_out=self.left_out | {_STREAM_OPTIONS})
        return replace(self, streams=False) if self.streams and _names(said, "stream(ing)?") else None

    def without_refused(self, said: str, insisted: Collection[str]) -> RequestForm | None:
        """Return a form without the fields that a refusal names; None if it names none that may be dropped.

        insisted: fields that the user has set, which are not dropped silently (LIMIT may still change its name).
        """
        refused = {name for name in _OPTIONAL if name not in self.left_out and _names(said, name)}
        spared = refused.difference(insisted)
        limits = self.limits
        if limits and _names(said, limits[0]) and not (LIMIT in insisted and len(limits) == 1):
            limits = limits[1:]
        if not spared and limits == self.limits:
            return None
        return replace(self, limits=limits, left_out=self.left_out | spared)


def _names(said: str, field: str) -> bool:
    return re.search(rf"\b{field}\b", said, re.IGNORECASE) is not None
