"""`cure-tui solve --keep` with nano itself: the next solve finds the model loaded, and nothing outlives its time."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from cure_tui.solving.kept import keep_seconds
from engine.errors import ConfigError
from tests.cure_tui.command_line import ROOT, Cli
from tests.engine.solve.writers.fake_server import Reply, completion, serving
from tests.left_on_screen import left_on_screen

pytestmark = pytest.mark.slow
PROBLEM = str(ROOT / "assets/problems/multiples-of-three.md")
SECONDS = 60.0


@pytest.fixture
def kept(cli: Cli) -> Iterator[Cli]:
    """Return a command line; whatever it keeps ends with the test."""
    try:
        yield cli
    finally:
        cli("solve", "--keep", "0")


def processes(cli: Cli) -> list[dict[str, Any]]:
    return list(json.loads(cli("doctor", "--json").stdout)["solve"]["kept"])


def files(cli: Cli) -> list[str]:
    return sorted(path.suffix for path in (Path(cli.environment["CURE_TUI_HOME"]) / "kept").glob("*"))


def has_ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_for(what: str, holds: Any) -> None:
    end = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def test_the_next_solve_uses_the_loaded_model_and_answers_the_same(kept: Cli) -> None:
    plain = kept("solve", PROBLEM)
    first = kept("solve", PROBLEM, "--keep", "10m")
    (before,) = processes(kept)
    second = kept("solve", PROBLEM, "-n", "16")
    other = kept("solve", PROBLEM, "--temperature", "0.5", "--max-tokens", "90")
    (after,) = processes(kept)
    assert plain.stdout == first.stdout == second.stdout
    assert [done.stderr.count("\n") for done in (first, second, other)] == [1, 1, 1]
    assert before["pid"] == after["pid"]
    assert after["models"] == ["preset:nano"]
    assert after["memory_mb"] > 100
    assert 400 < after["left_seconds"] <= 600
    shown = kept("doctor").stdout
    assert f"  kept       pid {after['pid']}: preset:nano, " in shown
    assert "10 min left" in shown

    ended = kept("solve", "--keep", "0")
    assert (ended.returncode, ended.stdout) == (0, "")
    assert ended.stderr == f"ended: pid {after['pid']}: preset:nano\n"
    assert has_ended(after["pid"])
    assert files(kept) == []
    assert kept("solve", "--keep", "0").stderr == "no model is kept\n"


def test_its_time_unused_ends_it_with_all_that_it_has_started(kept: Cli) -> None:
    kept("solve", PROBLEM, "--keep", "4s", "-n", "2", "-m", "2")
    (info,) = processes(kept)
    family = [psutil.Process(info["pid"]), *psutil.Process(info["pid"]).children(recursive=True)]
    wait_for("it does not end", lambda: all(has_ended(process.pid) for process in family))
    assert files(kept) == []


def started(cli: Cli, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "cure_tui", "solve", PROBLEM, *arguments],
        cwd=cli.folder, env=cli.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_ctrl_c_and_death_of_the_client_leave_the_process_to_the_next(kept: Cli) -> None:
    kept("solve", PROBLEM, "--keep", "10m", "-n", "2", "-m", "2")
    (info,) = processes(kept)
    for number, statuses in ((signal.SIGINT, (130,)), (signal.SIGKILL, (-9,))):
        client = started(kept, "-n", "512", "-m", "512")
        wait_for("it is never busy", lambda: processes(kept)[0]["busy"])
        client.send_signal(number)
        client.communicate(timeout=SECONDS)
        assert client.returncode in statuses
        done = kept("solve", PROBLEM, "-n", "2", "-m", "2")
        assert done.returncode in (0, 3), done.stderr
    assert processes(kept)[0]["pid"] == info["pid"]


def test_ctrl_c_while_the_model_loads_returns_at_once_and_keeps_it(kept: Cli) -> None:
    client = started(kept, "--keep", "10m", "--no-ui")
    wait_for("no process is kept", lambda: files(kept) and processes(kept) and processes(kept)[0]["busy"])
    client.send_signal(signal.SIGINT)
    _, said = client.communicate(timeout=SECONDS)
    assert client.returncode == 130
    assert "Traceback" not in said
    assert kept("solve", PROBLEM).returncode in (0, 3)
    assert len(processes(kept)) == 1


def test_after_a_kill_the_model_is_loaded_anew_with_a_word(kept: Cli) -> None:
    kept("solve", PROBLEM, "--keep", "10m", "-n", "2", "-m", "2")
    (info,) = processes(kept)
    os.kill(info["pid"], signal.SIGKILL)
    wait_for("it lives", lambda: has_ended(info["pid"]))
    assert processes(kept) == []
    done = kept("solve", PROBLEM, "--keep", "10m", "-n", "2", "-m", "2")
    assert done.returncode in (0, 3)
    first, _ = done.stderr.splitlines()
    assert first == (
        f"the kept process {info['pid']} was killed, or the machine restarted; the model is loaded anew"
    )  # fmt: skip
    (again,) = processes(kept)
    assert again["pid"] != info["pid"]
    os.kill(again["pid"], signal.SIGKILL)
    wait_for("it lives", lambda: has_ended(again["pid"]))
    said = [kept("solve", PROBLEM, "-n", "2", "-m", "2").stderr.count("\n") for _ in range(2)]
    assert said == [2, 1]


def test_a_model_that_has_changed_since_is_loaded_anew_and_the_old_one_ends(kept: Cli) -> None:
    preset = kept.folder / "mine.toml"
    preset.write_text('extends = "nano"\n')
    arguments = ("solve", PROBLEM, "--preset", "./mine.toml", "--keep", "10m", "-n", "2", "-m", "2")
    kept(*arguments)
    (old,) = processes(kept)
    preset.write_text('extends = "nano"\n[evaluation]\ntemperature = 0.7\n')
    done = kept(*arguments)
    first, _ = done.stderr.splitlines()
    assert first.startswith("the kept model is out of date (the settings of preset:")
    assert first.endswith("mine.toml changed); the model is loaded anew")
    (new,) = processes(kept)
    assert new["pid"] != old["pid"]
    assert has_ended(old["pid"])


def test_it_survives_the_terminal(kept: Cli) -> None:
    command = [sys.executable, "-m", "cure_tui", "solve", PROBLEM, "--keep", "10m", "-n", "2", "-m", "2"]
    left = left_on_screen(command, environment=kept.environment, folder=kept.folder)
    assert left.status in (0, 3)
    assert not left.lost
    assert len(processes(kept)) == 1


def test_a_server_s_model_is_not_kept_and_a_local_tester_beside_it_is(kept: Cli) -> None:
    def answer(number: int, request: dict[str, Any]) -> Reply:
        return completion("```python\nprint(int(input()) * 3)\n```")

    with serving(answer) as server:
        who = f"openai:m@{server.url}"
        alone = kept("solve", PROBLEM, "--coder", who, "--tester", who, "-n", "1", "-m", "1", "--keep", "10m")
        assert alone.stderr.startswith("--keep has no effect: a server's model is loaded by its server\n")
        assert processes(kept) == []
        kept.configure_endpoint(server.url, 'api_key_env = "MY_KEY"')
        for key in ("first", "second"):
            kept.environment["MY_KEY"] = key
            kept("solve", PROBLEM, "--coder", who, "--tester", "nano", "-n", "1", "-m", "1", "--keep", "10m")
            assert server.keys[-1] == f"Bearer {key}"
        assert len(processes(kept)) == 1


def test_a_folder_that_cannot_be_used_is_said_and_the_solve_goes_on(kept: Cli) -> None:
    home = Path(kept.environment["CURE_TUI_HOME"])
    home.mkdir()
    (home / "kept").write_text("in the way")
    done = kept("solve", PROBLEM, "--keep", "10m", "-n", "2", "-m", "2")
    assert done.returncode in (0, 3)
    first, _ = done.stderr.splitlines()
    assert first.startswith("no process is kept: ")
    with contextlib.suppress(FileNotFoundError):
        (home / "kept").unlink()


@pytest.mark.parametrize(("text", "seconds"), [("15m", 900), ("90s", 90), ("2h", 7200), ("0", 0), ("0s", 0)])
def test_times_are_read(text: str, seconds: float) -> None:
    assert keep_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "15", "m", "-1m", "1.5h", "1d", "٣m", "99h", "1e3s"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        keep_seconds(text)
