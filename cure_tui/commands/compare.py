"""`cure-tui compare A B`: settings that differ, accuracies side by side, both runs' curves in one chart."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cure_tui.commands.runs import run_ids
from cure_tui.commands.values import Yes
from cure_tui.terminal import draws_unicode

if TYPE_CHECKING:
    from cure_tui.runs.comparison import ComparedRun

_CHART_ROWS, _MAX_COLUMNS = 12, 110
_Run = Annotated[str, typer.Argument(help="A run's id, a part of it, or the run's folder.", autocompletion=run_ids)]


def compare(
    a: _Run,
    b: _Run,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    yes: Yes = False,
) -> None:
    """Compare two runs: settings, accuracies on held-out tasks, curves."""
    from cure_tui.charts import GlyphSet
    from cure_tui.drawing.glyphs import to_ascii
    from cure_tui.drawing.spans import plain
    from cure_tui.launch.question import confirm_origin
    from cure_tui.runs.comparison import check_choice, comparison_text, config_differences, overlays
    from engine.runs.listing import find_run

    confirm_origin([find_run(wanted).path for wanted in (a, b)], yes=yes)
    runs = [_read(wanted) for wanted in (a, b)]
    check_choice([run.name for run in runs])
    if as_json:
        report = {
            "runs": [run.name for run in runs],
            "different_settings": {key: values for key, *values in config_differences(*(run.config for run in runs))},
            "heldout": [{when: _headline(run, when) for when in ("start", "end")} for run in runs],
        }
        typer.echo(json.dumps(report))
        return
    columns = min(_MAX_COLUMNS, shutil.get_terminal_size((100, 24)).columns)
    unicode = draws_unicode()
    charts = plain(overlays(runs, columns, _CHART_ROWS, GlyphSet.BRAILLE if unicode else GlyphSet.ASCII))
    text = f"{comparison_text(runs)}\n\n{charts}"
    typer.echo(text if unicode else to_ascii(text))


def _headline(run: ComparedRun, when: str) -> dict[str, Any] | None:
    """Return the evaluation's figures that fit on one line; None before the evaluation."""
    evaluation = run.state.evaluation("heldout", when)
    return evaluation.summary.headline() if evaluation else None


def _read(wanted: str) -> ComparedRun:
    from cure_tui.runs.comparison import ComparedRun
    from engine.errors import CureError, RunError
    from engine.machine.home import run_name
    from engine.presets import load_config
    from engine.runs.folder import RunFolder
    from engine.runs.listing import RunCondition, find_run, read_state

    info = find_run(wanted)
    if info.state is RunCondition.UNREADABLE:
        raise RunError(info.fault)
    folder = RunFolder.open(info.path)
    name = run_name(info.path)
    try:
        config = load_config(folder.config)
    except CureError as error:
        typer.echo(f"warning: settings of {name} are left out: {error}", err=True)
        config = None
    return ComparedRun(name, config, read_state(folder.journal))
