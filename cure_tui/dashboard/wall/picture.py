"""Wall of live rollouts: what coder and tester are writing now, as a grid of panes with the ends of their texts.

    wall_rows   slots -> exactly `rows` rows of exactly `columns` columns

A pane is a line about the answer (state or verdict, role, task, score, tokens) and the last lines of its text. If not
all answers fit, several share a pane, which shows one that is still being sampled if there is any. Their slots alone
decide which answers share a pane, so no pane jumps when another answer ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cure_tui.dashboard.matrix.reading import CellStatus, Standing
from cure_tui.drawing.spans import Row, Span, fit, one_column, width
from engine.runs.live import LiveSlot

NOTHING = "nothing is being sampled"
SAMPLING, TRUNCATED = "sampling", "truncated"
MAX_PANE_COLUMNS = 4
MIN_PANE_WIDTH = 24
MIN_PANE_HEIGHT = 3
_MIN_NAME_WIDTH = 4
# A larger pane is not more readable: programs are narrow, and the end of a text shows best how it is going.
_USEFUL_WIDTH, _USEFUL_LINES = 60, 12
# A pane this wide names the verdict in a word. The width alone decides, so that the panes of a grid look alike.
_WORDY_WIDTH = 44
_LINE_NAME_WIDTH = 16
LINE_END = "↵"
_ROLES = {"coder": "◆", "tester": "◇"}


@dataclass(frozen=True)
class _Sign:
    """State or verdict of an answer: its word, glyph and style."""

    word: str
    glyph: str
    style: str


def _standing(sign: Standing, word: str = "") -> _Sign:
    """Return the sign of an answer that was judged: it looks as it does beside the matrix."""
    return _Sign(word or sign.label, sign.glyph, sign.style)


# "⋯" and not "…", which cuts names on the same line.
_TRUNCATED_SIGN = _Sign(TRUNCATED, "⋯", "warning")
# An answer that ended is a box until it is judged.
_STATES = {sign.word: sign for sign in (_Sign(SAMPLING, "▸", "accent"), _Sign("done", "□", "text"), _TRUNCATED_SIGN)}
_VERDICTS = {
    "correct": _standing(Standing.CORRECT),
    "right": _standing(Standing.CORRECT, "right"),
    "wrong": _standing(Standing.WRONG),
    "timeout": _Sign("timeout", CellStatus.TIME_LIMIT.glyph, CellStatus.TIME_LIMIT.style),
    "undecided": _standing(Standing.UNDECIDED),
    "rejected": _standing(Standing.EMPTY, "no program"),
    "malformed": _standing(Standing.EMPTY),
}
_SIGNS = [*_STATES.values(), *_VERDICTS.values()]


def wall_rows(slots: Sequence[LiveSlot], columns: int, rows: int, *, nothing: str = NOTHING) -> list[Row]:
    """Draw the wall, one block per role; without slots, say `nothing`."""
    columns, rows = max(columns, 0), max(rows, 0)
    groups = _by_role(slots)
    if not groups:
        said = fit((Span(" " * max(0, (columns - len(nothing)) // 2)), Span(one_column(nothing), "muted")), columns)
        return [said if y == rows // 2 else fit((), columns) for y in range(rows)]
    drawn: list[Row] = []
    for place, (role, group) in enumerate(groups):
        # Equal shares, whatever the counts: blocks keep their places while answers come and go.
        height = (rows - len(drawn)) // (len(groups) - place)
        drawn += _block(role, group, columns, height)
    return drawn


def wall_lines(slots: Sequence[LiveSlot], columns: int, rows: int, *, nothing: str = NOTHING) -> list[Row]:
    """Draw the wall in few rows: one answer a row, as many of each role, its newest line or what was found in it.

    Without slots, say `nothing` on the first row.
    """
    groups = _by_role(slots)
    if not groups:
        return [fit((Span(one_column(nothing), "muted"),), columns), *[fit((), columns)] * (rows - 1)]
    drawn: list[Row] = []
    for place, (_, group) in enumerate(groups):
        count = min(len(group), (rows - len(drawn)) // (len(groups) - place))
        drawn += [_line(_most_alive(group[at::count]), columns) for at in range(count)]
    return drawn + [fit((), columns)] * (rows - len(drawn))


def _line(slot: LiveSlot, columns: int) -> Row:
    """Draw an answer in one row: sign, role, task, score or tokens, then its text."""
    sign = _sign(slot)
    alive = slot.state == SAMPLING
    figure = f"{slot.passed}/{slot.of}" if slot.of else f"{slot.tokens} tok"
    head = (
        Span(sign.glyph, sign.style),
        Span(f" {_ROLES.get(slot.role, '?')} ", _style_of(slot.role)),
        Span(f"{_end_of(one_column(slot.task), _LINE_NAME_WIDTH):<{_LINE_NAME_WIDTH}}", "title"),
        Span(f"{figure:>9} ", "muted"),
    )
    room = columns - width(head)
    if slot.found and not alive:
        text = LINE_END.join(line.strip() for line in slot.found.split("\n") if line.strip())
        text = one_column(text.replace(f"{LINE_END}→", " →"))
        return fit((*head, Span(text if len(text) <= room else f"{text[: room - 1]}…", "text")), columns)
    if _waits(slot):
        return fit((*head, Span(_waiting_text(slot), "muted")), columns)
    last = next((line for line in _lines_from_the_end(slot.tail) if line.strip()), "").strip()
    text = one_column(last)[-max(room - 1, 0) :]
    return fit((*head, Span(text, "text" if alive else "muted"), Span("▌" if alive else "", "accent")), columns)


def _waits(slot: LiveSlot) -> bool:
    """Tell whether nothing is known of an answer but that it was asked for."""
    return slot.state == SAMPLING and bool(slot.waiting) and not slot.tail


def _waiting_text(slot: LiveSlot) -> str:
    return f"waiting · {slot.waiting} s"


def _by_role(slots: Sequence[LiveSlot]) -> list[tuple[str, list[LiveSlot]]]:
    roles = [*_ROLES, *sorted({slot.role for slot in slots} - set(_ROLES))]
    ordered = sorted(slots, key=lambda slot: slot.slot)
    groups = [(role, [slot for slot in ordered if slot.role == role]) for role in roles]
    return [(role, group) for role, group in groups if group]


def _block(role: str, slots: list[LiveSlot], columns: int, rows: int) -> list[Row]:
    if rows < 1:
        return []
    grid = _grid(len(slots), columns, rows - 1)
    heading = _heading(role, slots, grid.shown, columns)
    if rows == 1:
        return [heading]
    shown = [_most_alive(slots[place :: grid.shown]) for place in range(grid.shown)]
    drawn = [heading]
    for band, height in enumerate(grid.heights):
        some = shown[band * len(grid.widths) : (band + 1) * len(grid.widths)]
        panes = [_pane(slot, wide, height) for slot, wide in zip(some, grid.widths, strict=False)]
        panes += [[fit((), wide)] * height for wide in grid.widths[len(some) :]]
        bar = Span("│", "axis")
        for line in zip(*panes, strict=True):
            joined = line[0]
            for part in line[1:]:
                joined = (*joined, bar, *part)
            drawn.append(joined)
    return drawn


@dataclass(frozen=True)
class _Grid:
    """`shown` panes in bands of `heights` rows and columns of `widths`, a bar between columns."""

    shown: int
    widths: tuple[int, ...]
    heights: tuple[int, ...]


def _grid(count: int, columns: int, rows: int) -> _Grid:
    """Return the grid that shows most of `count` answers; of several, the one whose panes show most text."""

    def panes(across: int) -> _Grid:
        bands = max(1, min(-(-count // across), rows // MIN_PANE_HEIGHT))
        widths = _shares(columns - (across - 1), across)
        return _Grid(min(count, across * bands), widths, _shares(rows, bands))

    def worth(grid: _Grid) -> tuple[int, int]:
        return grid.shown, min(grid.heights[-1] - 1, _USEFUL_LINES) * min(grid.widths[-1], _USEFUL_WIDTH)

    most = max(1, min(MAX_PANE_COLUMNS, (columns + 1) // (MIN_PANE_WIDTH + 1)))
    return max((panes(across) for across in range(1, most + 1)), key=worth)


def _shares(whole: int, parts: int) -> tuple[int, ...]:
    least, left = divmod(max(whole, 0), parts)
    return tuple(least + (part < left) for part in range(parts))


def _most_alive(slots: Sequence[LiveSlot]) -> LiveSlot:
    return next((slot for slot in slots if slot.state == SAMPLING), slots[-1])


def _heading(role: str, slots: Sequence[LiveSlot], shown: int, columns: int) -> Row:
    counts = Counter(_sign(slot) for slot in slots)
    signs = sorted(counts, key=lambda sign: (_SIGNS.index(sign) if sign in _SIGNS else len(_SIGNS), sign.word))
    of = f"{shown} of {len(slots)}" if shown < len(slots) else str(len(slots))
    start = (Span(f"{one_column(role)} ", _style_of(role)), Span(of, "title"))

    def row(*, words: bool) -> Row:
        parts: list[Span] = list(start)
        for sign in signs:
            count = f"  {sign.glyph} {counts[sign]} {sign.word}" if words else f" {sign.glyph}{counts[sign]}"
            parts.append(Span(count, sign.style))
        return tuple(parts)

    best = next((row for row in (row(words=True), row(words=False)) if width(row) <= columns), start)
    rule = Span("─" * max(columns - width(best) - 1, 0), "axis")
    return fit((*best, Span(" "), rule), columns)


def _sign(slot: LiveSlot) -> _Sign:
    """Return the sign of the verdict, or of the state if there is no verdict yet."""
    word = slot.verdict or slot.state
    return (_VERDICTS if slot.verdict else _STATES).get(word, _Sign(one_column(word), "·", "muted"))


def _style_of(role: str) -> str:
    return role if role in _ROLES else "title"


def _pane(slot: LiveSlot, columns: int, rows: int) -> list[Row]:
    lines = [_about(slot, columns), *_tail(slot, columns, rows - 1)][:rows]
    return lines + [fit((), columns)] * (rows - len(lines))


def _about(slot: LiveSlot, columns: int) -> Row:
    """Draw the line above an answer: sign, role and task; at the right its score, once judged, and its tokens.

    Score: the tests that a program passes, or the programs that pass a test."""
    sign = _sign(slot)
    cut_off = slot.verdict and slot.state == TRUNCATED
    right = f" {slot.tokens:4d} tok"
    if slot.of:
        right = f"{slot.passed}/{slot.of}{right}"
    if columns >= _WORDY_WIDTH:
        right = f"{sign.word} {right}" if slot.of else f"{sign.word}{right}"
    left = (
        Span(sign.glyph, sign.style),
        Span(_TRUNCATED_SIGN.glyph, _TRUNCATED_SIGN.style) if cut_off else Span(" "),
        Span(f"{_ROLES.get(slot.role, '?')} ", _style_of(slot.role)),
    )
    room = columns - width(left) - len(right) - 1
    if room < _MIN_NAME_WIDTH:
        right, room = "", columns - width(left)
    name = Span(_end_of(one_column(slot.task), room), "title")
    gap = Span(" " * max(0, columns - width(left) - len(name.text) - len(right)))
    return fit((*left, name, gap, Span(right, "muted")), columns)


def _end_of(name: str, columns: int) -> str:
    """Cut the beginning off: ids of tasks differ at their ends."""
    return name if len(name) <= columns else f"…{name[len(name) - columns + 1 :]}"


def _found(slot: LiveSlot, columns: int, rows: int) -> list[Row]:
    """Draw the beginning of what was found in a finished answer: its program, or its test as input -> output."""
    lines = [one_column(line.expandtabs(4)) for line in slot.found.split("\n")]
    if len(lines) == 2 and lines[1].startswith("→") and len(lines[0]) + 1 + len(lines[1]) <= columns:
        lines = [" ".join(lines)]  # a test of one line in, one line out
    cut = [line if len(line) <= columns else f"{line[: columns - 1]}…" for line in lines[:rows]]
    return [fit((Span(line, "text"),), columns) for line in cut]


def _tail(slot: LiveSlot, columns: int, rows: int) -> list[Row]:
    """Draw the last `rows` lines of the text, with a caret at the end while the answer is being sampled."""
    if columns < 1 or rows < 1:
        return []
    alive = slot.state == SAMPLING
    if slot.found and not alive:
        return _found(slot, columns, rows)
    if _waits(slot):
        return [fit((Span(_waiting_text(slot), "muted"),), columns)]
    text = slot.tail if alive else slot.tail.rstrip()
    lines: list[str] = []
    for line in _lines_from_the_end(text + "▌" if alive else text):
        # hard wrap: word wrap would move text that the user has already read
        clean = one_column(line.expandtabs(4))
        lines += [clean[start : start + columns] for start in range(0, len(clean), columns)][::-1] or [""]
        if len(lines) >= rows:
            break
    style = "text" if alive else "muted"
    shown = [fit((Span(line, style),), columns) for line in lines[:rows][::-1]]
    if alive:
        last = lines[0]
        shown[-1] = fit((Span(last[:-1], style), Span(last[-1:], "accent")), columns)
    return shown


def _lines_from_the_end(text: str) -> Iterator[str]:
    """Yield the lines, the last first, splitting off only as many as the caller reads: a tail may exceed its pane."""
    while True:
        text, newline, line = text.rpartition("\n")
        yield line.removesuffix("\r")
        if not newline:
            return
