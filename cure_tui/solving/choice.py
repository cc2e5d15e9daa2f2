"""Choice of models and options of a solve: the command line's, then the saved default's, then nano's."""

from __future__ import annotations

import sys
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import typer

from cure_tui.exit_codes import NONE_RUNS, WEAK
from cure_tui.solving.default import (
    NANO,
    OPTIONS,
    OTHERS,
    WRITERS,
    Default,
    absolute_writer,
    check_saved,
    default_file,
    in_words,
    read_default,
    save_default,
)
from cure_tui.solving.who import both_roles
from cure_tui.terminal import unfiltered
from engine.errors import ConfigError
from engine.printable import printable

CHANGE = "change it with `cure-tui solve --save-default OPTIONS`, clear it with --save-default alone"


@dataclass(frozen=True, slots=True)
class Choice:
    """Values for a solve. used: those of the saved default among them. by_nobody: nano is no one's choice."""

    options: dict[str, Any]
    used: Default
    by_nobody: bool
    keep_seconds: float | None
    ended_kept: bool

    def tell(self) -> None:
        """Say on stderr which options of the saved default are used. Raises ConfigError if they cannot be."""
        if self.used:
            check_saved(self.used)
            said = printable(f"your default: {in_words(self.used)} ({CHANGE})")
            typer.secho(said, dim=True, file=unfiltered(sys.stderr))

    def hint_after(self, status: int) -> None:
        """Name other models on stderr if nano, which nobody chose, has not solved the problem."""
        if self.by_nobody and status in (WEAK, NONE_RUNS):
            from cure_tui.solving.at_hand import hint, models_at_hand

            typer.echo(hint(models_at_hand()), err=True)


def choose(context: typer.Context, *, save: bool) -> Choice:
    """Read options and saved default; save the options as the new default, end kept processes, as they say.

    Raises ConfigError: options that contradict each other, a broken default, a value that cannot be saved.
    """
    sources = {name: context.get_parameter_source(name) for name in context.params}
    typed = {name: context.params[name] for name, source in sources.items() if source and source.name == "COMMANDLINE"}
    unasked = {"coder", *OTHERS, "n", "strategy", "select"} if context.params.get("test") is not None else set[str]()
    needed = set(WRITERS) - unasked - typed.keys()
    both = both_roles(typed.get("preset"), typed.get("model"), typed.get("adapter"), bool(needed))
    given = {name: typed[name] for name in OPTIONS if name in typed}
    if both is not None:
        given = dict.fromkeys(WRITERS, both) | given
    ended = _end_kept() if given.get("keep") == "0" else False
    if save:
        if not context.params.get("problems"):
            _refuse_unsaved(context, typed)
        _save({name: value for name, value in given.items() if (name, value) != ("keep", "0")})
    default = {} if save else read_default()
    used = {name: value for name, value in default.items() if name not in given | dict.fromkeys(unasked)}
    options = {name: context.params[name] for name in OPTIONS} | used | given
    by_nobody = options["coder"] is None and options["tester"] is None
    options |= {name: options[name] or NANO for name in WRITERS}
    return Choice(options, used, by_nobody, _keep_seconds(options["keep"]), ended)


def _keep_seconds(text: str) -> float | None:
    if not text:
        return None
    from cure_tui.solving.kept import keep_seconds

    return keep_seconds(text) or None


def _refuse_unsaved(context: typer.Context, typed: Collection[str]) -> None:
    """Raise ConfigError for an option that no default holds: without a problem it would have no effect."""
    kept = {*OPTIONS, "preset", "model", "adapter", "save_default"}
    for parameter in context.command.params:
        if parameter.name in typed and parameter.name not in kept:
            raise ConfigError(
                f"a default does not hold {parameter.opts[0]}", "leave it out, or name a problem to solve"
            )


def _save(default: Default) -> None:
    save_default(
        {name: absolute_writer(value) if name in (*WRITERS, *OTHERS) else value for name, value in default.items()}
    )
    said = f"saved: {in_words(default)}" if default else "cleared: nano is the default again"
    typer.echo(f"{said} ({default_file()})", err=True)


def _end_kept() -> bool:
    from cure_tui.solving.kept import end_kept

    ended = end_kept()
    typer.echo("\n".join(f"ended: {info.name}" for info in ended) or "no model is kept", err=True)
    return True
