"""`cure-tui solve`: best-of-N on problem files; the program goes to stdout."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cure_tui.commands.values import Yes, finite
from cure_tui.terminal import in_terminal


class View(StrEnum):
    """Live view of solving."""

    INLINE = "inline"
    FULL = "full"
    NONE = "none"


class Comparison(StrEnum):
    """Comparison of outputs; the names are those of `engine.sandbox.comparisons`."""

    WHITESPACE = "whitespace"
    TOKENS = "tokens"
    NUMBERS = "numbers"
    EXACT_LINES = "exact-lines"
    JSON = "json"


def solve(
    context: typer.Context,
    problems: Annotated[
        list[str] | None,
        typer.Argument(metavar="PROBLEM...", help="Markdown or HTML files, - for stdin, or CURE .json files."),
    ] = None,
    preset: Annotated[str | None, typer.Option(help="Model of both roles: the base model of a preset.")] = None,
    model: Annotated[str | None, typer.Option(help="Model of both roles: a folder or a Hugging Face name.")] = None,
    adapter: Annotated[
        str | None,
        typer.Option("--run", "--adapter", metavar="RUN", help="Model of both roles: as a run has trained it."),
    ] = None,
    coder: Annotated[
        str | None,
        typer.Option(metavar="WRITER", help="Writes programs: PRESET, run:NAME, model:FOLDER, openai:MODEL@URL."),
    ] = None,
    tester: Annotated[str | None, typer.Option(metavar="WRITER", help="Writes tests; given in the same way.")] = None,
    n: Annotated[int, typer.Option("-n", min=1, max=512, help="Number of programs to sample.")] = 16,
    m: Annotated[int, typer.Option("-m", min=0, max=512, help="Number of tests to sample.")] = 16,
    judge: Annotated[
        str | None,
        typer.Option(metavar="WRITER", help="Compares programs where a strategy has a judge; else the coder."),
    ] = None,
    specifier: Annotated[
        str | None,
        typer.Option(metavar="WRITER", help="Writes the specifications of a strategy; else the tester."),
    ] = None,
    strategy: Annotated[
        str, typer.Option(help="How answers are spent: `cure-tui strategies` lists names and options.")
    ] = "bon",
    select: Annotated[
        str,
        typer.Option(metavar="SELECTOR", help="Choose the program by another rule: `cure-tui strategies` lists them."),
    ] = "",
    budget: Annotated[
        str, typer.Option(help="Limits: 30s for each problem; 20000tok, $0.10 for all together; several with commas.")
    ] = "",
    temperature: Annotated[
        float | None, typer.Option(min=0.0, max=5.0, callback=finite, help="Overrides the preset's temperature.")
    ] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Maximum tokens of an answer.")] = None,
    time_limit: Annotated[
        float | None,
        typer.Option(min=0.01, max=600.0, callback=finite, help="Seconds per test; overrides the problem."),
    ] = None,
    comparison: Annotated[
        Comparison | None,
        typer.Option(help="How outputs are compared; by default as the problem says, else by whitespace."),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, help="Random seed; with the same one local models repeat their answers.")
    ] = 0,
    test: Annotated[
        Path | None,
        typer.Option("--test", metavar="SOLUTION", help="Test this program of yours; no program is sampled."),
    ] = None,
    index: Annotated[
        str | None, typer.Option(help="Problems to solve of a file that holds several: 3, or 0-9.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File for the program; a folder for several problems.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all evidence as JSON, one line per problem.")] = False,
    ui: Annotated[View, typer.Option(help="Live view: below the command, on a full screen, or none.")] = View.INLINE,
    no_ui: Annotated[bool, typer.Option("--no-ui", help="As --ui none: the program, and one line on stderr.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Print how the problem was read, and stop.")] = False,
    allow_unsandboxed: Annotated[
        bool, typer.Option("--allow-unsandboxed", help="Run generated programs even without a sandbox (level D).")
    ] = False,
    keep: Annotated[
        str, typer.Option(metavar="TIME", help="Keep the model loaded for the next solve: 15m; 0 ends what is kept.")
    ] = "",
    save_default: Annotated[
        bool,
        typer.Option("--save-default", help="Save models, -n, -m, --strategy, --keep and the like; none: clear them."),
    ] = False,
    yes: Yes = False,
) -> None:
    """Sample programs and tests for a problem, print the best program.

    Each program runs on each test; by default the program that passes most tests is the best.

    With --test, only the tester is asked: it prints the examples and tests that your program fails.

    Without a model, the saved default's is used, else nano, which solves only tasks like its own. --save-default and
    --keep 0 need no problem.

    Keys and prices of API servers are read from endpoints.toml, beside the folder of presets that `cure-tui presets`
    names.
    """
    from cure_tui.solving.choice import choose
    from cure_tui.solving.reading import read_problems
    from engine.errors import ConfigError, DataError

    if check:
        raise typer.Exit(_check(problems or [], index, time_limit, comparison, as_json=as_json))
    try:
        found = read_problems(problems, index, time_limit, comparison) if problems else []
    except DataError as error:
        raise ConfigError(error.message, error.remedy) from error  # of this command status 4 says that no program runs
    for problem in found:
        for doubt in problem.read.doubts:
            typer.echo(f"warning: {problem.origin}: {doubt}", err=True)
    from cure_tui.launch.exposed import exposed_keys
    from cure_tui.launch.question import confirm_models
    from cure_tui.solving.run import solve_and_report, solve_in_full_view
    from engine.solve.request import SolveRequest, Task

    choice = choose(context, save=save_default)  # of the options that a default may hold, such as n and strategy
    if not found:
        if save_default or choice.ended_kept:
            return
        raise ConfigError("no problem to solve", "give a Markdown file, or - for standard input")
    for warning in exposed_keys():
        typer.echo(f"warning: {warning}", err=True)
    options, program = choice.options, ""
    if test is not None:
        from cure_tui.solving.own_program import read_program

        if len(found) > 1 or coder is not None or output is not None:
            if len(found) > 1:
                raise ConfigError(
                    "--test takes one problem", "give a single file, and --index for one that holds several"
                )
            wrong = "--coder" if coder is not None else "--output"
            raise ConfigError(f"--test samples no program: {wrong} does not fit", "leave it out")
        program = read_program(test)
        options = options | {"n": 0, "coder": options["tester"]}
    choice.tell()
    confirm_models((options["coder"], options["tester"]), yes=yes)
    request = SolveRequest(
        tasks=tuple(Task(each.read.problem, each.read.prose) for each in found),
        coder=options["coder"],
        tester=options["tester"],
        n=options["n"],
        m=options["m"],
        seed=seed,
        strategy=options["strategy"],
        select=options["select"],
        judge=options["judge"] or "",
        specifier=options["specifier"] or "",
        budget=options["budget"],
        temperature=options["temperature"],
        max_tokens=options["max_tokens"],
        allow_unsandboxed=allow_unsandboxed,
        program=program,
    )
    origins = [each.origin for each in found]
    if ui is View.FULL and not (no_ui or as_json):
        if not in_terminal():
            raise ConfigError("--ui full needs a terminal", "leave it out: the program is printed without a live view")
        status = solve_in_full_view(request, origins, output, choice.keep_seconds)
    else:
        live = ui is View.INLINE and not no_ui
        status = solve_and_report(
            request, origins, output, as_json=as_json, live=live, keep=choice.keep_seconds
        )  # fmt: skip
    choice.hint_after(status)
    raise typer.Exit(status)


def _check(
    problems: list[str], index: str | None, time_limit: float | None, comparison: str | None, *, as_json: bool
) -> int:
    """Print how the problems were read; return 2 if a source could not be read, else 0."""
    from cure_tui.solving import checking

    found, faults = checking.check(problems, index, time_limit, comparison)
    if as_json:
        typer.echo(checking.as_json(found))
    elif found:
        typer.echo("\n\n".join((*map(checking.understood, found), checking.libraries())))
    for fault in faults:
        typer.echo(f"error: {fault}", err=True)
    return 2 if faults else 0
