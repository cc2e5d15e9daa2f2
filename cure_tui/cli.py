"""Command line: `cure-tui` and its commands. Data goes to stdout, messages go to stderr.

Each command imports what is heavier than typer inside its function: `--help` takes 0.1 s.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from cure_tui import __version__
from cure_tui.commands.attach import attach
from cure_tui.commands.compare import compare
from cure_tui.commands.data import data_app
from cure_tui.commands.doctor import doctor
from cure_tui.commands.eval import eval_app
from cure_tui.commands.export import export
from cure_tui.commands.import_run import import_run
from cure_tui.commands.log import log
from cure_tui.commands.presets import preset_names, presets_app
from cure_tui.commands.resume import resume
from cure_tui.commands.reward import reward_app
from cure_tui.commands.runs import run_ids, runs_app
from cure_tui.commands.serve import serve
from cure_tui.commands.solve import solve
from cure_tui.commands.strategies import strategies
from cure_tui.commands.values import Yes, folder
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
for command in (attach, resume, compare, solve, strategies, doctor, export, log, import_run, serve):
    name = command.__name__.removesuffix("_run")
    app.command(name, epilog=epilog(name))(command)
app.add_typer(presets_app, name="presets")
app.add_typer(eval_app, name="eval", epilog=epilog("eval"))
app.add_typer(data_app, name="data", epilog=epilog("data"))
app.add_typer(reward_app, name="reward")


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
    own_name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="Name of the new run, instead of one with the time.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="No dashboard: print the result as a line of JSON.")] = False,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Override a setting of the preset; repeatable."),
    ] = None,
    allow_unsandboxed: Annotated[
        bool,
        typer.Option("--allow-unsandboxed", help="Run generated programs even without a sandbox (level D)."),
    ] = False,
    origin: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="RUN", help="Start from the adapter that this run has trained.", autocompletion=run_ids
        ),
    ] = None,
    step: Annotated[
        str | None, typer.Option(metavar="N|best|last", help="With --from: of which step; by default the best.")
    ] = None,
    yes: Yes = False,
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
    if step is not None and origin is None:
        raise ConfigError("--step names a checkpoint of another run", "add --from RUN, or give --steps")
    settings += [f"start={origin}@{step}" if step else f"start={origin}"] if origin else []
    if own_name and run_dir:
        raise ConfigError("--name and --run-dir both say where the run goes", "leave one of them out")
    is_asked = bool(no_ui or settings or run_dir or own_name or as_json)
    if context.invoked_subcommand is not None:
        if preset or is_asked:
            raise ConfigError(
                f"options of a new run stand before the command '{context.invoked_subcommand}'",
                "write the command's own options after it",
            )
        return
    if preset is None:
        if is_asked:
            raise ConfigError("a run needs a preset", "add --preset nano")
        if not in_terminal():
            typer.echo(NO_TERMINAL)
            return
        from cure_tui.dashboard.opening import show_dashboard

        show_dashboard()
        return
    if origin:
        from cure_tui.launch.question import confirm_origin
        from engine.runs.lineage import split_step
        from engine.runs.listing import find_run

        confirm_origin([find_run(split_step(origin.removeprefix("run:"))[0]).path], yes=yes)
    from cure_tui.launch.question import confirm_labels

    confirm_labels(preset, settings, yes=yes)
    if no_ui or as_json or not in_terminal():
        from cure_tui.headless.run import start_run

        raise typer.Exit(start_run(preset, settings, run_dir, own_name, as_json=as_json))
    from cure_tui.dashboard.opening import start_in_dashboard

    start_in_dashboard(preset, settings, run_dir, own_name)


def main() -> None:
    """Run the command line; print an error that the user can fix as one line and exit with its status."""
    with errors_as_lines():
        run()


def run() -> NoReturn:
    """Run the command line and exit. Raises CureError, for wrong usage as for any other fault."""
    try:
        status = app(standalone_mode=False)
    except _USAGE_ERROR as error:
        raise _in_one_line(error) from error
    sys.exit(status if isinstance(status, int) else 0)


_USAGE_ERROR: type[Exception] = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "UsageError")
"""Base of typer's errors of usage, which it exports only in part."""


def _in_one_line(error: Any) -> ConfigError:
    """Return an error of typer's, which prints four lines, with the help to look at as its remedy."""
    said = (
        str(error.format_message()).removesuffix(".").replace("Value error, ", "").replace("Input should", "it should")
    )
    words = error.ctx.command_path.split() if error.ctx is not None else []
    command = " ".join(["cure-tui", *(word for word in words[1:] if word not in ("-m", "cure_tui"))])
    return ConfigError(f"{said[:1].lower()}{said[1:]}", f"see `{command} --help`")
