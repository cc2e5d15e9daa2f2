"""Line of a rollout in the list, and the line of column names above it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cure_tui.drawing.spans import Row, Span, fit, one_column
from engine.runs.archive_reader import StoredRollout

LINE_END = "↵"
_WIDE = 110
# The beginning of an answer fills a line; without this limit, every row drawn would search a whole answer.
_LOOKED_AT = 2000
_FENCE = re.compile(r"\s*(```|~~~)")


@dataclass(frozen=True, slots=True)
class Columns:
    """Widths of the columns of a list; 0: left out. `answer` takes the rest of the line."""

    step: int
    task: int
    role: int
    status: int
    answer: int

    @staticmethod
    def for_width(columns: int, largest_step: int = 9999) -> Columns:
        step = max(4, len(str(largest_step)))
        task, role, status = (20, 6, 13) if columns >= _WIDE else (12, 1, 11)
        fixed = 1 + step + 1 + task + 1 + role + 4 + 7 + 7 + 6 + 2 + 1 + status + 1
        return Columns(step, task, role, status, max(0, columns - fixed))


def head_line(columns: Columns) -> Row:
    """Return the names of the columns."""
    role = "role" if columns.role > 1 else "r"
    text = (
        f" {'step':>{columns.step}} {'task':<{columns.task}} {role:<{columns.role}}{'#':>4}{'reward':>7}{'adv.':>7}"
        f"{'tokens':>7} {'status':<{columns.status + 1}} answer"
    )
    return (Span(text, "muted"),)


def rollout_line(
    stored: StoredRollout,
    columns: Columns,
    texts: Sequence[str] = (),
    executions: Sequence[str] = (),
    finding: str = "",
    *,
    chosen: bool,
) -> Row:
    """Return the line of a rollout: figures, then its answer from the line of the first match on, matches marked.

    executions, finding: of `ArchiveReader`: statuses of its program's executions, and whether it is correct or right.
    """
    rollout = stored.rollout
    task = one_column(_shortened(stored.task, columns.task))
    status, style = _status(rollout.status, finding, executions, columns.status)
    cut_off = not rollout.finished
    return (
        Span("›" if chosen else " ", "accent"),
        Span(f"{stored.step:>{columns.step}} ", "muted"),
        Span(f"{task:<{columns.task}} "),
        Span(f"{rollout.role[: columns.role]:<{columns.role}}", rollout.role),
        Span(f"{rollout.index:>4}", "muted"),
        Span(f"{figure(rollout.reward):>7}", _sign(rollout.reward)),
        Span(f"{figure(rollout.advantage):>7}", "muted"),
        Span(f"{rollout.tokens:>6}"),
        Span("…" if cut_off else " ", "warning"),
        Span(f" {_cut(status, columns.status + 1):<{columns.status + 1}} ", style),
        *answer_digest(rollout.text, columns.answer, texts),
    )


def gone_line(columns: Columns, *, chosen: bool) -> Row:
    """Return the line of a rollout that is no longer in the archive."""
    blank = " " * columns.step
    return (Span("›" if chosen else " ", "accent"), Span(f"{blank} no longer in the archive", "muted"))


def figure(value: float) -> str:
    """Format a reward or an advantage in at most six characters."""
    if math.isnan(value):
        return "none"
    return f"{value:+.2f}" if abs(value) < 100 else f"{value:+.0f}" if abs(value) < 1e5 else f"{value:+.0e}"


def answer_digest(text: str, columns: int, texts: Sequence[str] = ()) -> Row:
    """Join the lines of an answer to one, from the line of the first match on, without blank lines and fences."""
    begin = 0
    found = find_matches(text, texts)
    if found:
        # Begin with the match's line if the match is near its beginning, else a little before the match.
        first, near = found[0][0], columns // 2
        start = text.rfind("\n", 0, first) + 1
        begin = start if first - start <= near else first - near // 2
    spans: list[Span] = [Span("…", "muted")] if text[:begin].strip() else []
    has_line = False
    for line in text[begin : begin + _LOOKED_AT].splitlines():
        if not line.strip() or (_FENCE.match(line) and not find_matches(line, texts)):
            continue
        if has_line:
            spans.append(Span(LINE_END, "muted"))
        has_line = True
        spans += marked(line.strip(), texts)
        if sum(len(span.text) for span in spans) >= columns:
            break
    return fit(tuple(spans), columns)


def marked(text: str, texts: Sequence[str], style: str = "") -> list[Span]:
    """Split a line into spans, matches in the style "match"."""
    spans = []
    at = 0
    for start, end in find_matches(text, texts):
        spans += [Span(one_column(text[at:start]), style), Span(one_column(text[start:end]), "match")]
        at = end
    return [span for span in (*spans, Span(one_column(text[at:]), style)) if span.text]


def find_matches(text: str, texts: Sequence[str]) -> list[tuple[int, int]]:
    """Find `texts` in `text`, ignoring case as the archive does; return disjoint (start, end) in ascending order."""
    if not any(texts):
        return []
    lowered = text.lower()
    if len(lowered) != len(text):  # some letters have a longer lower case, which would shift the positions
        lowered = "".join(letter.lower() if len(letter.lower()) == 1 else letter for letter in text)
    longest_first = sorted((each.lower() for each in texts if each), key=len, reverse=True)
    wanted = re.compile("|".join(map(re.escape, longest_first)))
    return [found.span() for found in wanted.finditer(lowered)]


def _shortened(task: str, columns: int) -> str:
    """Cut out the middle: ids of one family differ at their ends."""
    if len(task) <= columns:
        return task
    head = (columns - 1) // 3
    return f"{task[:head]}…{task[len(task) - (columns - 1 - head) :]}"


def _cut(text: str, columns: int) -> str:
    return text if len(text) <= columns else f"{text[: columns - 1]}…"


def _status(status: str, finding: str, executions: Sequence[str], columns: int) -> tuple[str, str]:
    """Return the finding first; how a wrong program failed stands behind it where there is room, or instead of it.

    A correct program may crash on a wrong test: that is the test's fault, and no failure of the program.
    """
    if status != "ok":
        return f"✗ {status}", "bad"
    if finding in ("correct", "right"):
        return f"● {finding}", "good"
    bad = [name for name in executions if name not in ("ok", "not_run")]
    if finding == "wrong":
        both = f"○ wrong, {bad[0]}" if bad else "○ wrong"
        return (both, "bad") if len(both) <= columns + 1 else (f"○ {bad[0]}", "bad")
    if finding == "undecided":
        return "? undecided", "unknown"
    if bad:
        return f"! {bad[0]}", "warning"
    return "  ok", "muted"


def _sign(reward: float) -> str:
    return "good" if reward > 0 else "bad" if reward < 0 else ""
