"""Cell of a pass matrix in words: program, test, output, reason for the verdict, and difference of the outputs.

cell_detail   TaskRecord and a cell -> CellDetail
diff_rows     expected and printed output -> rows of a diff with the differing words marked
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from cure_tui.dashboard.matrix.reading import CellStatus, Reading, read_matrix
from cure_tui.dashboard.matrix.words import TRAINING, Words
from cure_tui.drawing.spans import Row, Span, one_column
from engine.runs.records import MAX_OUTPUT_CHARS, STATUSES, CellGrid, RolloutRecord, TaskRecord, TestRecord

EQUAL = "equal after collapsing whitespace"
_Item = TypeVar("_Item")
# difflib is quadratic, the first lines show what is wrong, and the archive keeps only 2,000 characters per output
MAX_DIFF_LINES = 200


@dataclass(frozen=True)
class CellDetail:
    """Archived facts on one program and one test.

    source: the program, or the whole answer if it held none (`has_program` False). got: the output, None if not kept.
    status: one of STATUSES, "" if not kept. milliseconds: CPU time, None if not kept or not run.
    comparison: of outputs, by name. explanation: one sentence on the verdict. context: whether program and test
    themselves are right. name: program and test. label: the cell's status.
    answer: the tester's answer that a generated test was parsed from; "" for ground truth.
    """

    task: str
    program: int
    test: int
    is_truth: bool
    source: str
    has_program: bool
    input: str
    expected: str
    got: str | None
    status: str
    milliseconds: int | None
    cell_status: CellStatus
    comparison: str
    explanation: str
    context: str
    answer: str
    name: str
    label: str


def cell_detail(
    task: TaskRecord,
    program: int,
    test: int,
    is_truth: bool,
    *,
    reading: Reading | None = None,
    words: Words = TRAINING,
) -> CellDetail:
    """Collect what `task` holds on a cell; `reading`: its matrix, if it was read already.

    Raises ValueError if it has no such cell, or no matrix.
    """
    if task.matrix is None:
        raise ValueError(f"task {task.task} has no pass matrix")
    grid = task.matrix.truth if is_truth else task.matrix.generated
    programs, tests = grid.passed.shape
    if not (0 <= program < programs and 0 <= test < tests):
        raise ValueError(f"no cell ({program}, {test}) among {programs} programs and {tests} tests")
    reading = reading or read_matrix(task.matrix, task.malformed_tests)
    cell_status = reading.cell_status(program, test, is_truth)
    was_run = cell_status not in (CellStatus.NOT_RUN, CellStatus.MALFORMED)
    coder = _nth(_group(task, "coder"), program)
    record = _nth(task.truth_tests if is_truth else task.generated_tests, test) or TestRecord("", "")
    tester = None
    if record.rollout is not None:
        tester = next((answer for answer in _group(task, "tester") if answer.index == record.rollout), None)
    got = grid.outputs[program][test] if grid.outputs is not None and was_run else None
    comparison = task.comparison or _guessed(record.expected, got, cell_status)
    milliseconds = int(grid.milliseconds[program, test]) if grid.milliseconds is not None and was_run else None
    return CellDetail(
        task=task.task,
        program=program,
        test=test,
        is_truth=is_truth,
        source=(coder.source or coder.text) if coder else "",
        has_program=bool(coder and coder.source),
        input=record.input,
        expected=record.expected,
        got=got,
        status=_status(grid, program, test),
        milliseconds=milliseconds,
        cell_status=cell_status,
        comparison=comparison,
        explanation=_explanation(cell_status, record.expected, got, comparison, milliseconds, coder, tester),
        context=words.context(reading, program, test, is_truth),
        answer=tester.text if tester else "",
        name=f"program p{program} on {(words.truth_title if is_truth else words.generated_test).format(test)}",
        label=words.cell(cell_status),
    )


def equal_by(comparison: str) -> str:
    """Say in what way two outputs that differ are equal."""
    return EQUAL if comparison == "whitespace" else f"equal by the comparison '{comparison}'"


def _guessed(expected: str, got: str | None, cell_status: CellStatus) -> str:
    """Return a comparison that explains the verdict where the record keeps none."""
    failed = cell_status is CellStatus.WRONG_ANSWER and got is not None and got.split() == expected.split()
    return "exact-lines" if failed else "whitespace"


def _matches(expected: str, got: str, comparison: str) -> bool:
    from engine.sandbox import outputs_match  # not before the first frame

    return outputs_match(expected, got, comparison)


def _group(task: TaskRecord, role: str) -> list[RolloutRecord]:
    return sorted((answer for answer in task.rollouts if answer.role == role), key=lambda answer: answer.index)


def _nth(items: Sequence[_Item], place: int) -> _Item | None:
    return items[place] if place < len(items) else None


def _status(grid: CellGrid, program: int, test: int) -> str:
    if grid.status is None:
        return ""
    code = int(grid.status[program, test])
    return STATUSES[code] if code < len(STATUSES) else f"status {code}"


_OTHERWISE = {
    CellStatus.RUNTIME_ERROR: "The program ended with an exception or a non-zero exit status; "
    "its output does not count.",
    CellStatus.MEMORY_LIMIT: "The program exceeded its memory limit and was stopped.",
    CellStatus.OUTPUT_LIMIT: "The program exceeded its output limit and was stopped.",
    CellStatus.CRASH: "The program was killed by a signal, for example after a fault in native code.",
    CellStatus.COMPILE_ERROR: "The program is not valid Python, so it never started.",
    CellStatus.FAILED: "The program did not pass; this archive does not record how it failed.",
    CellStatus.NOT_RUN: "The program was not run on this test.",
    CellStatus.UNKNOWN: "The sandbox failed, not the program: the cell has no verdict.",
}


def _explanation(
    cell_status: CellStatus,
    expected: str,
    got: str | None,
    comparison: str,
    milliseconds: int | None,
    coder: RolloutRecord | None,
    tester: RolloutRecord | None,
) -> str:
    if cell_status is CellStatus.PASSED:
        if got is None or got == expected:
            return "The program printed the expected output."
        if _matches(expected, got, comparison):
            return f"The program printed the expected output: it is {equal_by(comparison)}."
        return "The judge accepted the program's output as equal to the expected one."
    if cell_status is CellStatus.WRONG_ANSWER:
        what = "nothing" if got is not None and not got.strip() else "something other than the expected output"
        return f"The program ended normally, but printed {what}."
    if cell_status is CellStatus.TIME_LIMIT:
        after = f" after {milliseconds} ms" if milliseconds else ""
        return f"The program exceeded its CPU time limit and was stopped{after}."
    if cell_status is CellStatus.NOT_RUN and coder and not coder.source:
        return f"Nothing was run: the coder's answer holds no program ({coder.status})."
    if cell_status is CellStatus.MALFORMED:
        reason = f" ({tester.status})" if tester and tester.status != "ok" else ""
        return f"The tester's answer holds no valid test{reason}, so no program can pass it."
    return _OTHERWISE[cell_status]


def diff_rows(expected: str, got: str, comparison: str = "whitespace") -> list[Row]:
    """Return a diff from the expected to the printed output: "-" is missing, "+" is extra, differing words are marked.

    It compares as the judge does, by `comparison`; outputs that are then equal get one row that says so.
    """
    if _matches(expected, got, comparison):
        return [(Span("identical" if expected == got else equal_by(comparison), "muted"),)]
    old, new = expected.splitlines(), got.splitlines()
    clipped = max(len(old), len(new)) - MAX_DIFF_LINES
    old, new = old[:MAX_DIFF_LINES], new[:MAX_DIFF_LINES]
    old_keys, new_keys = _keys(old, comparison), _keys(new, comparison)
    for place, (old_line, new_line) in enumerate(zip(old, new, strict=False)):
        if _matches(old_line, new_line, comparison):
            new_keys[place] = old_keys[place]
    matcher = difflib.SequenceMatcher(None, old_keys, new_keys, autojunk=False)
    rows: list[Row] = [(Span("- expected", "bad"), Span("  "), Span("+ got", "good"))]
    for kind, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if kind == "equal":
            rows += [(Span(f"  {_clean(line)}", "muted"),) for line in new[new_from:new_to]]
        else:
            rows += _changed(old[old_from:old_to], new[new_from:new_to])
    if clipped > 0:
        rows.append((Span(f"… {clipped} more lines", "muted"),))
    if len(got) >= MAX_OUTPUT_CHARS and got.endswith("…"):
        rows.append((Span(f"only {MAX_OUTPUT_CHARS} characters of the output were kept", "muted"),))
    return rows


def _changed(old: Sequence[str], new: Sequence[str]) -> Iterator[Row]:
    """Yield the differing lines, the old ones first as in any diff; lines at the same place are compared by words."""
    pairs = [_marked(old_line, new_line) for old_line, new_line in zip(old, new, strict=False)]
    yield from (old_row for old_row, _ in pairs)
    yield from ((Span(f"- {_clean(line)}", "bad"),) for line in old[len(pairs) :])
    yield from (new_row for _, new_row in pairs)
    yield from ((Span(f"+ {_clean(line)}", "good"),) for line in new[len(pairs) :])


def _marked(old: str, new: str) -> tuple[Row, Row]:
    old_words, new_words = _words(old), _words(new)
    if old_words == new_words:  # only blanks differ, and here they count
        return (Span("- ", "bad"), Span(_clean(old), "match")), (Span("+ ", "good"), Span(_clean(new), "match"))
    matcher = difflib.SequenceMatcher(None, old_words, new_words, autojunk=False)
    old_parts: list[Span] = []
    new_parts: list[Span] = []
    for kind, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        old_parts.append(Span(" ".join(old_words[old_from:old_to]), "bad" if kind == "equal" else "match"))
        new_parts.append(Span(" ".join(new_words[new_from:new_to]), "good" if kind == "equal" else "match"))
    return (Span("- ", "bad"), *_spaced(old_parts)), (Span("+ ", "good"), *_spaced(new_parts))


def _spaced(parts: Sequence[Span]) -> Iterator[Span]:
    for place, part in enumerate(part for part in parts if part.text):
        if place:
            yield Span(" ")
        yield part


def _words(line: str) -> list[str]:
    return [one_column(word) for word in re.findall(r"\S+", line)]


def _clean(line: str) -> str:
    return one_column(line.expandtabs(4))


def _keys(lines: Sequence[str], comparison: str) -> list[str]:
    """Return what makes lines equal in the diff; other comparisons than exact-lines collapse blanks at least."""
    return [line.rstrip() if comparison == "exact-lines" else " ".join(line.split()) for line in lines]
