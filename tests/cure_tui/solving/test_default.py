"""Default of `cure-tui solve`: saved, used with a word, shown, cleared; broken or outdated ones are one line."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from cure_tui.solving.default import check_saved, default_file, read_default
from engine.errors import ConfigError
from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.runs.folder import RunFolder
from tests.cure_tui.command_line import Cli
from tests.engine.solve.strategies.scripted import program, unit_test
from tests.engine.solve.writers.fake_server import Reply, completion, serving
from tests.left_on_screen import left_on_screen

PROBLEM = "# Double\n\nRead a number and print twice its value.\n\nInput: `4`\n\nOutput: `8`\n"
DOUBLE = "print(int(input()) * 2)\n"
REMEDY = "`cure-tui solve --save-default OPTIONS` saves another, without options it clears it"


def good(number: int, request: dict[str, Any]) -> Reply:
    is_tester = "unit test" in request["messages"][0]["content"]
    return completion(unit_test("3", "6") if is_tester else program(DOUBLE.strip()))


@pytest.fixture
def file(cli: Cli) -> Path:
    (cli.folder / "double.md").write_text(PROBLEM)
    return Path(cli.environment["CURE_TUI_CONFIG"]) / "solve.toml"


def test_a_saved_default_solves_and_says_so_in_one_line(cli: Cli, file: Path) -> None:
    with serving(good) as server:
        who = f"openai:m@{server.url}"
        saved = cli("solve", "--save-default", "--coder", who, "--tester", who, "-n", "3", "-m", "2")
        assert (saved.returncode, saved.stdout) == (0, "")
        assert saved.stderr == f"saved: --coder {who} --tester {who} -n 3 -m 2 ({file})\n"
        done = cli("solve", "double.md")
        assert (done.returncode, done.stdout) == (0, DOUBLE)
        assert len(server.requests) == 5
        first, second = done.stderr.splitlines()
        assert first.startswith(f"your default: --coder {who} --tester {who} -n 3 -m 2 (change it with")
        assert second.startswith("supported")
        cli("solve", "double.md", "-n", "1")
        assert len(server.requests) == 5 + 1 + 2


def test_a_strategy_that_its_writers_cannot_follow_is_not_saved(cli: Cli, file: Path) -> None:
    for options in (["--strategy", "debug"], ["--strategy", "debug", "--coder", "openai:m@http://localhost:9/v1"]):
        refused = cli("solve", "--save-default", *options)
        assert (refused.returncode, refused.stdout, file.exists()) == (2, "", False)
        (line,) = refused.stderr.splitlines()
        assert line.startswith("error: preset:nano answers single questions only, debug is a conversation (use")
    assert cli("solve", "--save-default", "--strategy", "debug", "--preset", "qwen3-4b").returncode == 0


def test_in_a_terminal_that_line_is_muted(cli: Cli, file: Path) -> None:
    with serving(good) as server:
        who = f"openai:m@{server.url}"
        cli("solve", "--save-default", "--coder", who, "--tester", who, "-n", "1", "-m", "1")
        command = [sys.executable, "-m", "cure_tui", "solve", "double.md"]
        left = left_on_screen(command, environment=cli.environment, folder=cli.folder, size=(100, 30))
    assert left.below[0].startswith("your default: ")
    assert b"\x1b[2myour default: " in left.raw


def test_the_file_is_its_user_s_alone_and_no_half_of_it_stays(cli: Cli, file: Path) -> None:
    cli("solve", "--save-default", "-n", "3")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    cli("solve", "--save-default", "-m", "3")
    assert file.read_text().splitlines()[1:] == ["m = 3"]
    assert [path.name for path in file.parent.iterdir()] == ["solve.toml"]


def test_without_options_it_is_cleared(cli: Cli, file: Path) -> None:
    cli("solve", "--save-default", "-n", "3")
    done = cli("solve", "--save-default")
    assert (done.returncode, done.stderr) == (0, f"cleared: nano is the default again ({file})\n")
    assert not file.exists()


def test_a_model_for_both_roles_is_saved_for_each_and_a_role_is_overridden_alone(cli: Cli, file: Path) -> None:
    cli("solve", "--save-default", "--preset", "nano")
    assert file.read_text().splitlines()[1:] == ['coder = "preset:nano"', 'tester = "preset:nano"']
    with serving(good) as server:
        who = f"openai:m@{server.url}"
        cli("solve", "--save-default", "--coder", "preset:nano", "--tester", who, "-m", "2")
        done = cli("solve", "double.md", "--coder", who, "-n", "1")
    assert done.returncode == 0
    assert done.stderr.startswith(f"your default: --tester {who} -m 2 (")


def test_a_relative_folder_is_saved_with_its_whole_path(cli: Cli, file: Path) -> None:
    shutil.copytree(Path(__file__).parents[3] / "assets/nano", cli.folder / "mine")
    done = cli("solve", "--save-default", "--model", "./mine")
    assert done.returncode == 0
    assert f'coder = "model:{cli.folder / "mine"}"' in file.read_text()


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--model", "/nowhere/at/all"], "does not exist"),
        (["--preset", "nothing"], "no preset 'nothing'"),
        (["--adapter", "nothing"], "no run 'nothing'"),
        (["--strategy", "magic"], "no strategy 'magic'"),
        (["--budget", "lots"], "--budget 'lots'"),
        (["--keep", "soon"], "--keep 'soon'"),
        (["--keep", "48h"], "more than a day"),
        (["--coder", "openai:m@nowhere"], "not an address"),
    ],
)
def test_what_cannot_be_used_is_not_saved(cli: Cli, file: Path, options: list[str], what: str) -> None:
    done = cli("solve", "--save-default", *options)
    assert done.returncode in (2, 6)
    assert what in done.stderr
    assert done.stderr.count("\n") == 1
    assert not file.exists()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("n = ", "not valid TOML"),
        ("magic = 1", "'magic' is no option of a default"),
        ('n = "many"', "n = 'many' is not a value of -n"),
        ("n = true", "n = True is not a value of -n"),
        ("n = 100000", "n = 100000 is not a value of -n"),
        ("temperature = nan", "is not a value of --temperature"),
        ('strategy = "magic"', "no strategy 'magic'"),
        ("coder = '\xe4'".encode("latin-1"), "not valid TOML"),
    ],
)
def test_a_broken_file_is_one_line_with_the_remedy(cli: Cli, file: Path, text: str | bytes, what: str) -> None:
    file.parent.mkdir()
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    done = cli("solve", "double.md")
    assert (done.returncode, done.stdout) == (2, "")
    assert what in done.stderr
    assert REMEDY in done.stderr
    assert done.stderr.count("\n") == 1
    assert cli("solve", "--check", "double.md").returncode == 0
    assert what in cli("doctor").stdout
    assert cli("solve", "--save-default").returncode == 0
    assert not file.exists()


def test_a_default_that_has_been_deleted_is_named_with_the_remedy(cli: Cli, file: Path) -> None:
    run = RunFolder.create(Path(cli.environment["CURE_TUI_HOME"]) / "runs" / "mine", dump_toml(load_preset("nano")))
    assert cli("solve", "--save-default", "--adapter", "mine").returncode == 0
    shutil.rmtree(run.path)
    done = cli("solve", "double.md")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: your saved default cannot be used: there is no run 'mine' ({REMEDY})\n"
    shown = json.loads(cli("doctor", "--json").stdout)["solve"]["default"]
    assert shown["options"] == {"coder": "run:mine", "tester": "run:mine"}
    assert "no run 'mine'" in shown["fault"]


def test_doctor_shows_the_default(cli: Cli, file: Path) -> None:
    assert "  default    nano; save another" in cli("doctor").stdout
    cli("solve", "--save-default", "--preset", "nano", "--keep", "10m")
    assert "  default    --coder preset:nano --tester preset:nano --keep 10m\n" in cli("doctor").stdout


def test_a_folder_that_cannot_be_written_is_one_line(cli: Cli, file: Path) -> None:
    file.parent.write_text("a file where the folder should be")
    done = cli("solve", "--save-default", "-n", "3")
    assert done.returncode == 2
    assert "solve.toml cannot be written" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "text",
    ["n = " + "9" * 5000, "n = " + "[" * 5000, 'coder = "' + "a/" * 3000 + '"'],
    ids=lambda text: ascii(text[:20]),
)
def test_a_default_that_nothing_can_hold_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("CURE_TUI_CONFIG", str(tmp_path))
    default_file().write_text(text)
    with pytest.raises(ConfigError) as caught:
        check_saved(read_default())
    assert "\n" not in str(caught.value)


@pytest.mark.timeout(180)
def test_a_default_that_is_no_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURE_TUI_CONFIG", str(tmp_path))
    os.mkfifo(default_file())
    with pytest.raises(ConfigError, match="cannot be read: refused"):
        read_default()


@pytest.mark.parametrize(("option", "value"), [("--seed", "5"), ("--comparison", "tokens"), ("--index", "0")])
def test_an_option_that_no_default_holds_is_refused_and_clears_nothing(
    cli: Cli, file: Path, option: str, value: str
) -> None:
    cli("solve", "--save-default", "-n", "3")
    done = cli("solve", "--save-default", option, value)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: a default does not hold {option} (leave it out, or name a problem to solve)\n"
    assert "n = 3" in file.read_text()
