"""`cure-tui presets`: which presets can run here; `presets show NAME`: all settings of one, explained."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from cure_tui.commands.values import completable

if TYPE_CHECKING:
    from cure_tui.launch.presets import PresetEntry

presets_app = typer.Typer(rich_markup_mode=None, invoke_without_command=True)


def preset_names() -> list[str]:
    """Return the names of all presets, for shell completion."""
    from engine.presets import list_presets

    return completable(list_presets())


@presets_app.callback()
def presets(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
) -> None:
    """List the presets and tell which can run here; show one.

    Some presets have variants by GPU memory: the variant for this machine stands in brackets, and --preset NAME@48
    chooses another.
    """
    if context.invoked_subcommand is not None:
        return
    from cure_tui.drawing.tables import text_table
    from cure_tui.launch.presets import preset_entries
    from engine.machine.probe import probe_machine
    from engine.presets import user_presets_folder

    entries = preset_entries(probe_machine())
    if as_json:
        typer.echo(json.dumps([entry.to_json() for entry in entries]))
        return
    rows = [[entry.name, "yes" if entry.runs_here else "no", _variants(entry), entry.description] for entry in entries]
    typer.echo(text_table(["PRESET", "RUNS HERE", "GPU GB", "WHAT"], rows))
    typer.echo("reasons and remedies: cure-tui doctor; all settings: cure-tui presets show NAME", err=True)
    typer.echo(f"your own presets: *.toml in {user_presets_folder()}", err=True)
    if any(entry.variants for entry in entries):
        typer.echo(
            "GPU GB: variants by GPU memory, this machine's in brackets; another: --preset NAME@48; "
            "its memory plan: cure-tui doctor --preset NAME@48",
            err=True,
        )


def _variants(entry: PresetEntry) -> str:
    """Return all variants, this machine's in brackets: "16 [24] 48 80"."""
    return " ".join(f"[{name}]" if name == entry.variant else name for name in entry.variants) or "-"


@presets_app.command()
def show(
    name: Annotated[
        str,
        typer.Argument(help="A preset's name (NAME@48 for a variant) or a TOML file.", autocompletion=preset_names),
    ],
) -> None:
    """Print a preset with all its settings as TOML, to edit and use."""
    from engine.machine.toml_text import dump_toml
    from engine.presets import find_preset, load_preset, split_variant

    preset = load_preset(name)
    typer.echo(f"# from {find_preset(split_variant(name)[0])}", err=True)
    typer.echo(dump_toml(preset, comments=True), nl=False)
