"""`cure-tui eval table` and `cure-tui eval compare`: finished evaluations as tables, Markdown, JSON, one HTML file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cure_tui.commands.values import completable
from engine.errors import ConfigError, RunError

if TYPE_CHECKING:
    from cure_tui.runs.evaluations.sheet import Sheet
    from engine.evaluation.report import Report


def _names() -> list[str]:
    from cure_tui.runs.evaluations.opening import evaluation_names

    return completable(evaluation_names())


_Evaluations = Annotated[
    list[str],
    typer.Argument(metavar="EVALUATION...", help="Name, folder or report.json of each.", autocompletion=_names),
]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
_Markdown = Annotated[bool, typer.Option("--markdown", help="Print Markdown.")]
_Html = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write one HTML file, with curves.")]


def table(
    evaluations: _Evaluations,
    paper: Annotated[bool, typer.Option("--paper", help="Print CURE's published rows beside them.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Print all figures and curves, also of several.")] = False,
    cutoff: Annotated[
        str, typer.Option(metavar="DATE", help="Split tasks at this ISO date, the end of a model's training data.")
    ] = "",
    markdown: _Markdown = False,
    html: _Html = None,
    as_json: _Json = False,
) -> None:
    """Print evaluations side by side: accuracies, best of n, costs."""
    from cure_tui.runs.evaluations import accuracy
    from cure_tui.runs.evaluations.costs import cost_sheets
    from cure_tui.runs.evaluations.opening import open_report
    from cure_tui.runs.evaluations.page import as_page
    from cure_tui.runs.evaluations.strategies import strategy_sheets

    _check(markdown, html, as_json)
    if cutoff:
        _check_date(cutoff)
    reports = [open_report(wanted) for wanted in dict.fromkeys(evaluations)]
    if as_json:
        typer.echo(json.dumps(_summaries(reports, paper)))
        return
    groups = accuracy.by_set(reports)
    sheets = [accuracy.accuracy_sheet(group, published=paper, cutoff=cutoff) for group in groups.values()]
    sheets += cost_sheets(reports)
    if everything or markdown or html or len(reports) == 1:
        sheets += [accuracy.figures_sheet(group) for group in groups.values()]
        sheets += accuracy.curve_sheets(reports)
        sheets += [sheet for report in reports for sheet in strategy_sheets(report)]
    title = f"Evaluations: {', '.join(groups)}"
    _put(sheets, title, markdown, html, lambda: as_page(sheets, reports, title, published=paper))


def compare_evaluations(
    evaluations: _Evaluations,
    by_id: Annotated[
        bool, typer.Option("--by-id", help="Pair equal task ids, even if the choice of tasks differs.")
    ] = False,
    tasks: Annotated[int, typer.Option(min=0, help="Most tasks listed each way.")] = 5,
    markdown: _Markdown = False,
    html: _Html = None,
    as_json: _Json = False,
) -> None:
    """Compare two evaluations task by task, or two of each of several sets: differences, tasks that flipped.

    The first of each set is A, the second B. The table names the smallest difference that such a run can show.
    """
    from cure_tui.runs.evaluations.compared import comparison_sheets, comparisons
    from cure_tui.runs.evaluations.opening import open_report
    from cure_tui.runs.evaluations.page import as_page

    _check(markdown, html, as_json)
    if len(set(evaluations)) < len(evaluations) or len(evaluations) < 2:
        raise ConfigError("a comparison takes two different evaluations", "name A, then B")
    reports = [open_report(wanted) for wanted in evaluations]
    found = comparisons(reports, by_id=by_id)
    if as_json:
        typer.echo(json.dumps([each.to_json() for each in found]))
        return
    sheets = list(comparison_sheets(found, tasks))
    title = f"{found[0].b} against {found[0].a}"
    _put(sheets, title, markdown, html, lambda: as_page(sheets, reports, title))


def _check(markdown: bool, html: Path | None, as_json: bool) -> None:
    if markdown + (html is not None) + as_json > 1:
        raise ConfigError("--markdown, --html and --json exclude each other", "choose one")


def _check_date(text: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"'{text}' is no date", "write it as 2024-10-01") from None


def _put(sheets: Sequence[Sheet], title: str, markdown: bool, html: Path | None, page: Any) -> None:
    """Print the sheets, or write the page, which is built only then."""
    from cure_tui.runs.evaluations.sheet import as_markdown, for_terminal

    if html is not None:
        try:
            html.write_text(page(), encoding="utf-8")
        except OSError as error:
            raise RunError(
                f"cannot write {html}: {(error.strerror or str(error)).lower()}", "name another file"
            ) from error
        typer.echo(f"written: {html}", err=True)
    elif markdown:
        typer.echo(as_markdown(sheets, title), nl=False)
    else:
        typer.echo(for_terminal(sheets))


def _summaries(reports: Sequence[Report], paper: bool) -> dict[str, Any]:
    """Return the reports without their rows, and the published rows of their sets."""
    from dataclasses import asdict

    from engine.evaluation import paper as published

    records = [json.loads(report.to_json()) for report in reports]
    for record in records:
        record["tasks"] = len(record.pop("rows"))
        for arm in record["arms"]:
            del arm["rows"]
    found: dict[str, Any] = {"evaluations": records, "protocols": [published.HONEST, published.PROTOCOL]}
    if paper:
        names = dict.fromkeys(name for report in reports if (name := published.published_name(report.data.name)))
        rows = {name: [asdict(row) for row in published.published_rows(name)] for name in names}
        found |= {"published": rows, "source": published.SOURCE}
    return found
