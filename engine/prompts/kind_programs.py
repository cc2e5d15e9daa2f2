"""Kind reading of a coder's answer: of all that could be the program, the one that is the solution.

The solution is the last whole block that reads input and prints. Blocks behind it that call its functions demonstrate
it; snippets before it explain it. Blocks are never joined.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.prompts.answers import MAX_CHARACTERS, Program
from engine.prompts.kind_blocks import KindBlock, kind_blocks, mended
from engine.prompts.source_look import Look, look_at

_FIRST_LINE = re.compile(
    r"^(?:import \w|from \w+ import |def \w+\(|[\w, ]{1,40}= ?[\w(., ]{0,40}input\()", re.MULTILINE
)
"""First line of a program behind a sentence that introduces it."""
_MOST_BLOCKS = 32
"""Blocks compared, the last ones: an answer with more is a list of snippets."""


def find_program(answer: str, finished: bool) -> Program | None:
    """Return the solution in the text of an answer behind its thought, or None.

    Without one that compiles, a closed Python block is returned all the same: the sandbox says what is wrong with it.
    """
    blocks = list(kind_blocks(answer))
    sources = [
        mended(block.body)
        for block in blocks[-_MOST_BLOCKS:]
        if (block.closed or finished) and len(block.body) <= MAX_CHARACTERS and _may_be_program(block)
    ]
    looks = {source: look for source in sources if (look := look_at(source)) is not None}
    if looks:
        return Program(_solution(sources, looks), recovered=True)
    bare = mended(answer[: blocks[0].start] if blocks else answer).strip("\n")
    first = _FIRST_LINE.search(bare)
    for source in (bare, bare[first.start() :] if first else ""):
        if (look := look_at(source)) is not None and look.writes and (finished or blocks):
            return Program(source, recovered=True)
    broken = [block.body for block in blocks if block.is_python and block.closed and block.body.strip()]
    return Program(broken[-1], recovered=True) if broken and len(broken[-1]) <= MAX_CHARACTERS else None


def _may_be_program(block: KindBlock) -> bool:
    """Tell whether a block is Python by its tag, or by its content where the tag says nothing."""
    if block.is_python:
        return True
    look = look_at(mended(block.body)) if block.is_plain else None
    return look is not None and look.writes


def _solution(sources: Sequence[str], looks: dict[str, Look]) -> str:
    defined_elsewhere = {
        source: frozenset[str]().union(*(other.defines for text, other in looks.items() if text != source))
        for source in looks
    }

    def rank(source: str) -> tuple[bool, bool, bool]:
        look = looks[source]
        is_own = not look.needs & defined_elsewhere[source]  # it calls no function of another block
        return is_own and look.reads and look.writes and not look.fed, is_own and look.writes, is_own

    whole = [source for source in sources if source in looks]
    return max(reversed(whole), key=rank)  # max takes the first of equals: the last block
