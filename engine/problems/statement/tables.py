"""Tables of a statement: columns or rows of inputs and outputs, columns of arguments with their result."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.problems.problem import IOExample
from engine.problems.statement.data import code_text, is_nothing, is_sentence, is_stream, no_data
from engine.problems.statement.labels import Label, label, normal, phrases
from engine.problems.statement.tree import Block, Code, Line, Paragraph, Table, plain

_NAME = re.compile(r"[A-Za-z_]\w*(?:\[\])*")


@dataclass(frozen=True, slots=True)
class TableReading:
    """Examples of a table; `why` says why it holds none or not all, "" where it is about something else.

    is_open: its heads are labels of an input and an output, but no row follows.
    """

    examples: tuple[IOExample, ...] = ()
    why: str = ""
    is_open: bool = False


def read_table(table: Table, *, in_examples: bool) -> TableReading:
    """Read the examples of a table; arguments with their result only below a label that speaks of examples."""
    rows = [row for row in table.rows if any(row)]
    if not rows:
        return TableReading()
    for head in range(min(2, len(rows))):  # a title may stand above the heads
        kinds = [found.kind if (found := cell_label(cell)) else "" for cell in rows[head]]
        inputs, outputs = ([place for place, kind in enumerate(kinds) if kind == side] for side in ("input", "output"))
        if inputs and len(inputs) == len(outputs):
            below = rows[head + 1 :]
            columns = list(zip(inputs, outputs, strict=True))
            return _pairs([(_cell(row, a), _cell(row, b)) for row in below for a, b in columns])
    sides = [(found.kind if (found := cell_label(row[0])) else "", row[1:]) for row in rows]
    kinds = [kind for kind, _ in sides]
    if "input" in kinds and "output" in kinds:
        given, wanted = sides[kinds.index("input")][1], sides[kinds.index("output")][1]
        return _pairs(list(zip(given, wanted, strict=False)))
    names = [_one_line(cell) for cell in rows[0]]
    is_result = normal(names[-1]) in phrases("result")
    if len(names) > 1 and len(rows) > 1 and is_result and all(map(_NAME.fullmatch, names)):
        return _calls(names, rows[1:])
    return TableReading(why="has columns that are not understood" if in_examples else "")


def with_heads(table: Table, above: Table) -> Table:
    """Give a table without heads those of the table above it, if both have as many columns."""
    heads = next((row for row in above.rows if any(map(cell_label, row))), ())
    rows = [row for row in table.rows if any(row)]
    fits = bool(rows) and all(len(row) == len(heads) for row in rows)
    return Table((heads, *rows), table.at) if fits and not any(map(cell_label, rows[0])) else table


def cell_label(cell: Sequence[Block]) -> Label | None:
    """Return the label that a cell is; None for any other cell."""
    line = _line(cell)
    found = label(line) if line else None
    return found if found is not None and found.value is None else None


def _pairs(pairs: Sequence[tuple[Sequence[Block], Sequence[Block]]]) -> TableReading:
    """Read rows of an input and an output. A cell of prose makes all rows doubtful, an unusable one its own."""
    examples: list[IOExample] = []
    lost = ""
    for given, wanted in pairs:
        texts = _data(given), _data(wanted)
        if all(text is not None and re.fullmatch(r"\s*(?:\.{2,}|…|⋮)?\s*", text) for text in texts) and any(texts):
            continue  # "and so on"
        if any(text is not None and is_stream(text) for text in texts):
            return TableReading()
        if texts[0] is None or texts[1] is None:
            return TableReading(why="has a cell that is not plain data")
        if why := no_data(texts[0]) or no_data(texts[1]) or ("" if texts[1] else "is empty"):
            lost = f"has a cell that {why}: its row is left out"
        else:
            examples.append(IOExample(texts[0], texts[1]))
    return TableReading(tuple(examples), lost, is_open=not (examples or lost))


def _calls(names: Sequence[str], rows: Sequence[Sequence[Sequence[Block]]]) -> TableReading:
    examples: list[IOExample] = []
    for row in rows:
        texts = [_data(cell) for cell in row]
        if len(texts) != len(names) or any(not text or text.count("\n") > 1 for text in texts):
            return TableReading(why="has a row that does not fit its heads")
        values = [text.strip() for text in texts if text]
        call = ", ".join(f"{name} = {value}" for name, value in zip(names[:-1], values[:-1], strict=True))
        examples.append(IOExample(call + "\n", values[-1] + "\n"))
    return TableReading(tuple(examples))


def _cell(row: Sequence[Sequence[Block]], place: int) -> Sequence[Block]:
    return row[place] if place < len(row) else ()


def _data(cell: Sequence[Block]) -> str | None:
    """Return the data of a cell, "" for an empty one, None where it is no plain data."""
    if not cell:
        return ""
    if len(cell) > 1:
        return None
    block = cell[0]
    if isinstance(block, Code):
        return code_text(block)
    if not isinstance(block, Paragraph):
        return None
    lines = [_cell_text(line) for line in block.lines]
    if any(line is None or "\\n" in line for line in lines):
        return None
    text = "\n".join(line for line in lines if line is not None)
    if is_nothing(text):
        return ""
    return None if is_sentence(text) else text + "\n"


def _cell_text(line: Line) -> str | None:
    """Return the text of a cell's line, marks of emphasis within it too; None where code and text mix."""
    while len(line) > 2 and line[0].kind == line[-1].kind == "mark" and line[0].text == line[-1].text:
        line = line[1:-1]
    has_code = any(span.kind == "code" for span in line)
    if has_code and len(line) > 1:
        return None
    return "".join(span.text for span in line)


def _one_line(cell: Sequence[Block]) -> str:
    line = _line(cell)
    return plain(line) if line else ""


def _line(cell: Sequence[Block]) -> Line | None:
    block = cell[0] if cell else None
    if len(cell) == 1 and isinstance(block, Paragraph) and len(block.lines) == 1:
        return block.lines[0]
    return None
