"""One table of exit statuses: what `--help` and the pages say is what it holds."""

from __future__ import annotations

import re

import pytest

from cure_tui.exit_codes import EVERY_COMMAND, OF_COMMAND, Statuses, statuses
from cure_tui.solving.report import status_of
from engine.errors import CureError
from tests.cure_tui.command_line import ROOT, Cli

_LINE = re.compile(r"^ +(\d+)  (\S.*)$", re.MULTILINE)


def printed(text: str) -> Statuses:
    return {int(status): meaning for status, meaning in _LINE.findall(text)}


@pytest.mark.parametrize("command", ["runs", "attach", "resume", "compare", "solve", "doctor", "export", "serve"])
def test_the_help_of_a_command_ends_with_its_statuses(cli: Cli, command: str) -> None:
    said = cli(command, "--help").stdout
    assert printed(said.partition("Exit status:")[2]) == statuses(command)
    assert "xit status" not in said.partition("Exit status:")[0], "told a second time, in other words"


def test_the_help_of_the_program_has_the_table_of_every_command(cli: Cli) -> None:
    said = cli("--help").stdout
    every, *own = said.partition("Exit status of every command:")[2].split("\n\n")
    assert printed(every) == EVERY_COMMAND
    for names, table in (("cure-tui --preset and resume", "resume"), ("solve", "solve"), ("doctor", "doctor")):
        (part,) = (part for part in own if part.strip().startswith(f"Of {names}:"))
        assert printed(part) == OF_COMMAND[table]


def test_the_page_of_solving_has_the_same_words() -> None:
    page = (ROOT / "engine/solve/README.md").read_text()
    rows = dict(re.findall(r"^\| (\d+) \| (.*) \|$", page, re.MULTILINE))
    assert {int(status): meaning for status, meaning in rows.items()} == OF_COMMAND["solve"]


def test_every_kind_of_error_and_every_verdict_has_a_documented_status() -> None:
    documented = {status for table in (EVERY_COMMAND, *OF_COMMAND.values()) for status in table}
    assert {kind.exit_status for kind in CureError.__subclasses__()} <= documented
    verdicts = {word: status_of({"support": word}) for word in ("supported", "weak", "none")}
    for word, status in verdicts.items():
        assert OF_COMMAND["solve"][status].startswith("no program" if word == "none" else word)
