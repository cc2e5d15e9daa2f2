"""`cure-tui eval`: accuracies of a model on a set of tasks; the table goes to stdout."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cure_tui.commands.data import set_names
from cure_tui.commands.eval_tables import compare_evaluations, table
from cure_tui.commands.runs import run_ids
from cure_tui.commands.values import Yes, finite
from engine.errors import ConfigError, RunError

if TYPE_CHECKING:
    from engine.evaluation.report import Report

eval_app = typer.Typer(rich_markup_mode=None)


@eval_app.callback(invoke_without_command=True)
def evaluate(
    context: typer.Context,
    preset: Annotated[str | None, typer.Option(help="Model of both roles: the base model of a preset.")] = None,
    model: Annotated[str | None, typer.Option(help="Model of both roles: a folder or a Hugging Face name.")] = None,
    run: Annotated[
        str | None,
        typer.Option(
            "--run",
            "--adapter",
            metavar="RUN",
            help="Both roles: as a run has trained its model.",
            autocompletion=run_ids,
        ),
    ] = None,
    coder: Annotated[
        str | None,
        typer.Option(metavar="WRITER", help="Writes programs: PRESET, run:NAME, model:FOLDER, openai:MODEL@URL."),
    ] = None,
    tester: Annotated[str | None, typer.Option(metavar="WRITER", help="Writes tests; given in the same way.")] = None,
    baseline_tester: Annotated[
        str,
        typer.Option(metavar="WRITER", help="Also judge the same programs by this one's tests; coder: by the coder's."),
    ] = "",
    one_shot: Annotated[
        str, typer.Option(metavar="WRITER", help="Also measure one program a task of this model.")
    ] = "",
    data: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE", help="Tasks: a set of `cure-tui data list`, or a file.", autocompletion=set_names
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="Split of the set; by default the one to evaluate on.")] = "",
    limit: Annotated[
        int, typer.Option(min=0, help="Tasks, of each difficulty its share: the same for every model. 0: all.")
    ] = 0,
    after: Annotated[str, typer.Option(metavar="DATE", help="Only tasks released after this ISO date.")] = "",
    n: Annotated[int, typer.Option("-n", min=1, max=512, help="Programs sampled for a task.")] = 16,
    m: Annotated[int, typer.Option("-m", min=1, max=512, help="Tests sampled for a task.")] = 16,
    bon: Annotated[
        str | None, typer.Option(metavar="SIZES", help="Sizes of best of n: 4x4,16x16; by default 4x4 and n x m.")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(min=0.0, max=5.0, callback=finite, help="Overrides the preset's temperature.")
    ] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Maximum tokens of an answer.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the answers and of --limit.")] = 0,
    budget: Annotated[
        str, typer.Option(help="Limits of the whole evaluation: $2, 500k tokens, 90m; several with commas.")
    ] = "",
    strategy: Annotated[
        str,
        typer.Option(
            metavar="NAMES", help="Compare strategies on these answers: all, or names of `cure-tui strategies`, a,b,c."
        ),
    ] = "",
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the strategies' curves into a file.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the estimate of tokens and cost; stop.")] = False,
    protocol: Annotated[
        str, typer.Option(metavar="NAME", help="cure: also count as the published script does, which leaves tasks out.")
    ] = "",
    name: Annotated[str, typer.Option(help="Name of a new evaluation, instead of a made-up one.")] = "",
    resume: Annotated[str, typer.Option(metavar="NAME", help="Go on with this evaluation.")] = "",
    regrade: Annotated[bool, typer.Option("--regrade", help="Judge the answers again, and sample none.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="List the evaluations and stop.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole report as JSON.")] = False,
    fail_under: Annotated[
        list[str] | None,
        typer.Option(metavar="code=30", help="End with status 3 if a share, in per cent, is lower; repeatable."),
    ] = None,
    allow_unsandboxed: Annotated[
        bool, typer.Option("--allow-unsandboxed", help="Run generated programs even without a sandbox (level D).")
    ] = False,
    yes: Yes = False,
) -> None:
    """Measure a model on a set of tasks: code, unit tests, best of n, lengths, cost.

    Every answer is kept at once. The same command again goes on with its unfinished evaluation.
    """
    if context.invoked_subcommand is not None:
        return
    from cure_tui.headless.evaluation import evaluate, list_lines, report_json, report_text, resume_evaluation
    from cure_tui.launch.question import confirm_models, confirm_origin
    from cure_tui.solving.who import both_roles
    from engine.evaluate.folder import find_evaluation
    from engine.evaluate.request import EvalRequest
    from engine.evaluate.ways import named_ways

    if listed:
        typer.echo("\n".join(list_lines()) or "there are no evaluations yet")
        return
    bounds = [_bound(text) for text in fail_under or ()]
    if resume:
        found = find_evaluation(resume)
        confirm_origin([found.folder.path], yes=yes)
        confirm_models(map(str, found.request.specs.values()), yes=yes)
        report: Report | None = resume_evaluation(resume, regrade=regrade, budget=budget)
    else:
        both = both_roles(preset, model, run, not (coder and tester))
        who = coder or both or tester, tester or both or coder
        if who[0] is None or who[1] is None:
            raise ConfigError("no model to evaluate", "name one with --preset, --model, --run or --coder and --tester")
        if data is None:
            raise ConfigError("no tasks to evaluate on", "name a set or a file: --data nano")
        if protocol not in ("", "cure"):
            raise ConfigError(f"there is no protocol '{protocol}'", "the only one is cure")
        sizes = bon.split(",") if bon else [size for size in ("4x4",) if n > 4 and m > 4] + [f"{n}x{m}"]
        sizes = list(dict.fromkeys(size.strip() for size in sizes))
        baseline = who[0] if baseline_tester == "coder" else baseline_tester
        confirm_models((*who, baseline, one_shot), yes=yes)
        report = evaluate(
            EvalRequest(
                who[0], who[1], data, split, limit, after, n, m, tuple(sizes), temperature, max_tokens,
                seed, protocol=protocol, allow_unsandboxed=allow_unsandboxed,
                baseline_tester=baseline, one_shot=one_shot, budget=budget,
                strategies=named_ways(strategy) if strategy else (),
            ),
            name=name,
            regrade=regrade,
            dry_run=dry_run,
        )  # fmt: skip
    if report is None:
        return
    if svg is not None:
        _draw(report, svg)
    typer.echo(report_json(report) if as_json else report_text(report))
    figures = {**report.totals.figures} | {f"bon {size}": each for size, each in report.totals.bon.items()}
    for share, bound in bounds:
        mean = figures[share].mean if share in figures else None
        if mean is None or mean * 100 < bound:
            typer.echo(f"{share} is {'undefined' if mean is None else f'{mean * 100:.1f}'}, below {bound:g}", err=True)
            raise typer.Exit(3)


eval_app.command("table")(table)
eval_app.command("compare")(compare_evaluations)


def _draw(report: Report, file: Path) -> None:
    """Write the curves of a report's strategies. Raises ConfigError if it has none, RunError."""
    from cure_tui.runs.evaluations.strategies import curves_svg

    if (drawn := curves_svg(report)) is None:
        raise ConfigError("--svg draws strategies, and this evaluation has none", "compare some with --strategy all")
    try:
        file.write_text(drawn, encoding="utf-8")
    except OSError as error:
        raise RunError(f"cannot write {file}: {(error.strerror or str(error)).lower()}", "name another file") from error
    typer.echo(f"written: {file}", err=True)


def _bound(text: str) -> tuple[str, float]:
    share, equals, number = text.rpartition("=")
    try:
        if equals:
            return share, finite(float(number)) or 0.0
    except ValueError:
        pass
    raise ConfigError(f"--fail-under '{text}' is no bound", "write it as code=30 or 'bon 4x4=50'")
