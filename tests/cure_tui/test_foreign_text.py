"""Text of other people reaches no terminal, browser or file as anything but text: raw bytes, looked through."""

from __future__ import annotations

import ast
import asyncio
import csv
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cure_tui.charts import ChartOptions, Series, to_csv, to_svg
from engine.printable import printable, python_escape
from engine.runs.folder import RunFolder
from engine.runs.transfer import export_run
from tests.cure_tui.command_line import SCRIPTED, Cli
from tests.cure_tui.foreign_text import HOSTILE, MARK, hostile_run, leaks, spoiled
from tests.cure_tui.runs.evaluations.reports import report
from tests.cure_tui.solving.test_solve import PROBLEM, is_tester
from tests.cure_tui.web.served import SECONDS, Served
from tests.cure_tui.web.served import start as start_serving
from tests.engine.solve.strategies.scripted import program, unit_test
from tests.engine.solve.writers.fake_server import Reply, completion, error, serving
from tests.left_on_screen import After, Left, left_on_screen

RUN = "nano-20261125-1200-abc"
PROGRAM = f"print(int(input()) * 2)  # {HOSTILE.replace(chr(12), '').replace(chr(13), '')}"
"""A program may hold any character in a comment, but for those that end its line."""
WITH_SCRIPTED_ENGINE = ("-P", "-c", SCRIPTED)


def screens(*steps: tuple[str, str]) -> list[After]:
    return [After(text, keys) for text, keys in steps]


def shown_by(
    cli: Cli,
    *arguments: str,
    script: Sequence[After] = (),
    how: tuple[str, ...] = ("-m", "cure_tui"),
    is_quoted: bool = True,
) -> Left:
    """Run a command in a terminal; it shows the foreign text if it `is_quoted`, and nothing of it but text."""
    left = left_on_screen(
        [sys.executable, *how, *arguments], environment=cli.environment, folder=cli.folder, script=script,
        size=(160, 50), own_lines=2,
    )  # fmt: skip
    assert leaks(left.raw) == [], left.text
    assert left.untidy == ()
    assert MARK.encode() in left.raw or not is_quoted, left.text
    assert "Traceback" not in left.text
    return left


@pytest.fixture
def runs(cli: Cli) -> Path:
    folder = Path(cli.environment["CURE_TUI_HOME"]) / "runs"
    folder.mkdir(parents=True)
    hostile_run(folder / RUN, all_words=False)
    hostile_run(folder / f"named{HOSTILE}", all_words=True)
    return folder


@pytest.fixture
def preset(cli: Cli) -> Path:
    """Write a user's preset with foreign text in its name, its values and its keys."""
    folder = Path(cli.environment["CURE_TUI_CONFIG"]) / "presets"
    folder.mkdir(parents=True)
    text = json.dumps(HOSTILE, ensure_ascii=True)
    path = folder / "own.toml"
    path.write_text(f'extends = "nano"\ndescription = {text}\n[model]\nsource = {text}\n[data]\ntrain = {text}\n')
    (folder / f"own{HOSTILE}.toml").write_text(f'extends = "nano"\n{text} = 1\n[sandbox]\ncomparison = {text}\n')
    return path


def test_the_test_itself_sees_what_a_terminal_would_obey() -> None:
    assert len(leaks(HOSTILE.encode())) > 15
    assert leaks(f"\x1b]2;title {MARK}7331\x07\x1b[31mred\x1b[0m {MARK}\r\n".encode()) == []


@pytest.mark.parametrize(
    "arguments", [["runs"], ["compare", RUN, "named"], ["resume", RUN, "--no-ui"], ["attach", f"no{HOSTILE}"]]
)
def test_commands_on_runs_show_foreign_text_as_text(cli: Cli, runs: Path, arguments: list[str]) -> None:
    shown_by(cli, *arguments)
    done = cli(*arguments)
    assert leaks((done.stdout + done.stderr).encode()) == []


def test_an_imported_run_shows_foreign_text_as_text(cli: Cli, runs: Path, tmp_path: Path) -> None:
    export_run(RunFolder.open(runs / RUN), tmp_path / "run.tar")
    left = shown_by(cli, "import", str(tmp_path / "run.tar"), "--run-dir", f"came{HOSTILE}")
    assert left.status == 0


@pytest.mark.parametrize(
    "arguments",
    [["presets"], ["presets", "show", f"own{HOSTILE}"], ["doctor"], ["--preset", "own", "--no-ui"],
     ["doctor", "--preset", f"own{HOSTILE}"], ["--preset", "nano", "--set", f"run.steps={HOSTILE}", "--no-ui"]],
)  # fmt: skip
def test_commands_on_presets_show_foreign_text_as_text(cli: Cli, preset: Path, arguments: list[str]) -> None:
    shown_by(cli, *arguments)


def test_a_preset_that_is_shown_escapes_foreign_text_and_reads_back(cli: Cli, preset: Path) -> None:
    left = cli("presets", "show", "own")
    assert leaks(left.stdout.encode()) == []
    copied = preset.with_name("copied.toml")
    copied.write_text(left.stdout)
    assert cli("presets", "show", "copied").stdout == left.stdout
    assert json.loads(cli("presets", "--json").stdout)[-1]["name"].startswith(("own", "copied"))


@pytest.mark.parametrize("arguments", [["runs"], ["presets"], ["resume", f"no{HOSTILE}"]])
@pytest.mark.parametrize("encoding", ["ascii", "ascii:replace", "latin-1"])
def test_no_encoding_of_the_streams_lets_foreign_text_past(
    cli: Cli, preset: Path, encoding: str, arguments: list[str]
) -> None:
    environment = {**cli.environment, "PYTHONIOENCODING": encoding, "CURE_TUI_HOME": str(cli.folder / HOSTILE)}
    command = [sys.executable, "-m", "cure_tui", *arguments]
    done = subprocess.run(command, cwd=cli.folder, env=environment, capture_output=True, check=False)
    printed = (done.stdout + done.stderr).decode(encoding.partition(":")[0])
    assert MARK in printed
    assert leaks(printed.encode()) == []


def test_a_run_without_a_dashboard_shows_foreign_text_as_text(cli: Cli, runnable: Callable[..., Path]) -> None:
    path = runnable()
    path.write_text(path.read_text().replace('"finish"', json.dumps(f"foreign{HOSTILE}")))
    left = shown_by(cli, "--preset", str(path), "--no-ui", how=WITH_SCRIPTED_ENGINE)
    assert left.status == 6
    done = cli.scripted("--preset", str(path), "--no-ui")
    assert leaks(done.stderr.encode()) == []


TOUR = screens(
    ("Open the cell", "2"), ("newest steps first", "\r"), ("Copy answer", "\x1b"), ("newest steps first", "3"),
    ("Previous task", "\r"), ("other part", "\x1b"), ("Previous task", "4"), ("One chart", "e"), ("saved to", "5"),
    ("tester answers", "6"), ("newest first", "\x13"), ("screen-", "\x1b"), ("fits this machine", "\x11"),
)  # fmt: skip


@pytest.mark.parametrize("run", [RUN, "named"])
def test_every_view_of_the_dashboard_shows_foreign_text_as_text(cli: Cli, runs: Path, preset: Path, run: str) -> None:
    script = TOUR if run == RUN else screens(("Overview", "6"), ("newest first", "\x13"), ("screen-", "\x11"))
    left = shown_by(cli, "attach", run, "--yes", script=script)
    assert left.status == 0
    assert b"\x1b]2;" in left.raw, "the terminal's title"
    saved = [path for path in runs.parent.rglob("*") if path.suffix in (".svg", ".csv", ".html")]
    assert {path.suffix for path in saved} == ({".svg", ".csv"} if run == RUN else {".svg"})
    for path in saved:
        assert leaks(path.read_bytes()) == [], path.name


def test_charts_in_files_hold_foreign_names_as_text() -> None:
    series = [Series(f"code{HOSTILE}", np.arange(3.0), np.arange(3.0))]
    options = ChartOptions(title=HOSTILE, x_label=HOSTILE)
    for text in (to_svg(series, 400, 300, options), to_csv(series, HOSTILE)):
        assert MARK in text
        assert leaks(text.encode()) == []
        assert not any(control in text for control in "\x1b\r\b\x07\x00")


@pytest.mark.parametrize("name", ["=1+1", '=HYPERLINK("http://x","y")', "+1", "-1", "@SUM(1)", " =1", "\n=1"])
def test_no_name_in_a_table_is_a_formula_of_a_spreadsheet(name: str) -> None:
    table = to_csv([Series(name, np.arange(2.0), -np.arange(2.0))], name)
    rows = list(csv.reader(table.splitlines(keepends=True)))
    assert all(cell.startswith("'") for cell in rows[0])
    assert rows[-1] == ["1", "-1"]


def test_a_traceback_in_the_log_of_an_engine_has_no_control_characters() -> None:
    program = (
        "import sys, traceback\nfrom engine.printable import print_printable\nprint_printable()\n"
        f"print({HOSTILE!r})\nprint({HOSTILE!r}, file=sys.stderr)\n"
        f"try:\n    raise ValueError({HOSTILE!r})\nexcept ValueError:\n    traceback.print_exc()\n"
        f"raise OSError({HOSTILE!r})"
    )
    ended = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, timeout=SECONDS)
    assert ended.returncode == 1
    assert ended.stderr.count(MARK.encode()) >= 3
    assert leaks(ended.stdout + ended.stderr) == []


@pytest.fixture
def served(cli: Cli, runs: Path, preset: Path) -> Iterator[Served]:
    process = start_serving(cli)
    assert process.stdout is not None
    yield Served(process, process.stdout.readline().strip())
    if process.poll() is None:
        process.terminate()
        process.communicate(timeout=SECONDS)


_CLICKS = (("Watch", "\r"), ("Overview", "2"), ("newest steps first", "6"), ("notices", ""))


def test_a_browser_receives_foreign_text_as_text(served: Served) -> None:
    async def read() -> bytes:
        received = bytearray()
        async with served.web_socket("width=160&height=50") as connection:
            await connection.send_str(served.key)
            for text, keys in _CLICKS:
                end = time.monotonic() + SECONDS
                while text.encode() not in received:
                    message = await asyncio.wait_for(connection.receive(), end - time.monotonic())
                    received += message.data if isinstance(message.data, bytes) else str(message.data).encode()
                if keys:
                    await connection.send_json(["stdin", keys])
        return bytes(received)

    raw = asyncio.run(read())
    assert MARK.encode() in raw
    assert leaks(raw) == []
    served.process.terminate()
    out, err = served.process.communicate(timeout=SECONDS)
    assert leaks((out + err).encode()) == []


@pytest.fixture
def problems(cli: Cli) -> Path:
    """Write a problem in Markdown and a CURE file with foreign text in every field but the id."""
    text = PROBLEM
    for word in ("Double", "twice", "`4", "`8"):
        text = text.replace(word, word + HOSTILE)
    (cli.folder / "double.md").write_text(text)
    record = {
        "task_id": "one", "question": HOSTILE, "test_time_limit": 1, "difficulty": HOSTILE, "dataset": HOSTILE,
        "example_input": ["4" + HOSTILE], "example_output": ["8" + HOSTILE],
        "test_input": ["4" + HOSTILE], "test_output": ["8" + HOSTILE],
    }  # fmt: skip
    (cli.folder / "tasks.jsonl").write_text(json.dumps(record) + "\n")
    return cli.folder / "double.md"


@pytest.mark.parametrize("problem", ["double.md", "tasks.jsonl"])
def test_a_problem_that_is_checked_shows_foreign_text_as_text(cli: Cli, problems: Path, problem: str) -> None:
    shown_by(cli, "solve", "--check", problem)
    done = cli("solve", "--check", problem, "--json")
    assert leaks(done.stdout.encode()) == []
    (read,) = json.loads(done.stdout)
    assert any("\x9b7331J" in text for text in (read["statement"], read["examples"][0]["output"])), "nothing is lost"


def answering(solution: str) -> Callable[[int, dict[str, Any]], Reply]:
    tests = unit_test(f"3{HOSTILE}", f"6{HOSTILE}"), unit_test("3", "6"), HOSTILE
    programs = program(solution), program(f"print({HOSTILE!r})"), HOSTILE

    def handle(number: int, request: dict[str, Any]) -> Reply:
        return completion((tests if is_tester(request) else programs)[request["seed"] % 3])

    return handle


@pytest.mark.parametrize("view", ["inline", "none", "full"])
def test_models_answers_are_shown_as_text(cli: Cli, problems: Path, view: str) -> None:
    with serving(answering(PROGRAM)) as server:
        who = f"openai:m@{server.url}"
        script = screens(("Quit", "q")) if view == "full" else []
        left = shown_by(
            cli, "solve", "double.md", "tasks.jsonl", "--coder", who, "--tester", who, "-n", "3", "-m", "3",
            "--ui", view, script=script,
        )  # fmt: skip
    assert "\\x1b[7331J" in left.text, "the program, with an escape for each control"


def test_a_program_reaches_a_pipe_and_a_file_byte_for_byte(cli: Cli, problems: Path) -> None:
    with serving(answering(PROGRAM)) as server:
        who = f"openai:m@{server.url}"
        asked = ["solve", "double.md", "--coder", who, "--tester", who, "-n", "3", "-m", "3"]
        done = cli(*asked)
        cli(*asked, "-o", "out.py")
    assert (cli.folder / "out.py").read_text() == PROGRAM + "\n"
    assert done.stdout == PROGRAM + "\n"
    assert leaks(done.stderr.encode()) == []


def test_an_escape_in_a_terminal_stands_for_the_same_string() -> None:
    held = HOSTILE.replace("\\", "") + "\ud800\U000e0001"
    shown = printable(f'"{held}"', shown=python_escape)
    assert leaks(shown.encode()) == []
    assert ast.literal_eval(shown) == held


@pytest.mark.parametrize("status", [200, 401, 404, 500])
def test_a_servers_error_is_shown_as_text(cli: Cli, problems: Path, status: int) -> None:
    def handle(number: int, request: dict[str, Any]) -> Reply:
        return error(status, HOSTILE) if status != 200 else Reply(HOSTILE.encode())

    with serving(handle, models=[HOSTILE]) as server:
        who = f"openai:m{HOSTILE}@{server.url}"
        # What is no JSON is not quoted; whether the model's name is drawn before that is found out is a matter of time.
        solve = ("solve", "double.md", "--coder", who, "--tester", who, "-n", "1", "-m", "1")
        left = shown_by(cli, *solve, is_quoted=status != 200)
    assert left.status not in (0, 1)


def test_an_own_program_and_the_tests_that_it_fails_are_shown_as_text(cli: Cli, problems: Path) -> None:
    (cli.folder / "own.py").write_text(f"print({HOSTILE!r})\nraise ValueError({HOSTILE!r})\n")
    with serving(answering(PROGRAM)) as server:
        shown_by(cli, "solve", "double.md", "--test", "own.py", "--tester", f"openai:m@{server.url}", "-m", "3")


@pytest.mark.parametrize("name", [f"a{HOSTILE}", "a\x1b[2J", "a\nb", "a\u202eb"])
def test_a_task_id_with_a_control_character_is_refused(cli: Cli, problems: Path, name: str) -> None:
    record = json.loads((cli.folder / "tasks.jsonl").read_text())
    (cli.folder / "tasks.jsonl").write_text(json.dumps(record | {"task_id": name}) + "\n")
    done = cli("solve", "--check", "tasks.jsonl")
    assert done.returncode != 0
    assert done.stderr.count("\n") == 1
    assert 'field "task_id" holds a character that cannot be printed' in done.stderr
    assert leaks(done.stderr.encode()) == []


@pytest.mark.parametrize("command", ["table", "compare"])
def test_evaluations_of_others_are_shown_as_text(cli: Cli, command: str) -> None:
    names = ("one", "two")
    for name, accuracy in zip(names, (0.2, 0.7), strict=True):
        foreign = spoiled(report(name, accuracy, seed=1), {"released", "ut_basis", "bon"})
        (cli.folder / f"{name}.json").write_text(foreign.to_json())
    asked = ["eval", command, *(f"{name}.json" for name in names)]
    shown_by(cli, *asked)
    for form in ([], ["--markdown"], ["--json"], ["--html", "page.html"]):
        done = cli(*asked, *form)
        assert done.returncode == 0, done.stderr
        assert leaks((done.stdout + done.stderr).encode()) == []
    page = (cli.folder / "page.html").read_bytes()
    assert MARK.encode() in page
    assert leaks(page) == []
