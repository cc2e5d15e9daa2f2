"""Typed replies of chat completions."""

from __future__ import annotations

from enum import StrEnum


class Finish(StrEnum):
    """Reason why an answer ended: by itself, at its token limit, by a content filter, in a tool call, or not told."""

    STOP = "stop"
    LENGTH = "length"
    FILTER = "content_filter"
    TOOL = "tool_calls"
    UNKNOWN = "unknown"
