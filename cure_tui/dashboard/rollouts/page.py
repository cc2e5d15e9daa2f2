"""Page of one rollout: figures, the task's statement, and the answer with its code coloured and matches marked.

A line is spans, as elsewhere, but wide characters stay as they are: an answer in Chinese must be readable.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pygments.lexers import get_lexer_by_name
from pygments.token import Token, _TokenType
from pygments.util import ClassNotFound
from rich.cells import cell_len, get_character_cell_size

from cure_tui.dashboard.rollouts.line import figure, find_matches
from cure_tui.drawing.spans import Row, Span, merge, one_column, printable
from engine.runs.archive_reader import StoredRollout
from engine.runs.records import RolloutRecord, TaskRecord

GUTTER = "│ "
# Colouring a longer program would take seconds.
_COLOURED_CHARACTERS = 100_000
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})[ \t]*([\w+-]*)[^`]*")
_TOKEN_STYLES: Sequence[tuple[_TokenType, str]] = (
    (Token.Keyword, "series5"),
    (Token.Operator.Word, "series5"),
    (Token.Literal.String, "series2"),
    (Token.Literal.Number, "series4"),
    (Token.Comment, "muted"),
    (Token.Name.Builtin, "series0"),
    (Token.Name.Function, "series0"),
    (Token.Name.Class, "series0"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """Piece of a match: characters start to end of a line of the page."""

    line: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class RolloutPage:
    """Lines of at most the page's width, and the matches in the order of the text, each with the places it covers."""

    lines: tuple[Row, ...]
    matches: tuple[tuple[Place, ...], ...]


def rollout_page(stored: StoredRollout, task: TaskRecord | None, columns: int, texts: Sequence[str]) -> RolloutPage:
    """Lay out the page below the headline. task: its record, None if no longer in the archive."""
    lines: list[Row] = []
    if task is not None and task.statement.strip():
        lines.append(_rule("task", columns))
        statement = clean(task.statement.strip())
        lines += [(Span(statement[start:end], "text"),) for start, end, _ in _wrapped_text(statement, columns)]
    lines.append(_rule("answer", columns))
    return _with_answer(lines, clean(stored.rollout.text), columns, [clean(text) for text in texts])


def head_rows(stored: StoredRollout, task: TaskRecord | None, executions: Sequence[str], place: str) -> tuple[Row, ...]:
    """Return three lines: the rollout, its figures, the verdict on it. place: its position in the list, in words."""
    rollout = stored.rollout
    return (
        (
            Span(f"step {stored.step}  ", "title"),
            Span(one_column(stored.task), "title"),
            Span(f"  {rollout.role} {rollout.index}  ", rollout.role),
            Span(place, "muted"),
        ),
        (
            Span("reward ", "muted"),
            Span(figure(rollout.reward), "good" if rollout.reward > 0 else "bad" if rollout.reward < 0 else ""),
            Span("  advantage ", "muted"),
            Span(figure(rollout.advantage)),
            Span("  tokens ", "muted"),
            Span(f"{rollout.tokens:,}"),
            Span("  finished" if rollout.finished else "  … truncated", _cut_style(rollout)),
            Span("" if rollout.status == "ok" else f"  ✗ {rollout.status}", "bad"),
        ),
        _verdict(rollout, task, executions),
    )


def rollout_text(stored: StoredRollout, task: TaskRecord | None, executions: Sequence[str]) -> str:
    """Return the whole rollout as Markdown, for a file."""
    head = [f"# {''.join(span.text for span in head_rows(stored, task, executions, '')[0]).strip()}"]
    head += ["".join(span.text for span in row).strip() for row in head_rows(stored, task, executions, "")[1:]]
    parts = [*(line for line in head if line), "## Answer", stored.rollout.text.rstrip()]
    if task is not None and task.statement.strip():
        parts[-2:-2] = ["## Task", task.statement.strip()]
    return "\n\n".join(parts) + "\n"


def clean(text: str) -> str:
    """Replace control and zero-width characters, which could move the terminal's cursor, by "·"."""
    return printable(text.replace("\r\n", "\n").replace("\t", "    "), widths=(1, 2), lines=True)


def _cut_style(rollout: RolloutRecord) -> str:
    return "muted" if rollout.finished else "warning"


def _verdict(rollout: RolloutRecord, task: TaskRecord | None, executions: Sequence[str]) -> Row:
    matrix = task.matrix if task else None
    if task is None or matrix is None:
        return (Span("the archive holds no pass matrix", "muted"),)
    verdicts = matrix.pass_matrix(task.malformed_tests)
    if rollout.role == "coder":
        if rollout.status != "ok" or rollout.index >= len(matrix.truth_nt):
            return (Span("no program: nothing was run", "muted"),)
        truth, generated = matrix.truth_nt[rollout.index], matrix.generated_nm[rollout.index]
        met = [name for name in executions if name not in ("ok", "not_run")]
        return (
            _finding(verdicts.correct_n[rollout.index], verdicts.judged_n[rollout.index], "correct"),
            Span(f"passes {truth.sum()}/{len(truth)} ground-truth, {generated.sum()}/{len(generated)} generated tests"),
            Span(f"  ! {', '.join(met)}" if met else "", "warning"),
        )
    column = next((at for at, test in enumerate(task.generated_tests) if test.rollout == rollout.index), None)
    if rollout.status != "ok" or column is None or column >= matrix.generated_nm.shape[1]:
        return (Span("no test: no program was run on it", "muted"),)
    passed = matrix.generated_nm[:, column]
    told = f"{passed.sum()} of {len(passed)} programs pass the test"
    correct_n = verdicts.correct_n
    if not correct_n.any():
        return (Span(f"{told}; no program is known to be correct"),)
    return (
        _finding(verdicts.right_m[column], verdicts.judged_m[column], "right"),
        Span(f"{told}, {passed[correct_n].sum()} of {correct_n.sum()} correct ones"),
    )


def _finding(is_good: np.bool_, is_judged: np.bool_, word: str) -> Span:
    if not is_judged:
        return Span("? undecided  ", "unknown")
    return Span(f"✓ {word}  ", "good") if is_good else Span("✗ wrong  ", "bad")


# The answer ---------------------------------------------------------------------------------------------------


def _with_answer(lines: list[Row], answer: str, columns: int, texts: Sequence[str]) -> RolloutPage:
    styles = [""] * len(answer)
    is_code = _colour_blocks(answer, styles)
    found = find_matches(answer, texts)
    for start, end in found:
        styles[start:end] = ["match"] * (end - start)
    matches: list[list[Place]] = [[] for _ in found]
    first_open = 0
    at = 0
    for number, line in enumerate(answer.split("\n")):
        gutter = GUTTER if is_code[number] else ""
        for start, end in _wrapped(line, columns - len(gutter), by_words=not gutter):
            row = (Span(gutter, "axis"), *merge(list(zip(line[start:end], styles[at + start : at + end], strict=True))))
            while first_open < len(found) and found[first_open][1] <= at + start:
                first_open += 1
            for which in range(first_open, len(found)):
                low, high = max(found[which][0], at + start), min(found[which][1], at + end)
                if found[which][0] >= at + end:
                    break
                if low < high:
                    shift = len(gutter) - at - start
                    matches[which].append(Place(len(lines), low + shift, high + shift))
            lines.append(tuple(span for span in row if span.text))
        at += len(line) + 1
    return RolloutPage(tuple(lines), tuple(tuple(places) for places in matches if places))


def _colour_blocks(answer: str, styles: list[str]) -> list[bool]:
    """Write the colours of fenced code into `styles`, one name per character; return for each line if it is code."""
    lines = answer.split("\n")
    is_code = [False] * len(lines)
    fence, language, begin, at = "", "", 0, 0
    for number, line in enumerate(lines):
        found = _FENCE.fullmatch(line)
        if found and (not fence or (found[1].startswith(fence) and not found[2])):
            styles[at : at + len(line)] = ["muted"] * len(line)
            if fence:
                _colour(answer, begin, at, language, styles)
                fence = ""
            else:
                fence, language, begin = found[1], found[2].lower(), at + len(line) + 1
        else:
            is_code[number] = bool(fence)
        at += len(line) + 1
    if fence:
        _colour(answer, begin, len(answer), language, styles)
    return is_code


def _colour(answer: str, begin: int, end: int, language: str, styles: list[str]) -> None:
    if not language or end - begin > _COLOURED_CHARACTERS:
        return
    try:
        lexer = get_lexer_by_name(language)
    except ClassNotFound:
        return
    for offset, kind, value in lexer.get_tokens_unprocessed(answer[begin:end]):
        style = next((style for wanted, style in _TOKEN_STYLES if kind in wanted), "")
        if style:
            styles[begin + offset : begin + offset + len(value)] = [style] * len(value)


def _rule(name: str, columns: int) -> Row:
    return (Span(f"── {name} ", "muted"), Span("─" * max(0, columns - len(name) - 4), "axis"))


def _wrapped_text(text: str, columns: int) -> list[tuple[int, int, int]]:
    """Wrap all lines of a text by words; return (start, end, line number) of each piece."""
    pieces = []
    at = 0
    for number, line in enumerate(text.split("\n")):
        pieces += [(at + start, at + end, number) for start, end in _wrapped(line, columns, by_words=True)]
        at += len(line) + 1
    return pieces


def _wrapped(line: str, columns: int, *, by_words: bool) -> list[tuple[int, int]]:
    """Wrap a line; return (start, end) of each piece. A blank at which it is broken belongs to neither piece."""
    columns = max(2, columns)
    if len(line) <= columns and cell_len(line) <= columns:
        return [(0, len(line))]
    pieces = []
    start = 0
    while start < len(line):
        end, used = start, 0
        while end < len(line) and used + get_character_cell_size(line[end]) <= columns:
            used += get_character_cell_size(line[end])
            end += 1
        blank = line.rfind(" ", start + 1, end + 1)
        if by_words and end < len(line) and blank > 0:
            pieces.append((start, blank))
            start = blank + 1
        else:
            pieces.append((start, end))
            start = end
    return pieces
