"""`cure-tui eval`: evaluations of models on data sets, their tables, and comparisons of them."""

from __future__ import annotations

import typer

from cure_tui.commands.eval_tables import compare_evaluations, table

eval_app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)


@eval_app.callback()
def evaluate() -> None:
    """Show and compare evaluations."""


eval_app.command("table")(table)
eval_app.command("compare")(compare_evaluations)
