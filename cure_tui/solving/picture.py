"""Picture of a problem being solved, as rows of spans: progress, and the matrix programs x tests as it fills."""

from __future__ import annotations

from cure_tui.drawing.spans import Row, Span, fit, one_column
from engine.solve.events import SolveState
from engine.solve.fates import in_words
from engine.solve.strategies.ranking import ranked

MAX_ROWS = 16
_CELLS = {True: Span("■", "good"), False: Span("×", "bad"), None: Span("·", "unknown")}


def solve_rows(state: SolveState, seconds: float, columns: int) -> list[Row]:
    """Return at most MAX_ROWS + 5 rows of `columns`: a line on the problem, one on its progress, the matrix."""
    rows = [*headline_rows(state, seconds), *_matrix(state, columns)]
    return [fit(row, columns) for row in rows]


def headline_rows(state: SolveState, seconds: float) -> list[Row]:
    """Return a line that names the problem, one with its progress, and one for each role with unusual answers."""
    problem = (Span(f"{state.number + 1}. " if state.number else "", "muted"), Span(one_column(state.id), "title"))
    if state.loading:
        return [problem, (Span(f"loading {one_column(state.loading)} ... {seconds:.0f} s", "muted"),)]
    unusual = [(role, in_words(fates)) for role, fates in state.answers.items()]
    return [
        problem,
        _progress(state, seconds),
        *((Span(f"{role}: {told}", "warning"),) for role, told in unusual if told),
    ]


def _progress(state: SolveState, seconds: float) -> Row:
    cost = f"  ${state.dollars:.4f}" if state.dollars else ""
    malformed = f" (+{state.malformed} malformed)" if state.malformed else ""
    return (
        Span(f"{len(state.rejected)} programs", "coder"),
        Span("  "),
        Span(f"{len(state.tests)} tests{malformed}", "tester"),
        Span(f"  {state.tokens} tokens  {seconds:.1f} s{cost}", "muted"),
    )


def _matrix(state: SolveState, columns: int) -> list[Row]:
    """Return one row per program, the leader first, then as strategies rank them; examples stand before tests.

    The leader of the events may lag behind the ranking, which is new with every verdict.
    """
    matrix = state.matrix()
    order = sorted(ranked(matrix), key=lambda row: row != state.leader)  # stable: the others keep their order
    rows: list[Row] = []
    for row in order[:MAX_ROWS]:
        leads = "▶" if row == state.leader else " "
        head = f"{leads} {row:>3} "
        if state.rejected[row]:
            rows.append((Span(head, "muted"), Span(f"no program: {state.rejected[row].replace('_', ' ')}", "unknown")))
            continue
        cells = [_CELLS[state.public.get((row, column))] for column in range(len(state.public_tests))]
        if state.public_tests:
            cells.append(Span(" │ ", "axis"))
        room = max(0, columns - len(head) - len(cells) - 8)
        shown = min(len(state.tests), room)
        cells += [_CELLS[state.cells.get((row, column))] for column in range(shown)]
        style = "accent" if row == state.leader else "text"
        rows.append((Span(head, style), *cells, Span(f"  {matrix.votes_n[row]}", style)))
    if len(order) > MAX_ROWS:
        rows.append((Span(f"      and {len(order) - MAX_ROWS} more", "muted"),))
    return rows
