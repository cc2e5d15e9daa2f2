"""Codings of replies: what is decoded, of what a server may send though none was asked for.

An HTTP client decodes whatever a library on the machine can. Brotli and Zstandard write a gigabyte in some hundred
bytes, so that one piece from the network could fill the memory before any cap is looked at; gzip and deflate grow a
thousandfold at most.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx2

_DECODED = {"", "identity", "gzip", "deflate"}


def pieces(response: httpx2.Response) -> Iterator[bytes]:
    """Yield the body as it comes, decoded from gzip and deflate, as it was sent in every other coding."""
    return response.iter_bytes() if _is_decoded(response) else response.iter_raw()


def pieces_async(response: httpx2.Response) -> AsyncIterator[bytes]:
    """Yield the body of an asynchronous reply as `pieces` does."""
    return response.aiter_bytes() if _is_decoded(response) else response.aiter_raw()


def _is_decoded(response: httpx2.Response) -> bool:
    return {each.strip().lower() for each in response.headers.get("Content-Encoding", "").split(",")} <= _DECODED
