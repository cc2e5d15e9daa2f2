"""`cure-tui strategies`: ways of solving and of choosing, with needs, options and usual cost."""

from __future__ import annotations

import json
import textwrap
from dataclasses import Field
from typing import Annotated, Any

import typer

_COLUMNS = 79
_TOKENS_AN_ANSWER = 700
"""Tokens of a chat model's usual answer; one that thinks writes several times as many."""


def strategies(
    n: Annotated[int, typer.Option("-n", min=1, max=512, help="Number of programs of the usual cost.")] = 16,
    m: Annotated[int, typer.Option("-m", min=0, max=512, help="Number of tests of the usual cost.")] = 16,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """List the values of --strategy and --select of `cure-tui solve`.

    ANSWERS: how many a problem usually takes, at least and at most, with -n programs and -m tests.
    """
    from cure_tui.drawing.tables import text_table

    listed = {"strategies": _strategies(n, m), "selectors": _selectors()}
    if as_json:
        typer.echo(json.dumps(listed))
        return
    rows = [
        [each["name"], _span(each["answers"], 1, ""), _span(each["tokens"], 1000, "k"), _needs(each)]
        for each in listed["strategies"]
    ]
    typer.echo(text_table(["STRATEGY", "ANSWERS", "TOKENS", "NEEDS"], rows))
    for kind, word in (("strategies", "--strategy"), ("selectors", "--select")):
        typer.echo(f"\n{word} NAME, or NAME:OPTION=VALUE with several by commas")
        for each in listed[kind]:
            typer.echo(_entry(each["name"], each["summary"]))
            for option in each["options"]:
                typer.echo(_entry("", f"{option['name']}={_shown(option['default'])}: {option['help']}"))
    typer.echo("--judge and --specifier name them; otherwise the coder judges and the tester specifies", err=True)
    typer.echo(
        f"answers and tokens: for -n {n} -m {m}, an answer of {_TOKENS_AN_ANSWER} tokens, without prompts", err=True
    )


def _strategies(n: int, m: int) -> list[dict[str, Any]]:
    from engine.solve.options import options_of
    from engine.solve.strategies import find_strategy, strategy_names

    listed = []
    for name in strategy_names():
        strategy = find_strategy(name)
        answers = strategy.usual_answers(n, m)
        listed.append(
            {
                "name": name,
                "summary": strategy.summary,
                "select": strategy.selector,
                "parts": [str(part) for part in strategy.parts],
                "needs": [str(need) for need in strategy.needs],
                "answers": list(answers),
                "tokens": [count * _TOKENS_AN_ANSWER for count in answers],
                "options": [_option(each) for each in options_of(type(strategy))],
            }
        )
    return listed


def _selectors() -> list[dict[str, Any]]:
    from engine.solve.options import options_of
    from engine.solve.selectors import SELECTORS

    return [
        {"name": name, "summary": kind.summary, "options": [_option(each) for each in options_of(kind)]}
        for name, kind in SELECTORS.items()
    ]


def _option(declared: Field[Any]) -> dict[str, Any]:
    return {"name": declared.name, "default": declared.default, "help": declared.metadata["help"]}


def _entry(name: str, text: str) -> str:
    """Return a name with its text beside it, wrapped for a terminal of 80 columns."""
    return textwrap.fill(text, _COLUMNS, initial_indent=f"  {name:<13} ", subsequent_indent=" " * 16)


def _shown(default: Any) -> str:
    """Return a default as one would type it."""
    if isinstance(default, bool):
        return "yes" if default else "no"
    return f"{default:g}" if isinstance(default, float) else str(default)


def _span(bounds: list[int], unit: int, suffix: str) -> str:
    least, most = (round(bound / unit) for bound in bounds)
    return f"{least}{suffix}" if least == most else f"{least}-{most}{suffix}"


def _needs(strategy: dict[str, Any]) -> str:
    needs = [{"conversation": "a chat model"}.get(need, need) for need in strategy["needs"]]
    needs += [f"a {part}" for part in ("judge", "specifier") if part in strategy["parts"]]
    return ", ".join(needs) or "-"
