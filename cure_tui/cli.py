"""Command line: `cure-tui` and its commands. Data goes to stdout, messages go to stderr.

Each command imports what is heavier than typer inside its function: `--help` takes 0.1 s.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cure_tui import __version__
from cure_tui.commands.attach import attach
from cure_tui.commands.compare import compare
from cure_tui.commands.data import data_app
from cure_tui.commands.doctor import doctor
from cure_tui.commands.eval import eval_app
from cure_tui.commands.export import export
from cure_tui.commands.import_run import import_run
from cure_tui.commands.presets import preset_names, presets_app
from cure_tui.commands.resume import resume
from cure_tui.commands.runs import runs_app
from cure_tui.commands.serve import serve
from cure_tui.commands.solve import solve
from cure_tui.commands.values import folder
from cure_tui.exit_codes import epilog, errors_as_lines, root_epilog
from cure_tui.terminal import in_terminal
from engine.errors import ConfigError

NO_TERMINAL = """\
The dashboard needs a terminal. Without one:

    cure-tui --preset nano --no-ui      ten minutes on two CPU cores, no GPU, no network
    cure-tui presets                    other presets, and which of them can run on this machine
    cure-tui --help                     all commands"""

app = typer.Typer(
    name="cure-tui",
    help="Train one local model to write programs and the unit tests that judge them.",
    epilog=root_epilog(),
    # Plain help and plain tracebacks: rich would double the time of `--help`.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(runs_app, name="runs")
for command in (attach, resume, compare, solve, doctor, export, import_run, serve):
    name = command.__name__.removesuffix("_run")
    app.command(name, epilog=epilog(name))(command)
app.add_typer(presets_app, name="presets")
app.add_typer(eval_app, name="eval", epilog=epilog("eval"))
app.add_typer(data_app, name="data", epilog=epilog("data"))


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    preset: Annotated[
        str | None,
        typer.Option(help="Start a run with this preset: a name or a TOML file.", autocompletion=preset_names),
    ] = None,
    no_ui: Annotated[bool, typer.Option("--no-ui", help="No dashboard: print one line per step.")] = False,
    steps: Annotated[int | None, typer.Option(min=0, help="Number of steps; overrides the preset.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Random seed; overrides the preset.")] = None,
    run_dir: Annotated[
        Path | None,
        typer.Option(parser=folder, metavar="DIR", help="New folder for the run, instead of a default one."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="No dashboard: print the result as a line of JSON.")] = False,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Override a setting of the preset; repeatable."),
    ] = None,
    allow_unsandboxed: Annotated[
        bool,
        typer.Option("--allow-unsandboxed", help="Run generated programs even without a sandbox (level D)."),
    ] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Train one local model to write programs and the unit tests that judge them."""
    if version:
        typer.echo(f"cure-tui {__version__}")
        return
    settings = [*(overrides or [])]
    settings += [f"run.steps={steps}"] if steps is not None else []
    settings += [f"run.seed={seed}"] if seed is not None else []
    settings += ["sandbox.allow_unconfined=true"] if allow_unsandboxed else []
    if context.invoked_subcommand is not None:
        if preset or no_ui or settings or run_dir or as_json:
            raise ConfigError(
                f"options of a new run stand before the command '{context.invoked_subcommand}'",
                "write the command's own options after it",
            )
        return
    if preset is None:
        if no_ui or settings or run_dir or as_json:
            raise ConfigError("a run needs a preset", "add --preset nano")
        if not in_terminal():
            typer.echo(NO_TERMINAL)
            return
        from cure_tui.dashboard.opening import show_dashboard

        show_dashboard()
        return
    if no_ui or as_json or not in_terminal():
        from cure_tui.headless.run import start_run

        raise typer.Exit(start_run(preset, settings, run_dir, as_json=as_json))
    from cure_tui.dashboard.opening import start_in_dashboard

    start_in_dashboard(preset, settings, run_dir)


def main() -> None:
    """Run the command line; print an error that the user can fix as one line and exit with its status."""
    with errors_as_lines():
        app()
