"""Evaluations: folders with a report, rows and answers, their values changed, then listed, tabled, compared, read."""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Callable
from pathlib import Path

from click.exceptions import Exit

from cure_tui.commands.eval_tables import compare_evaluations, table
from cure_tui.headless.evaluation import list_lines, report_text
from engine.errors import CureError
from engine.evaluate.answers import AnswerJournal
from engine.evaluate.folder import ANSWERS, REPORT, REQUEST, ROWS, TaskRows, find_evaluation, open_evaluation
from engine.evaluation.totals import summary_of, totals
from engine.prompts import Role
from engine.solve.writers import Answer
from tests.cure_tui.runs.evaluations.reports import mixed_report, report, store
from tests.fuzz.kind import Kind
from tests.fuzz.mutations import changed_bytes, changed_tree, json_bytes, put_odd_file

_NAMES = ("one", "two")
_KEY = "k" * 24


def _prepare(place: Path) -> None:
    home = place / "home"
    reports = mixed_report("one", data="nano"), report("two", 0.8, tasks=40)
    store(home, *reports)
    for each in reports:
        evaluation = open_evaluation(home / "evaluations" / each.name)
        evaluation.add_rows([TaskRows(row) for row in each.rows])
        with AnswerJournal(evaluation.folder.path) as answers:
            answers.add(_KEY, Answer("ask", Role.CODER, 0, "print(1)", 3, 4))


def _mutate(chance: random.Random, place: Path) -> str:
    folder = place / "home" / "evaluations" / "one"
    done = []
    for _ in range(chance.choice((1, 1, 2))):
        path = folder / chance.choice((REPORT, REPORT, REPORT, ROWS, ANSWERS, REQUEST))
        how = chance.random()
        if not path.is_file() or path.is_symlink() or path.stat().st_size > 1 << 24:
            continue
        if how < 0.08:
            done.append(put_odd_file(chance, path, place / "precious"))
        elif how < 0.2:
            path.write_bytes(changed_bytes(chance, path.read_bytes()))
            done.append(f"bytes of {path.name}")
        else:
            lines = path.read_bytes().splitlines()
            at = chance.randrange(len(lines) or 1)
            with contextlib.suppress(ValueError, RecursionError, IndexError):
                lines[at] = json_bytes(chance, changed_tree(chance, json.loads(lines[at])))
            path.write_bytes(b"\n".join([*lines, b""]) if path.name in (ROWS, ANSWERS) else b"\n".join(lines))
            done.append(f"a value of {path.name}")
    return "; ".join(done)


def _read(place: Path) -> None:
    """Use the evaluations as every command does. Each part may raise CureError."""
    page = place / "home" / "page.html"
    parts: tuple[Callable[[], object], ...] = (
        list_lines,
        lambda: table(["one"], paper=True, cutoff="2024-03-01"),
        lambda: table([*_NAMES], html=page),
        lambda: table([*_NAMES], as_json=True),
        lambda: compare_evaluations([*_NAMES], by_id=True),
        lambda: compare_evaluations([*_NAMES], by_id=True, as_json=True),
        _go_on,
    )
    for part in parts:
        with contextlib.suppress(CureError, Exit):
            part()


def _go_on() -> None:
    """Read what a resumed evaluation reads."""
    evaluation = find_evaluation("one")
    assert evaluation.request.key
    found = evaluation.read_report()
    if found is not None:
        report_text(found)
        summary_of(found).to_json()
    if rows := evaluation.read_rows():
        totals([each.row for each in rows])
    with AnswerJournal(evaluation.folder.path) as answers:
        if _KEY in answers:
            assert answers.get(_KEY, "mine").cost
            assert answers.costs()[_KEY].cost


EVALUATION = Kind(_prepare, _mutate, _read, seconds=8.0)
