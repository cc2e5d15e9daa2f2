"""`cure-tui solve`: best-of-N on a problem file; the program on stdout."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cure_tui.terminal import in_terminal


class View(StrEnum):
    """How solving is shown."""

    INLINE = "inline"
    FULL = "full"
    NONE = "none"


def solve(
    problems: Annotated[
        list[str],
        typer.Argument(metavar="PROBLEM...", help="Markdown files, - for stdin, or a CURE .json with --index."),
    ],
    preset: Annotated[str | None, typer.Option(help="Both roles: a preset's base model.")] = None,
    model: Annotated[str | None, typer.Option(help="Both roles: a model's folder or hub name.")] = None,
    adapter: Annotated[str | None, typer.Option(metavar="RUN", help="Both roles: what a run has trained.")] = None,
    coder: Annotated[
        str | None, typer.Option(metavar="WHO", help="PRESET, run:NAME, model:FOLDER or openai:MODEL@URL.")
    ] = None,
    tester: Annotated[str | None, typer.Option(metavar="WHO", help="The same for who writes the tests.")] = None,
    n: Annotated[int, typer.Option("-n", min=1, max=512, help="Programs to sample.")] = 16,
    m: Annotated[int, typer.Option("-m", min=0, max=512, help="Tests to sample.")] = 16,
    strategy: Annotated[str, typer.Option(help="bon, codet, debug or single.")] = "bon",
    budget: Annotated[str, typer.Option(help="Bounds such as 30s, 20000tok, $0.10; commas between several.")] = "",
    temperature: Annotated[float | None, typer.Option(min=0.0, max=5.0, help="Instead of the preset's.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Longest answer, in tokens.")] = None,
    time_limit: Annotated[
        float | None, typer.Option(min=0.01, max=600.0, help="Seconds a test, instead of the problem's.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed samples the same answers (local models).")] = 0,
    index: Annotated[str | None, typer.Option(help="Which problems of a CURE file: 3, or 0-9.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write the program there (a folder for several problems).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="All evidence as JSON on stdout, a line a problem.")] = False,
    ui: Annotated[View, typer.Option(help="Live view: in place, on a full screen, or none.")] = View.INLINE,
    no_ui: Annotated[bool, typer.Option("--no-ui", help="As --ui none: the program, a line on stderr.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Only show what was understood of the problem.")] = False,
    allow_unsandboxed: Annotated[
        bool, typer.Option("--allow-unsandboxed", help="Run programs even where nothing can confine them (level D).")
    ] = False,
) -> None:
    """Solve a problem: sample programs and tests, run each on each, print the best program.

    Keys and prices of servers: endpoints.toml, in the folder above the one that `cure-tui presets` names.

    Exit status: 0 found (passes every example and most tests), 3 found but weak, 4 no program runs, 2 wrong usage or
    no problem, 5 and 6 as for all commands, 130 interrupted.
    """
    from cure_tui.solving.reading import read_problems
    from engine.errors import ConfigError, DataError

    try:
        found = read_problems(problems, index, time_limit)
    except DataError as error:
        raise ConfigError(error.message, error.remedy) from error  # status 4 has another meaning here
    if check:
        from cure_tui.solving.checking import understood

        typer.echo("\n\n".join(understood(each) for each in found))
        return
    from cure_tui.solving.run import solve_and_report, solve_in_full_view
    from cure_tui.solving.who import both_roles
    from engine.solve.request import SolveRequest, Task

    both = both_roles(preset, model, adapter, coder is None or tester is None)
    request = SolveRequest(
        tasks=tuple(Task(each.read.problem, each.read.prose) for each in found),
        coder=coder or both,
        tester=tester or both,
        n=n,
        m=m,
        seed=seed,
        strategy=strategy,
        budget=budget,
        temperature=temperature,
        max_tokens=max_tokens,
        allow_unsandboxed=allow_unsandboxed,
    )
    origins = [each.origin for each in found]
    if ui is View.FULL and not (no_ui or as_json):
        if not in_terminal():
            raise ConfigError("--ui full needs a terminal", "leave it out: without one the program alone is printed")
        raise typer.Exit(solve_in_full_view(request, origins, output))
    live = ui is View.INLINE and not (no_ui or as_json)
    raise typer.Exit(solve_and_report(request, origins, output, as_json=as_json, live=live))
