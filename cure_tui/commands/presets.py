"""`cure-tui presets`: which can run here; `presets show NAME`: one, resolved and explained."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cure_tui.launch.presets import PresetEntry

presets_app = typer.Typer(rich_markup_mode=None, invoke_without_command=True)


def preset_names() -> list[str]:
    """For shell completion."""
    from engine.presets import list_presets

    return list(list_presets())


@presets_app.callback()
def presets(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="As a JSON array.")] = False,
) -> None:
    """List the presets and whether they can run here; show one.

    A preset with variants by GPU memory takes the one for this machine (in brackets); --preset NAME@48 takes another.
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
    typer.echo("why not: cure-tui doctor; all settings: cure-tui presets show NAME", err=True)
    typer.echo(f"your own presets: *.toml in {user_presets_folder()}", err=True)
    if any(entry.variants for entry in entries):
        typer.echo(
            "GPU GB: variants by memory, in brackets the one taken here; another: --preset NAME@48; "
            "what it needs: cure-tui doctor --preset NAME@48",
            err=True,
        )


def _variants(entry: PresetEntry) -> str:
    """ "16 [24] 48 80": all of them, and which this machine takes."""
    return " ".join(f"[{name}]" if name == entry.variant else name for name in entry.variants) or "-"


@presets_app.command()
def show(
    name: Annotated[
        str,
        typer.Argument(help="A preset's name, with @48 for a variant, or a TOML file.", autocompletion=preset_names),
    ],
) -> None:
    """Write a preset with all its settings to stdout, as TOML that can be edited and used."""
    from engine.machine.toml_text import dump_toml
    from engine.presets import find_preset, load_preset, split_variant

    typer.echo(f"# from {find_preset(split_variant(name)[0])}", err=True)
    typer.echo(dump_toml(load_preset(name), comments=True), nl=False)
