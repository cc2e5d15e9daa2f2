"""Writers with scripted answers; execution, parsing and selection are real."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from engine.errors import CureError
from engine.prompts import PromptStyle
from engine.solve.writers import Answer, Ask

Reply = Callable[[Ask, int], str]


def program(source: str) -> str:
    return f"Let me think.\n\n```python\n{source}\n```\n"


def unit_test(stdin: str, output: str) -> str:
    return f"**Test Input:**\n```\n{stdin}\n```\n\n**Test Output:**\n```\n{output}\n```\n\n**Explanation:**\nso\n"


class ScriptedWriter:
    """Writer whose answer i of an ask is `reply(ask, i)`; it raises `fault` after `before_fault` answers."""

    def __init__(
        self,
        reply: Reply,
        *,
        style: PromptStyle = PromptStyle.FULL,
        fault: CureError | None = None,
        before_fault: int = 0,
        tokens: int = 10,
    ) -> None:
        self.name, self.style = "scripted", style
        self.asks: list[Ask] = []
        self.written = 0
        self._reply, self._fault, self._before_fault = reply, fault, before_fault
        self._tokens = tokens

    def write(self, asks: Sequence[Ask]) -> Iterator[Answer]:
        for ask in asks:
            self.asks.append(ask)
            for index in ask.indices:
                if self._fault is not None and self.written >= self._before_fault:
                    raise self._fault
                self.written += 1
                yield Answer(ask.id, ask.role, index, self._reply(ask, index), 5, self._tokens)

    def close(self) -> None: ...


def answers(*texts: str) -> Reply:
    """Repeat the texts in turn."""
    return lambda ask, index: texts[index % len(texts)]
