"""Runs of others on the command line: refused or asked about, handed on as a file; keys that others can read."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from cure_tui.cli import app
from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.runs.folder import RunFolder
from tests.cure_tui.command_line import Cli
from tests.cure_tui.recorded import record_run
from tests.cure_tui.runs.evaluations.reports import report, store
from tests.left_on_screen import After, left_on_screen

RUN = "nano-20261125-1200-abc"


@pytest.fixture
def folder(tmp_path: Path, own_home: Path) -> RunFolder:
    folder = RunFolder.create(own_home / "runs" / RUN, dump_toml(load_preset("nano")))
    record_run(folder, 3)
    return folder


@pytest.fixture
def foreign(folder: RunFolder) -> RunFolder:
    if os.geteuid() != 0:
        pytest.skip("giving a folder away takes root")
    os.chown(folder.path, 12_345, 12_345)
    return folder


def test_a_refused_folder_is_listed_with_the_reason_and_hides_no_other(cli: Cli, folder: RunFolder) -> None:
    other = RunFolder.create(folder.path.with_name("other"), "")
    os.mkfifo(other.journal)
    listed = cli("runs", timeout=60)
    assert listed.returncode == 0
    assert "refused: events.jsonl is a FIFO" in listed.stdout
    assert RUN in listed.stdout
    found = {run["run"]: run["state"] for run in json.loads(cli("runs", "--json").stdout)}
    assert found == {RUN: "finished", "other": "unreadable"}
    resumed = cli("resume", "other", timeout=60)
    assert resumed.returncode == 6
    assert resumed.stderr.count("\n") == 1


def test_a_run_is_exported_and_imported_on_the_command_line(cli: Cli, folder: RunFolder, tmp_path: Path) -> None:
    exported = cli("runs", "export", RUN, "-o", "run.tar")
    assert (exported.returncode, exported.stdout) == (0, "run.tar\n")
    assert cli("import", "run.tar").returncode == 6
    imported = cli("import", "run.tar", "--run-dir", str(folder.path.with_name("second")))
    assert (imported.returncode, imported.stdout) == (0, "second\n")
    refused = cli("resume", "second", "--no-ui")
    assert refused.returncode == 6
    assert "was imported and has not been opened yet" in refused.stderr
    assert "--yes" in refused.stderr
    agreed = cli("resume", "second", "--no-ui", "--yes")
    assert "is finished" in agreed.stderr
    assert "is finished" in cli("resume", "second", "--no-ui").stderr


def test_a_run_of_another_user_is_refused_to_a_script_each_time(cli: Cli, foreign: RunFolder) -> None:
    refused = cli("resume", RUN, "--no-ui")
    assert refused.returncode == 6
    assert f"run {RUN} belongs to user 12345, not to you" in refused.stderr
    assert "is finished" in cli("resume", RUN, "--no-ui", "--yes").stderr
    assert cli("resume", RUN, "--no-ui").returncode == 6


_OPENING = {
    "resume": ("resume", RUN, "--no-ui"),
    "resume for JSON": ("resume", RUN, "--json"),
    "export": ("export", RUN, "--adapter", "out"),
    "merged": ("export", RUN, "--merged", "out"),
    "compare": ("compare", RUN, "own"),
    "compare the second": ("compare", "own", RUN, "--json"),
    "solve": ("solve", "p.md", "--run", RUN),
    "solve with a coder": ("solve", "p.md", "--coder", f"run:{RUN}", "--tester", "nano", "--json"),
    "solve with a tester": ("solve", "p.md", "--tester", f"run:{RUN}"),
    "eval": ("eval", "--run", RUN, "--data", "nano"),
    "eval with a tester": ("eval", "--coder", "nano", "--tester", f"run:{RUN}", "--data", "nano"),
}


@pytest.mark.parametrize("command", _OPENING.values(), ids=_OPENING)
def test_without_a_terminal_no_command_opens_a_run_that_was_imported(
    cli: Cli, folder: RunFolder, command: tuple[str, ...]
) -> None:
    record_run(RunFolder.create(folder.path.with_name("own"), dump_toml(load_preset("nano"))), 3)
    (cli.folder / "p.md").write_text("Add.\n\nExample input:\n```\n1\n```\nExample output:\n```\n2\n```\n")
    (folder.path / "imported").touch()
    refused = cli(*command)
    assert (refused.returncode, refused.stdout) == (6, "")
    assert refused.stderr.splitlines() == [
        f"error: run {RUN} was imported and has not been opened yet (look through its config.toml; if you trust its "
        "author, add --yes)"
    ]
    assert (folder.path / "imported").exists()
    agreed = cli(*command, "--yes")
    assert "has not been opened yet" not in agreed.stderr
    assert not (folder.path / "imported").exists()


def test_every_command_that_takes_a_run_can_be_told_to_open_that_of_another() -> None:
    """Only `runs export` has no such option: it copies files, and neither loads nor executes anything."""

    def commands(group: Any, name: str = "") -> Iterator[tuple[str, Any]]:
        for word, command in getattr(group, "commands", {}).items():
            yield f"{name} {word}".strip(), command
            yield from commands(command, word)

    naming = {
        name: {parameter.name for parameter in command.params}
        for name, command in commands(typer.main.get_command(app))
        if name == "compare" or any(word in (each.metavar or "") for each in command.params for word in ("RUN", "WRIT"))
    }
    naming.pop("import")  # a file, or a new folder
    assert {name for name, parameters in naming.items() if "yes" not in parameters} == {"runs export"}
    assert naming.keys() >= {"attach", "resume", "export", "compare", "solve", "eval"}


def test_an_evaluation_of_another_user_is_not_gone_on_with_unasked(cli: Cli, own_home: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("giving a folder away takes root")
    store(own_home, report("theirs", 0.5, tasks=3))
    os.chown(own_home / "evaluations" / "theirs", 12_345, 12_345)
    refused = cli("eval", "--resume", "theirs")
    assert refused.returncode == 6
    assert "theirs belongs to user 12345, not to you" in refused.stderr
    assert "--yes" in refused.stderr


@pytest.mark.parametrize("command", ["attach", "resume", "compare"])
def test_a_user_is_asked_before_a_run_of_another_is_opened(cli: Cli, foreign: RunFolder, command: str) -> None:
    left = left_on_screen(
        [sys.executable, "-m", "cure_tui", command, RUN, *([RUN] if command == "compare" else [])],
        script=[After("open it anyway? [y/N]", keys="n\r")],
        environment=cli.environment,
    )
    assert left.status == 3
    assert "belongs to user 12345" in left.text
    assert "nothing was opened" in left.text


def test_a_yes_opens_the_run_of_another(cli: Cli, foreign: RunFolder) -> None:
    left = left_on_screen(
        [sys.executable, "-m", "cure_tui", "attach", RUN],
        script=[After("open it anyway? [y/N]", keys="y\r"), After("finished", keys="q")],
        environment=cli.environment,
    )
    assert left.status == 0


def test_doctor_and_solve_warn_of_a_key_that_others_can_read(cli: Cli) -> None:
    cli.configure_endpoint("http://127.0.0.1:9/v1", 'api_key = "secret-key"')
    file = Path(cli.environment["CURE_TUI_CONFIG"]) / "endpoints.toml"
    file.chmod(0o644)
    warning = f"other users of this machine can read the key in {file}: chmod 600 {file}"
    assert warning in cli("doctor").stdout
    assert warning in json.loads(cli("doctor", "--json").stdout)["exposed_keys"]
    (cli.folder / "p.md").write_text("Add.\n\nExample input:\n```\n1\n```\nExample output:\n```\n2\n```\n")
    solved = cli("solve", "p.md", "--model", "openai:m@http://127.0.0.1:9/v1", "--no-ui")
    assert f"warning: {warning}" in solved.stderr
    assert "secret-key" not in solved.stdout + solved.stderr
    file.chmod(0o600)
    assert "can read the key" not in cli("doctor").stdout


def test_a_settings_file_without_a_key_may_be_read(cli: Cli) -> None:
    cli.configure_endpoint("http://127.0.0.1:9/v1", 'api_key_env = "MY_KEY"')
    assert "can read the key" not in cli("doctor").stdout


def test_a_run_started_with_an_open_umask_is_its_owners_alone(cli: Cli, runnable, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    before = os.umask(0)
    try:
        started = cli.scripted("--preset", str(runnable()), "--no-ui", "--run-dir", str(tmp_path / "mine"))
    finally:
        os.umask(before)
    assert started.returncode == 0, started.stderr
    for path in (tmp_path / "mine", *(tmp_path / "mine").iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) in (0o600, 0o700), path
