"""Budget of bytes that requests hold while they need them; who comes first is served first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Budget:
    """Number of bytes that may be held at once. Belongs to one event loop."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._free = size
        self._freed = asyncio.Event()
        self._turn = asyncio.Lock()  # fair: a large request is not overtaken until it starves

    @asynccontextmanager
    async def hold(self, amount: int) -> AsyncIterator[None]:
        """Wait until `amount` bytes are free, and hold them. Raises ValueError for more than there will ever be."""
        if amount > self.size:
            raise ValueError(f"{amount} bytes of a budget of {self.size}")
        async with self._turn:
            while self._free < amount:
                self._freed.clear()
                await self._freed.wait()
            self._free -= amount
        try:
            yield
        finally:
            self._free += amount
            self._freed.set()
