"""Parts of a document: several problems in one text, and solutions below a problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.problems.statement.examples import find_examples
from engine.problems.statement.labels import label
from engine.problems.statement.prose import prose_of
from engine.problems.statement.sections import sections
from engine.problems.statement.tree import Block, Document, Heading


def problem_parts(document: Document) -> list[Document]:
    """Split a document at the highest headings below which two or more parts have examples of their own."""
    main = document.main
    marked = [part for part in document.parts if _is_problem(document, part)]
    if len(marked) > 1:
        return [replace(document, blocks=part, main=part, parts=()) for part in marked]
    for level in range(1, 4):
        starts = [
            place
            for place, block in enumerate(main)
            if isinstance(block, Heading) and block.level == level and is_title(block)
        ]
        if len(starts) < 2:
            continue
        ends = [*starts[1:], len(main)]
        parts = [replace(document, blocks=part, main=part) for start, end in zip(starts, ends, strict=True)
                 if _is_problem(document, part := main[start:end])]  # fmt: skip
        if len(parts) > 1:
            return parts
    return [document]


def is_title(block: Heading) -> bool:
    """Tell a problem's title from the label of one of its parts."""
    named = label(block.line)
    return named is None or (named.kind == "statement" and named.number is not None)


def without_solutions(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """Leave out the parts below headings such as `Solution`: the models are to find it."""
    kept: list[Block] = []
    level = 0
    for block in blocks:
        if isinstance(block, Heading):
            named = label(block.line)
            if level and block.level <= level:
                level = 0
            if not level and named is not None and named.kind == "solution":
                level = block.level
        if not level:
            kept.append(block)
    return tuple(kept)


def _is_problem(document: Document, part: tuple[Block, ...]) -> bool:
    found = sections(document, without_solutions(part))
    return bool(find_examples(found, document).examples and prose_of(found))
