"""Border to servers of other people, and of our servers to their clients: bounded, typed, one rule where a key may go.

client      HTTP client of one address: a deadline for the whole request, a cap on its bytes, no strange redirects
codings     what is decoded of a compressed reply
addresses   addresses of servers, shown without a password
replies     typed replies of chat completions; anything else is NotAReply with its reason
settings    endpoints.toml: keys and limits of addresses, and the rule which key an address gets
background  an event loop in a thread of its own, for synchronous callers
connections bounded connections to a server of ours, the names it may be asked by, its port (needs aiohttp)
"""

from __future__ import annotations

from engine.servers.replies import Finish

__all__ = ["Finish"]
