"""Worked turns: earlier turns of the conversation that show a small model, by example, what the answer must be.

Without them, a model of some hundred million parameters answers the instructions of the full style with prose. The
turns come from a TOML file, by default assets/prompts/shots.toml, which says what it holds.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from engine.errors import ConfigError
from engine.machine.resources import WORKED_TURNS, source_path
from engine.problems import IOExample
from engine.prompts.roles import Role

_MOST_TURNS = 64
_SLOT = re.compile(r"\{(\w+)\}")
_REMEDY = "give it the form of assets/prompts/shots.toml"


@dataclass(frozen=True, slots=True)
class Turn:
    """Task with an example, and the answer as the model is to write it."""

    statement: str
    example: IOExample
    answer: str


@dataclass(frozen=True, slots=True)
class RoleTurns:
    """Turns of one role, and the forms of a request and of the example in it."""

    form: str
    example_form: str
    turns: tuple[Turn, ...]

    def request(self, statement: str, example: IOExample | None) -> str:
        """Write the request for a task; without an example, nothing stands in its place."""
        shown = ""
        if example is not None:
            sides = {"input": example.input.strip("\n"), "output": example.output.strip("\n")}
            shown = _filled(self.example_form, sides)
        return _filled(self.form, {"statement": statement.strip(), "example": shown}).strip()


@dataclass(frozen=True, slots=True)
class WorkedTurns:
    """Turns of both roles, as the style of a prompt."""

    coder: RoleTurns
    tester: RoleTurns

    def of(self, role: Role) -> RoleTurns:
        return self.coder if role is Role.CODER else self.tester

    def messages(
        self, role: Role, statement: str, example: IOExample | None, show_examples: bool
    ) -> list[dict[str, str]]:
        """Build the conversation: the turns of the role, with their examples or without, then the request."""
        own = self.of(role)
        messages = []
        for turn in own.turns:
            request = own.request(turn.statement, turn.example if show_examples else None)
            messages.append({"role": "user", "content": request})
            messages.append({"role": "assistant", "content": turn.answer})
        return [*messages, {"role": "user", "content": own.request(statement, example)}]


def parse_worked_turns(text: str, label: str = "model.prompt_text") -> WorkedTurns:
    """Read the text of a file of worked turns. Raises ConfigError, with what is wrong where, after `label`."""
    try:
        tree = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{label}: not valid TOML: {error}", "fix that line") from error
    _refuse_others(tree, tuple(Role), label)
    return WorkedTurns(*(_role_turns(tree.get(role), f"{label}: [{role}]") for role in (Role.CODER, Role.TESTER)))


@cache
def built_in_turns() -> WorkedTurns:
    """Return the turns of assets/prompts/shots.toml."""
    path = source_path(WORKED_TURNS)
    return parse_worked_turns(path.read_text(encoding="utf-8"), str(path))


def _role_turns(table: Any, where: str) -> RoleTurns:
    if not isinstance(table, dict):
        raise ConfigError(f"{where} is missing", _REMEDY)
    _refuse_others(table, ("request", "example", "turns"), where)
    form, example_form = (_text(table, key, where) for key in ("request", "example"))
    _check_slots(form, ("statement",), ("example",), f"{where} request")
    _check_slots(example_form, ("input", "output"), (), f"{where} example")
    rows = table.get("turns", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ConfigError(f"{where} turns is no list of tables", f"write each as [[{where.split('[')[1]}.turns]]")
    if len(rows) > _MOST_TURNS:
        raise ConfigError(f"{where} has {len(rows)} turns", f"give at most {_MOST_TURNS}")
    return RoleTurns(form, example_form, tuple(_turn(row, f"{where} turn {i}") for i, row in enumerate(rows, 1)))


def _turn(row: Mapping[str, Any], where: str) -> Turn:
    keys = ("statement", "input", "output", "answer")
    _refuse_others(row, keys, where)
    statement, given, printed, answer = (_text(row, key, where) for key in keys)
    return Turn(statement.strip(), IOExample(given, printed), answer.strip())


def _text(table: Mapping[str, Any], key: str, where: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or (not value.strip() and key != "input"):
        raise ConfigError(f"{where} has no text '{key}'", _REMEDY)
    return value


def _check_slots(form: str, needed: Sequence[str], allowed: Sequence[str], where: str) -> None:
    found = _SLOT.findall(form)
    for slot in needed:
        if slot not in found:
            raise ConfigError(f"{where} lacks {{{slot}}}", f"write {{{slot}}} where it is to stand")
    for slot in found:
        if slot not in (*needed, *allowed):
            known = ", ".join(f"{{{name}}}" for name in (*needed, *allowed))
            raise ConfigError(f"{where} has the unknown placeholder {{{slot}}}", f"use {known}")


def _refuse_others(table: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for key in table:
        if key not in known:
            raise ConfigError(f"{where} has the unknown key '{key}'", f"use {', '.join(known)}")


def _filled(form: str, values: Mapping[str, str]) -> str:
    """Fill the placeholders in one pass: a statement that itself contains one stays as it is."""
    return _SLOT.sub(lambda found: values[found.group(1)], form)
