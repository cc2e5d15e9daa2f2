"""`cure-tui solve --test`: the user's own program, read before any model is opened, and the tests that it fails."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer
from rich.text import Text

from cure_tui.drawing.console import PrintableConsole
from cure_tui.drawing.glyphs import to_ascii
from cure_tui.drawing.palette import DEFAULT_THEME, styles_of
from cure_tui.drawing.spans import Row, Span, one_column
from cure_tui.solving.report import summary_line
from cure_tui.terminal import draws_unicode, unfiltered
from engine.errors import ConfigError, DataError
from engine.machine.regular_files import read_regular
from engine.prompts.answers import MAX_CHARACTERS
from engine.prompts.source_look import can_be_parsed

_SHOWN_TESTS = 8
_SHOWN_LINES = 10
_SHOWN_COLUMNS = 160
_CONTEXT = 2
"""Equal lines before the first difference."""
_HAPPENED = {
    "ok": "it prints something else",
    "runtime_error": "it ends with an error",
    "time_limit": "it runs out of time",
    "memory_limit": "it runs out of memory",
    "output_limit": "it prints far too much",
    "crash": "it crashes",
    "compile_error": "it is not valid Python",
}


def read_program(path: Path) -> str:
    """Read a program. Raises ConfigError for a file that holds none, DataError for one that is not valid Python."""
    try:
        data = read_regular(path, MAX_CHARACTERS) if path.stat().st_size <= MAX_CHARACTERS else None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", "give a Python program with --test") from None
    if data is None:
        raise ConfigError(f"{path} has more than {MAX_CHARACTERS / 1e6:g} MB", "give one program with --test")
    try:
        source = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 (byte {error.start})", "save it as UTF-8") from None
    if not source.strip():
        raise ConfigError(f"{path} is empty", "give a Python program with --test")
    try:
        if not can_be_parsed(source):
            raise ValueError("a name of thousands of parts")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, str(path), "exec", dont_inherit=True)
    except SyntaxError as error:
        raise DataError(
            f"{path} does not run: line {error.lineno}: {error.msg}", "mend it, then test it again"
        ) from None
    except (ValueError, RecursionError, MemoryError, OverflowError):
        raise DataError(f"{path} does not run: Python cannot compile it", "mend it, then test it again") from None
    return source


def report_own(solution: Mapping[str, Any], origin: str, *, as_json: bool) -> None:
    """Print the failing tests, or all evidence as JSON, on stdout, and a line on stderr."""
    if as_json:
        typer.echo(json.dumps({"problem": origin, **solution}))
    else:
        _print([*failing_rows(solution["failing"], solution["comparison"])])
    typer.echo(summary_line(solution), err=True)


def failing_rows(failing: list[dict[str, str]], comparison: str) -> Iterator[Row]:
    """Yield rows on the first failing tests: what happened, the input, the difference of the outputs."""
    for test in failing[:_SHOWN_TESTS]:
        error = f" ({one_column(test['error'])})" if test["error"] else ""
        by = " of the tester" if test["name"].startswith("test") else ""
        yield (Span(f"{test['name']}{by} fails: {_HAPPENED.get(test['status'], test['status'])}{error}", "title"),)
        yield (Span("  input", "muted"),)
        yield from _bounded((Span(one_column(line)),) for line in test["input"].rstrip("\n").split("\n"))
        if test["status"] == "ok" or test["got"].strip():
            yield from _bounded(iter(_difference(test["output"], test["got"], comparison)))
        else:
            yield (Span("  expected", "muted"),)
            yield from _bounded((Span(one_column(line)),) for line in test["output"].rstrip("\n").split("\n"))
        yield ()
    if len(failing) > _SHOWN_TESTS:
        yield (Span(f"and {len(failing) - _SHOWN_TESTS} more, which --json lists", "muted"),)


def _difference(expected: str, got: str, comparison: str) -> list[Row]:
    from cure_tui.dashboard.matrix.cell_picture import diff_rows

    if not got.strip():
        return [(Span("- expected", "bad"), Span("  and it printed nothing", "muted"))] + [
            (Span(f"- {one_column(line)}", "bad"),) for line in expected.rstrip("\n").split("\n")
        ]
    if expected.split() != got.split():
        rows = diff_rows(expected, got, comparison)
        first = next((place for place, row in enumerate(rows[1:], 1) if row[0].style != "muted"), 0)
        if first > _CONTEXT + 2:  # the difference itself must be among the lines that are shown
            alike = first - _CONTEXT - 1
            rows[1 : alike + 1] = [(Span(f"... ({alike} equal lines)", "muted"),)]
        return rows
    return [  # blanks or the ends of lines make the difference
        (Span("- expected", "bad"), Span("  "), Span("+ got", "good")),
        *((Span(f"- {line!r}", "bad"),) for line in expected.splitlines()),
        *((Span(f"+ {line!r}", "good"),) for line in got.splitlines()),
    ]


def _bounded(rows: Iterator[Row]) -> Iterator[Row]:
    """Yield the first rows, indented, and the number of the others."""
    every = list(rows)
    for row in every[:_SHOWN_LINES]:
        yield (Span("    "), *_cut(row))
    if len(every) > _SHOWN_LINES:
        yield (Span(f"    ... ({len(every) - _SHOWN_LINES} more lines)", "muted"),)


def _cut(row: Row) -> Iterator[Span]:
    left = _SHOWN_COLUMNS
    for span in row:
        yield Span(span.text if len(span.text) <= left else span.text[: max(left, 0)] + "...", span.style)
        left -= len(span.text)
        if left < 0:
            return


def _print(rows: list[Row]) -> None:
    unicode, styles = draws_unicode(), styles_of(DEFAULT_THEME)
    lines = [[(span.text if unicode else to_ascii(span.text), span.style) for span in row] for row in rows]
    if not sys.stdout.isatty():
        typer.echo("".join("".join(text for text, _ in line).rstrip() + "\n" for line in lines), nl=False)
        return
    console = PrintableConsole(file=unfiltered(sys.stdout), highlight=False)
    for line in lines:
        console.print(Text.assemble(*((text, styles.get(style, "")) for text, style in line)), soft_wrap=True)
