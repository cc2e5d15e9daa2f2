"""Border to servers of other people: bounded requests, typed replies, one rule where a key may go.

replies     typed replies of chat completions; anything else is NotAReply with its reason
"""

from __future__ import annotations

from engine.servers.replies import Finish

__all__ = ["Finish"]
