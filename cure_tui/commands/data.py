"""`cure-tui data`: published sets of tasks, listed, fetched, converted, checked and shown."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cure_tui.exit_codes import STOPPED, epilog
from engine.errors import ConfigError, DataError

if TYPE_CHECKING:
    from engine.data.converted import Options
    from engine.data.fetch import Located
    from engine.data.provenance import Origin, Tally
    from engine.data.sets import DataSet
    from engine.problems import Problem
    from engine.sandbox import Executor

data_app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)

_ASKED_BYTES = 1_000_000_000
_LISTED = 40


def set_names() -> list[str]:
    """Return the names of all sets, for shell completion."""
    from engine.data.sets import SETS

    return list(SETS)


def kind_names() -> list[str]:
    """Return the names of all converters, for shell completion."""
    from engine.data.kinds import KINDS

    return list(KINDS)


MaxTests = Annotated[int, typer.Option(min=1, help="Hidden tests kept of a task; the paper judges by 8.")]
MaxTestBytes = Annotated[int, typer.Option(min=1, help="Largest test kept, input and output together.")]
StyleChoice = Annotated[
    str, typer.Option("--style", help="Encoding of function tasks: cure, json, or auto (cure where it loses nothing).")
]
TimeFactor = Annotated[float, typer.Option(min=0.01, max=1000, help="Factor on the set's time limits.")]
KeepAmbiguous = Annotated[bool, typer.Option("--keep-ambiguous", help="Keep tasks that accept several answers.")]
After = Annotated[str, typer.Option(metavar="DATE", help="Drop tasks released on this ISO date or before.")]
NoVerify = Annotated[bool, typer.Option("--no-verify", help="Do not prove tasks by their references in the sandbox.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@data_app.callback()
def data() -> None:
    """Get published sets of tasks, or convert files of your own.

    `list` names the sets; `fetch codecontests` gets what the presets of real models train on.
    """


@data_app.command("list", epilog=epilog("data"))
def list_sets(as_json: AsJson = False) -> None:
    """List the sets, and which of them are here."""
    from cure_tui.drawing.tables import text_table
    from engine.data.provenance import read_provenance
    from engine.data.sets import SETS, set_folder

    entries = []
    for entry in SETS.values():
        account = read_provenance(set_folder(entry.name))
        counts = account.get("counts", {})
        here = {split: (set_folder(entry.name) / f"{split}.jsonl").is_file() for split in entry.splits()}
        state = (
            "built in" if entry.assets else "yes" if all(here.values()) else "in part" if any(here.values()) else "-"
        )
        entries.append(
            {
                "name": entry.name,
                "here": state,
                "megabytes": entry.megabytes or sum(source.size for source in entry.sources) / 1e6,
                "splits": entry.splits(),
                "licence": entry.licence,
                "title": entry.title,
                "note": entry.note,
                "pinned": entry.is_pinned,
                "fetched": [origin.get("revision", "") for origin in account.get("sources", [])],
                "repositories": list(dict.fromkeys(source.repo for source in entry.sources)),
                "folder": str(set_folder(entry.name)),
                "counts": counts,
            }
        )
    if as_json:
        typer.echo(json.dumps(entries))
        return
    rows = [
        [
            each["name"],
            each["here"],
            f"{each['megabytes']:,.1f}" if each["megabytes"] else "?",
            "yes" if each["pinned"] else "no",
            each["licence"],
            each["title"],
        ]
        for each in entries
    ]
    titles = ["SET", "HERE", "MB", "PINNED", "LICENCE", "WHAT"]
    typer.echo(text_table(titles, [[str(cell) for cell in row] for row in rows]))
    typer.echo("fetch one: cure-tui data fetch NAME; MB: of the download, where it is known", err=True)
    typer.echo(
        "not pinned: no commit of it is known here; what its repository holds on the day is taken and recorded",
        err=True,
    )


@data_app.command(epilog=epilog("data"))
def fetch(
    name: Annotated[str, typer.Argument(help="A set of `cure-tui data list`.", autocompletion=set_names)],
    brought: Annotated[
        list[Path] | None,
        typer.Option("--from", metavar="FILE|FOLDER", help="Take files brought by hand, without network; repeatable."),
    ] = None,
    revision: Annotated[str, typer.Option(help="Revision on the hub, instead of the pinned one.")] = "",
    max_tests: MaxTests = 8,
    max_test_bytes: MaxTestBytes = 1_000_000,
    style: StyleChoice = "auto",
    time_factor: TimeFactor = 1.0,
    keep_ambiguous: KeepAmbiguous = False,
    after: After = "",
    no_verify: NoVerify = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the downloaded files beside the tasks.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Fetch and convert even what is here.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before a large download.")] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch a set and convert it to tasks of this program.

    An interrupted download is resumed by the same command. Files that the hub's cache holds are not fetched again.
    """
    from engine.data.fetch import bring, build, check_space, locate, remove_downloads, working_in
    from engine.data.hub import Hub
    from engine.data.sets import find_set, set_folder

    entry = find_set(name)
    if entry.assets:
        raise ConfigError(f"{name} comes with this program", f"look at it: cure-tui data show {name}")
    folder = set_folder(name)
    if not (again or brought or revision) and all((folder / f"{split}.jsonl").is_file() for split in entry.splits()):
        typer.echo(f"{name} is here already: {folder}; --again fetches it anew", err=True)
        return
    options = _options(max_tests, max_test_bytes, style, time_factor, keep_ambiguous, after)
    _tell(entry, revision)
    with _progress() as on_progress, working_in(folder):
        hub = Hub(lambda line: typer.echo(line, err=True))
        located = locate(entry, hub, revision, brought or ())
        check_space(located, folder)
        _ask(located, yes)
        try:
            origins = bring(hub, located, on_progress)
        except KeyboardInterrupt:
            typer.echo("\ninterrupted: what has come is kept, the same command goes on there", err=True)
            raise
        finally:
            hub.close()
        with _executors(entry.verify and not no_verify) as executors:
            tallies = build(entry, located, origins, options, executors, on_progress)
        if not keep:
            remove_downloads(name)
    for origin in origins:
        if not origin.pinned:
            typer.echo(f"warning: {_unpinned(entry, origin)}", err=True)
    _report(tallies, as_json)
    typer.echo(f"{folder}: {', '.join(f'{split}.jsonl' for split in entry.splits())}", err=True)


@data_app.command(epilog=epilog("data"))
def convert(
    file: Annotated[Path, typer.Argument(help="A file of the set: .json, .jsonl, .gz, .parquet, or a folder of APPS.")],
    kind: Annotated[
        str, typer.Option("--from", metavar="KIND", help="Converter that reads it.", autocompletion=kind_names)
    ],
    target: Annotated[Path | None, typer.Option("--to", help="File to write, .jsonl; by default beside you.")] = None,
    max_tests: MaxTests = 8,
    max_test_bytes: MaxTestBytes = 1_000_000,
    style: StyleChoice = "auto",
    time_factor: TimeFactor = 1.0,
    keep_ambiguous: KeepAmbiguous = False,
    after: After = "",
    no_verify: NoVerify = False,
    as_json: AsJson = False,
) -> None:
    """Convert a file to tasks of this program, and tell what was left out and why."""
    from engine.data.conversion import convert as converted
    from engine.data.fetch import disk_faults, write_tasks
    from engine.data.streams import read_rows

    path = target or Path(f"{file.name.split('.')[0]}.tasks.jsonl")
    if path.suffix != ".jsonl" or (path.exists() and file.exists() and path.samefile(file)):
        raise ConfigError(f"{path} cannot be written to", "name another file that ends in .jsonl")
    options = _options(max_tests, max_test_bytes, style, time_factor, keep_ambiguous, after)
    with _progress() as on_progress, _executors(not no_verify) as executors, disk_faults(path.parent):
        tasks = converted(kind, read_rows(file), options, *executors)
        tally = write_tasks(tasks, path, file.name, on_progress)
    _report({path.name: tally}, as_json)


@data_app.command(epilog=epilog("data"))
def check(
    file: Annotated[str, typer.Argument(metavar="FILE|NAME", help="A file of tasks, or a set: NAME or NAME/SPLIT.")],
    against: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE|NAME", help="Evaluation data that must not be among the tasks; repeatable."),
    ] = None,
    for_training: Annotated[bool, typer.Option("--training", help="Refuse sets that must not be trained on.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check tasks: duplicates, contradicting tests, constant answers, overlap. Ends with 4 if a run would fail."""
    from cure_tui.drawing.spans import printable
    from engine.data.check import check_problems
    from engine.problems import load_problems

    evaluation = [problem for each in against or () for problem in load_problems(_tasks_at(each))]
    report = check_problems(load_problems(_tasks_at(file)), evaluation, for_training=for_training)
    if as_json:
        typer.echo(json.dumps(report.to_json()))
    else:
        for finding in report.findings:
            typer.echo(f"{finding.severity:<8} {printable(str(finding))}")
        typer.echo(f"{report.tasks} tasks{_counted(report.verdicts)}{_counted(report.styles)}")
    if not report.is_clean:
        raise DataError(f"{file}: {len(report.of('error'))} errors would make a run fail", "mend or drop these tasks")


@data_app.command(epilog=epilog("data"))
def show(
    file: Annotated[str, typer.Argument(metavar="FILE|NAME", help="A file of tasks, or a set: NAME or NAME/SPLIT.")],
    index: Annotated[int | None, typer.Option(min=0, help="Show the task at this place, from 0.")] = None,
    id_: Annotated[str, typer.Option("--id", help="Show the task of this id.")] = "",
    any_: Annotated[bool, typer.Option("--random", help="Show any task.")] = False,
    seed: Annotated[int | None, typer.Option(help="Seed of --random.")] = None,
    prompt: Annotated[str, typer.Option(help="Show the task's prompt: coder or tester.")] = "",
    as_json: AsJson = False,
) -> None:
    """List the tasks of a file or set, or show one as a model will see it."""
    from cure_tui.drawing.spans import printable
    from cure_tui.drawing.tables import text_table
    from engine.problems import load_problems, to_cure_record

    problems = load_problems(_tasks_at(file))
    chosen = [problems.index(problem) for problem in problems if problem.id == id_] if id_ else []
    if id_ and not chosen:
        raise ConfigError(f"{file} has no task '{printable(id_)}'", f"list them: cure-tui data show {file}")
    if any_:
        chosen = [random.Random(seed).randrange(len(problems))]
    chosen = [index] if index is not None else chosen
    if chosen and chosen[0] >= len(problems):
        raise ConfigError(f"{file} has {len(problems)} tasks", f"take an index from 0 to {len(problems) - 1}")
    if chosen and as_json:
        typer.echo(json.dumps({"index": chosen[0], **to_cure_record(problems[chosen[0]])}))
    elif chosen:
        typer.echo(printable(_prompt(problems[chosen[0]], prompt) or _described(problems[chosen[0]]), lines=True))
    elif as_json:
        typer.echo(json.dumps([{"index": at, "task_id": each.id} for at, each in enumerate(problems)]))
    else:
        rows = [[str(at), printable(each.id), *_facts(each)] for at, each in enumerate(problems[:_LISTED])]
        typer.echo(text_table(["INDEX", "TASK", "TESTS", "LIMIT", "VERDICT", "DIFFICULTY"], rows))
        more = f"{len(problems) - _LISTED} more; " if len(problems) > _LISTED else ""
        typer.echo(f"{more}one of them: cure-tui data show {file} --index N, --id TASK or --random", err=True)


def _tasks_at(text: str) -> Path:
    """Return the file that a path, a set's NAME or NAME/SPLIT names."""
    from engine.data.sets import SETS, task_file

    name, _, split = text.partition("/")
    if name in SETS and not Path(text).is_file():
        return task_file(name, split)
    if text and text.replace("-", "").isalnum() and not Path(text).exists():
        return task_file(text)  # says which sets there are
    return Path(text)


def _options(
    max_tests: int, max_test_bytes: int, style: str, time_factor: float, ambiguous: bool, after: str
) -> Options:
    from datetime import date

    from engine.data.converted import Options

    styles: Mapping[str, Any] = {"auto": None, "cure": "cure", "json": "json"}
    if style not in styles:
        raise ConfigError(f"there is no style '{style}'", f"use one of {', '.join(styles)}")
    try:
        day = date.fromisoformat(after).isoformat() if after else ""
    except ValueError:
        raise ConfigError(f"'{after}' is no date", "write it as 2024-08-01") from None
    return Options(max_tests, max_test_bytes, styles[style], time_factor, ambiguous, day)


@contextmanager
def _progress() -> Iterator[Callable[..., None]]:
    from cure_tui.commands.progress import ProgressLine

    line = ProgressLine()
    try:
        yield line
    finally:
        line.close()


@contextmanager
def _executors(wanted: bool) -> Iterator[list[Executor]]:
    """Provide confined executors for the references, of two hash seeds, or none with a line that says so."""
    from engine.errors import EnvironmentError_
    from engine.sandbox import Executor

    with ExitStack() as stack:
        executors: list[Executor] = []
        try:
            for seed in (0, 1) if wanted else ():
                executors.append(stack.enter_context(Executor(hash_seed=seed)))
        except EnvironmentError_ as error:
            typer.echo(f"note: no reference is run, every task stays unverified: {error.message}", err=True)
        yield executors


def _unpinned(entry: DataSet, origin: Origin) -> str:
    if entry.is_pinned:
        return f"{origin.url} is not the pinned content; sha256 {origin.sha256}"
    again = f"; --revision {origin.revision} takes it again" if origin.found != "by hand" else ""
    return f"nothing of {entry.name} is pinned: this is revision {origin.revision}, sha256 {origin.sha256}{again}"


def _tell(entry: DataSet, revision: str) -> None:
    """Print where a set comes from, under which licence, and what is to be known of it."""
    for source in entry.sources:
        typer.echo(f"{source.split}: {source.repo}, {source.path} at revision {revision or source.revision}", err=True)
    typer.echo(f"licence: {entry.licence}; the statements belong to the contest sites they come from", err=True)
    if entry.note:
        typer.echo(f"note: {entry.note}", err=True)


def _ask(located: list[Located], yes: bool) -> None:
    """Ask before a large download, where there is a user to ask."""
    from cure_tui.launch.question import has_user

    missing = sum(each.missing_bytes for each in located)
    if missing:
        typer.echo(f"to fetch: {missing / 1e6:,.1f} MB", err=True)
    if missing < _ASKED_BYTES or yes or not has_user():
        return
    typer.echo(f"fetch {missing / 1e9:.1f} GB? [y/N] ", nl=False, err=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        typer.echo("nothing was fetched", err=True)
        raise typer.Exit(STOPPED)


def _report(tallies: Mapping[str, Tally], as_json: bool) -> None:
    from cure_tui.drawing.spans import printable

    if as_json:
        typer.echo(json.dumps({name: tally.to_json() for name, tally in tallies.items()}))
        return
    for name, tally in tallies.items():
        verdicts = _counted(tally.verdicts) if set(tally.verdicts) != {"unverified"} else ""
        typer.echo(f"{name}: {tally.kept} tasks{verdicts}, {tally.dropped.total()} records dropped")
        for reason, count in tally.dropped.most_common():
            typer.echo(f"  {count:>5}  {printable(reason)}")


def _counted(counts: Mapping[str, int]) -> str:
    return f" ({', '.join(f'{count} {name}' for name, count in counts.items())})" if counts else ""


def _facts(problem: Problem) -> list[str]:
    tests = f"{len(problem.hidden)}+{len(problem.public)}"
    return [tests, f"{problem.time_limit:g} s", problem.verdict or "-", problem.difficulty or "-"]


def _prompt(problem: Problem, role: str) -> str:
    from engine.prompts import PromptStyle, Role, build_messages

    if not role:
        return ""
    if role not in tuple(Role):
        raise ConfigError(f"there is no role '{role}'", f"use one of {', '.join(Role)}")
    return build_messages(problem, Role(role), PromptStyle.FULL, show_example=True)[0]["content"]


def _described(problem: Problem) -> str:
    tests, limit, verdict, difficulty = _facts(problem)
    lines = [
        f"{problem.id}",
        f"  set {problem.dataset or '-'}, difficulty {difficulty}, source {problem.source or '-'}",
        f"  {tests} tests (hidden + shown), {limit} each, compared by {problem.compare or 'the run'}",
        f"  verdict {verdict}, released {problem.released or '-'}, {len(problem.solutions)} references",
        "",
        problem.statement.rstrip("\n"),
    ]
    for number, example in enumerate(problem.public, 1):
        lines += ["", f"example {number}, input:", example.input.rstrip("\n"), "output:", example.output.rstrip("\n")]
    return "\n".join(lines)
