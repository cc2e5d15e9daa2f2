"""Picture of a problem being solved, as rows of spans: progress, and the matrix programs x tests as it fills."""

from __future__ import annotations

from collections.abc import Container

from cure_tui.drawing.spans import Row, Span, printable
from cure_tui.solving.trail import has_trail, trail_rows
from engine.solve.events import SolveState
from engine.solve.fates import in_words, words_of

MAX_ROWS = 19
_CELLS = {True: Span("■", "good"), False: Span("×", "bad"), None: Span("·", "unknown")}
_TAIL = 8
"""Columns behind the cells of a program, at least."""
_FINISHING = "finishing; Ctrl-C again stops at once"


def solve_rows(
    state: SolveState, seconds: float, columns: int, rows: int = MAX_ROWS, *, finishing: bool = False
) -> list[Row]:
    """Return at most `rows` rows: a line on the problem, one on its progress, the matrix; a single row has both.

    Rows fit into `columns` unless these are very few. finishing: the user has asked to end.
    """
    title, progress, *others = headline_rows(state, seconds, columns, widths=(0, 1, 2))
    if finishing:
        progress = (Span(_FINISHING, "warning"),)
    elif rows == 1 and state.life_line():
        counts, life = _counts(state, seconds), _life(state)
        rows_of_all = (_joined(title, counts, life), _joined(counts, life))
        return [next((row for row in rows_of_all if _width(row) <= columns), _joined(life, counts))]
    if rows == 1:
        stage = (Span(state.trail.stage, "accent"),) if has_trail(state.trail) else ()
        return [_joined(title, stage, progress)]
    head = [title, progress, *others][: max(rows - 1, 2)]
    return [*head, *_matrix(state, columns, rows - len(head))][:rows]


def headline_rows(state: SolveState, seconds: float, columns: int, *, widths: Container[int] = (1,)) -> list[Row]:
    """Return a line that names the problem, its progress, a second line of it where `columns` are too few for what is
    waited for, one on the trail of a strategy that does more than sample, and one for each role with unusual answers.

    Characters that do not take one of `widths` columns are drawn as dots.
    """
    title = (
        Span(f"{state.number + 1}. " if state.number else "", "muted"),
        Span(printable(state.id, widths), "title"),
    )
    if state.loading:
        return [title, (Span(f"loading {printable(state.loading, widths)} ... {seconds:.0f} s", "muted"),)]
    if not state.coder and not state.waiting:
        return [title, (Span(f"starting ... {seconds:.0f} s", "muted"),)]
    unusual = [(role, in_words(fates)) for role, fates in state.answers.items()]
    told = trail_rows(state.trail, columns)
    told += [(Span(f"{role}: {words}", "warning"),) for role, words in unusual if words]
    counts, life = _counts(state, seconds), _life(state)
    whole = _joined(counts, life)
    return [title, *([whole] if _width(whole) <= columns else filter(None, [counts, life])), *told]


def _life(state: SolveState) -> Row:
    line = state.life_line()
    return (Span(printable(line, (1,)), "muted"),) if line else ()


def _joined(*rows: Row) -> Row:
    """Join rows that hold text, with a blank between them."""
    joined: Row = ()
    for row in rows:
        if any(span.text for span in row):
            joined = (*joined, Span("  "), *row) if joined else row
    return joined


def _width(row: Row) -> int:
    return sum(len(span.text) for span in row)


def _counts(state: SolveState, seconds: float) -> Row:
    cost = f"  ${state.dollars:.4f}" if state.dollars else ""
    malformed = f" (+{state.malformed} malformed)" if state.malformed else ""
    return (
        Span(f"{len(state.rejected)} programs", "coder"),
        Span("  "),
        Span(f"{len(state.tests)} tests{malformed}", "tester"),
        Span(f"  {state.tokens} tokens  {seconds:.1f} s{cost}", "muted"),
    )


def _matrix(state: SolveState, columns: int, rows: int) -> list[Row]:
    """Return one row per program, the leader first, then as strategies rank them; examples stand before tests.

    The leader of the events may lag behind the ranking, which is new with every verdict.
    """
    order = sorted(state.ranking(), key=lambda row: row != state.leader)  # stable: the others keep their order
    shown = order if len(order) <= rows else order[: max(rows - 1, 1)]
    drawn = [_program(state, row, columns) for row in shown]
    if len(shown) < len(order):
        drawn.append((Span(f"      and {len(order) - len(shown)} more", "muted"),))
    return drawn


def _program(state: SolveState, row: int, columns: int) -> Row:
    leads = "▶" if row == state.leader else " "
    head = f"{leads} {row:>3} "
    if state.rejected[row]:
        return (Span(head, "muted"), Span(f"no program: answer {words_of(state.rejected[row])}", "unknown"))
    after = state.trail.lineage.get(row)
    tail = f"  {state.tests.votes(row)}" + (f" ← p{after[0]}" if after is not None else "")
    columns -= max(0, len(tail) - _TAIL)
    cells = [_CELLS[state.examples.verdicts.verdict(row, column)] for column in range(len(state.examples))]
    cells = cells[: max(0, columns - len(head) - _TAIL)]
    if cells:
        cells.append(Span(" │ ", "axis"))
    room = max(0, columns - len(head) - len(cells) - _TAIL)
    cells += [_CELLS[state.tests.verdicts.verdict(row, column)] for column in range(min(len(state.tests), room))]
    style = "accent" if row == state.leader else "text"
    return (Span(head, style), *cells, Span(tail, style))
