"""Result of a solved problem: the program on stdout, a line of evidence on stderr, an exit status."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import typer
from rich.syntax import Syntax

from cure_tui.drawing.console import PrintableConsole
from cure_tui.exit_codes import FOUND, NONE_RUNS, WEAK
from cure_tui.terminal import unfiltered
from engine.printable import printable, python_escape
from engine.prompts import Role
from engine.solve.fates import in_words, remedies_of

_BY_SUPPORT = {"supported": FOUND, "weak": WEAK, "none": NONE_RUNS}


def status_of(solution: Mapping[str, Any]) -> int:
    """Return the exit status: 0 supported, 3 weak, 4 no program runs."""
    return _BY_SUPPORT[solution["support"]]


def print_program(program: str) -> None:
    """Print the program: in colour in a terminal, elsewhere byte for byte, in UTF-8 as Python reads its sources.

    In a terminal Python's escape stands for a control character, so that a string that holds it keeps its meaning.
    """
    text = program if program.endswith("\n") else program + "\n"
    if sys.stdout.isatty():
        shown = printable(text.expandtabs(4), keep="\n", shown=python_escape)
        # soft_wrap: the terminal wraps a long line; rich would cut it
        PrintableConsole(file=unfiltered(sys.stdout), highlight=False).print(
            Syntax("", "python", background_color="default").highlight(shown), end="", soft_wrap=True
        )
        sys.stdout.flush()
        _warn_of_lost_characters(shown)
    else:
        sys.stdout.flush()
        output = unfiltered(sys.stdout).buffer
        output.write(text.encode("utf-8", "backslashreplace"))
        output.flush()


def _warn_of_lost_characters(text: str) -> None:
    """Say that the terminal cannot show all of the program, if so: stdout has escaped what its encoding lacks."""
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError as error:
        typer.echo(
            f"warning: the terminal's encoding {sys.stdout.encoding} lacks characters of the program, such as "
            f"{text[error.start]!a} (-o FILE writes them, PYTHONIOENCODING=utf-8 prints them)",
            err=True,
        )


def summary_line(solution: Mapping[str, Any]) -> str:
    """Return one line: how well the program is supported, its evidence, what was unusual, its cost, and remedies."""
    spent = solution["spent"]
    cost = f", ${spent['dollars']:.4f}" if spent["dollars"] else ""
    tokens = f"{spent['tokens']} tokens{_uncounted(spent.get('uncounted', 0))}"
    paid = f"{tokens}, {spent['seconds']:.1f} s{cost}{_given_up(spent.get('given_up'))}"
    parts = [_evidence(solution), *_unusual(solution), paid, solution["ended"], *_remedies(solution)]
    return "; ".join(filter(None, parts))


def echo_wrapped(line: str) -> None:
    """Print a line on stderr; on a terminal that is too narrow for it, broken between words."""
    if sys.stderr.isatty():
        columns = shutil.get_terminal_size().columns
        rows = textwrap.wrap(line, columns, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
        line = "\n".join(rows)
    typer.echo(line, err=True)


def _evidence(solution: Mapping[str, Any]) -> str:
    candidates, is_own = solution["candidates"], "failing" in solution  # --test: one program, no model's
    if solution["chosen"] is None and not is_own:
        return f"no program runs: {_answers(len(candidates))}"
    chosen = candidates[solution["chosen"] or 0]
    word = "does not run" if solution["chosen"] is None else solution["support"]
    parts = []
    if solution["public"]:
        parts.append(f"{sum(passed is True for passed in chosen['public'])} of {len(solution['public'])} examples")
    parts.append(f"{chosen['votes']} of {len(solution['tests'])} tests")
    if is_own:
        return f"{word}: passes {' and '.join(parts)}"
    disputed = f", {len(solution['disputed'])} disputed" if solution["disputed"] else ""
    running = sum(candidate["source"] is not None for candidate in candidates)
    agreement = f"agrees with {round(solution['agreement'] * running)} of {running} programs"
    return f"{word}: passes {' and '.join(parts)}{disputed}, {agreement}"


def _unusual(solution: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the counts do not show: evidence that is lacking, answers that are unusable or recovered."""
    lacking = solution.get("lacking", "")
    if solution["chosen"] is not None and "fails" not in lacking:
        yield lacking
    for role, fates in solution.get("answers", {}).items():
        told = in_words(fates)
        yield f"{role}: {told}" if told else ""


def _remedies(solution: Mapping[str, Any]) -> Iterator[str]:
    if another := solution.get("another_comparison"):
        yield f"it would pass with --comparison {another}"
    if solution["support"] != "supported":
        answers = solution.get("answers", {})
        yield from remedies_of({Role(role): fates for role, fates in answers.items()})


def _given_up(cost: Mapping[str, Any] | None) -> str:
    """Tell what a server may bill for requests that nobody waited for; "" for none."""
    if not cost or not cost["answers"]:
        return ""
    money = f"${cost['dollars']:.4f}" if cost["dollars"] else f"{cost['prompt_tokens'] + cost['tokens']} tokens"
    return f" (and about {money} for {_answers(cost['answers'])} given up)"


def _uncounted(count: int) -> str:
    """Tell of answers whose server reports no usage, so that nobody knows what they cost; "" for none."""
    return f" (and those of {_answers(count)}, which the server does not report)" if count else ""


def _answers(count: int) -> str:
    return f"{count} answer{'' if count == 1 else 's'}"
