"""Headless runs: starting, following, stopping and resuming an engine; its lines, its result, all its endings."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.presets import load_config
from engine.runs.folder import RunFolder
from engine.runs.listing import read_info, read_state
from engine.runs.lock import RunLock, is_locked
from tests.cure_tui.command_line import Cli

Runnable = Callable[..., Path]


def test_steps_are_told_on_stderr_and_the_result_on_stdout(cli: Cli, runnable: Runnable, tmp_path: Path) -> None:
    done = cli.scripted("--preset", str(runnable()), "--no-ui", "--run-dir", str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    assert "step 1/2  code 0.500  mu -0.100" in done.stderr
    assert "step 2/2  code 0.750" in done.stderr
    assert "heldout end (step 2)  code 0.750" in done.stderr
    assert "code accuracy" in done.stdout
    assert "+25.0" in done.stdout


def test_the_last_line_of_json_is_the_result(cli: Cli, runnable: Runnable, tmp_path: Path) -> None:
    done = cli.scripted("--preset", str(runnable()), "--no-ui", "--json", "--run-dir", str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["run"] == str(tmp_path / "run")
    assert result["steps"] == 2
    assert result["seconds"] >= 0
    assert result["heldout"]["start"] == {"code": 0.5, "ut": 1.0, "bon": {"4x4": 1.0}, "consensus": {}, "n_tasks": 1}
    assert result["heldout"]["end"]["code"] == 0.75


def test_options_are_written_into_the_runs_configuration(cli: Cli, runnable: Runnable, tmp_path: Path) -> None:
    options = ["--steps", "7", "--seed", "3", "--set", "policy.kl_beta=0.02"]
    cli.scripted("--preset", str(runnable()), "--no-ui", "--run-dir", str(tmp_path / "run"), *options)
    config = load_config(tmp_path / "run" / "config.toml")
    assert (config.run.steps, config.run.seed, config.policy.kl_beta) == (7, 3, 0.02)


def test_the_level_of_the_sandbox_is_told_once(cli: Cli, runnable: Runnable, tmp_path: Path) -> None:
    done = cli.scripted("--preset", str(runnable()), "--no-ui", "--run-dir", str(tmp_path / "run"))
    assert done.stderr.count("sandbox level A: as A is\n") == 1
    assert "NOT CONFINED" not in done.stderr


def test_unconfined_programs_are_said_so_in_every_line_of_a_step(cli: Cli, runnable: Runnable, tmp_path: Path) -> None:
    options = ["--allow-unsandboxed", "--run-dir", str(tmp_path / "run")]
    done = cli.scripted("--preset", str(runnable()), "--no-ui", *options)
    assert load_config(tmp_path / "run" / "config.toml").sandbox.allow_unconfined
    assert "warning: NOT CONFINED: sandbox level D: as D is; better: mend it\n" in done.stderr
    steps = [line for line in done.stderr.splitlines() if line.startswith("step ")]
    assert len(steps) == 2
    assert all(line.endswith("NOT CONFINED") for line in steps)


def test_a_run_without_folder_is_listed_by_its_id(cli: Cli, runnable: Runnable) -> None:
    done = cli.scripted("--preset", str(runnable()), "--no-ui", "--json")
    name = json.loads(done.stdout)["run"]
    assert name.startswith("small-")
    listed = json.loads(cli("runs", "--json").stdout)
    assert [(run["run"], run["state"], run["step"]) for run in listed] == [(name, "finished", 2)]
    assert name in cli("runs").stdout


def test_without_a_terminal_a_run_is_headless_with_or_without_no_ui(cli: Cli, runnable: Runnable) -> None:
    done = cli.scripted("--preset", str(runnable()))
    assert done.returncode == 0
    assert "step 2/2  code 0.750" in done.stderr
    assert "code accuracy" in done.stdout


def test_the_engines_fault_is_relayed_with_its_status(cli: Cli, runnable: Runnable) -> None:
    done = cli.scripted("--preset", str(runnable("fail")), "--no-ui", "--json")
    assert done.returncode == 4
    assert done.stderr.splitlines()[-1] == "error: tasks.jsonl: record 3: no tests (give it tests)"
    assert done.stdout == ""


def test_a_defect_of_the_engine_is_one_line_with_its_log(cli: Cli, runnable: Runnable, tmp_path: Path) -> None:
    done = cli.scripted("--preset", str(runnable("crash")), "--no-ui", "--run-dir", str(tmp_path / "run"))
    log = tmp_path / "run" / "engine.log"
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"error: ZeroDivisionError: a defect (see {log})"
    assert "Traceback" in log.read_text()


def test_an_engine_that_is_killed_can_be_resumed(cli: Cli, runnable: Runnable, tmp_path: Path) -> None:
    run = str(tmp_path / "run")
    done = cli.scripted("--preset", str(runnable("die")), "--no-ui", "--run-dir", run)
    assert done.returncode == 6
    assert "killed by SIGKILL after step 1" in done.stderr
    assert f"cure-tui resume {run}" in done.stderr

    resumed = cli.scripted("resume", run, "--no-ui", "--json")
    assert resumed.returncode == 0, resumed.stderr
    assert "resumed after step 1" in resumed.stderr
    assert "step 1/2" not in resumed.stderr
    assert json.loads(resumed.stdout)["steps"] == 2


def test_a_finished_run_that_is_resumed_only_reports(cli: Cli, runnable: Runnable, tmp_path: Path) -> None:
    run = str(tmp_path / "run")
    first = cli.scripted("--preset", str(runnable()), "--no-ui", "--json", "--run-dir", run)
    again = cli.scripted("resume", run, "--no-ui", "--json")
    assert again.returncode == 0
    assert again.stdout == first.stdout
    assert "is finished" in again.stderr


def test_a_finished_run_names_the_command_that_goes_on_and_that_command_works(
    cli: Cli, runnable: Runnable, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    first = cli.scripted("--preset", str(runnable()), "--no-ui", "--run-dir", str(run))
    assert first.stderr.splitlines()[-1].startswith("finished after step 2/2, ")
    assert first.stderr.splitlines()[-1].endswith(": all 2 steps done")
    (said,) = cli.scripted("resume", str(run), "--no-ui").stderr.splitlines()
    told, command = said.split("; go on: cure-tui ")
    assert told == f"run {run} is finished (all 2 steps done)"

    done = cli.scripted(*command.split(), "--no-ui", "--json")
    assert done.returncode == 0, done.stderr
    assert "resumed after step 2" in done.stderr
    assert "step 3/4" in done.stderr
    assert json.loads(done.stdout)["steps"] == 4
    assert load_config(run / "config.toml").run.steps == 4
    assert read_info(run).steps == read_info(run).step == 4
    state = read_state(run / "events.jsonl")
    assert [(each.step, each.when) for each in state.evaluations] == [(0, "start"), (2, "periodic"), (4, "end")]

    again = cli.scripted("resume", str(run), "--no-ui")
    assert "--steps 8" in again.stderr


@pytest.mark.parametrize(
    ("limits", "fault"),
    [
        (("--steps", "1"), "has done 2 steps, and its limit is 1 in total"),
        (("--steps", "2"), "has done 2 steps, and its limit is 2 in total"),
        (("--minutes", "60"), "has done 2 steps, and its limit is 2 in total"),
        (("--steps", "4", "--minutes", "1e-9"), "its limit is 1e-09 in total"),
    ],
)
def test_limits_that_leave_nothing_to_do_are_refused_with_a_command_that_works(
    cli: Cli, runnable: Runnable, tmp_path: Path, limits: tuple[str, ...], fault: str
) -> None:
    run = tmp_path / "run"
    cli.scripted("--preset", str(runnable()), "--no-ui", "--run-dir", str(run))
    before = (run / "config.toml").read_text(), (run / "events.jsonl").read_text()
    done = cli.scripted("resume", str(run), *limits)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert fault in line
    assert ((run / "config.toml").read_text(), (run / "events.jsonl").read_text()) == before
    command = line.removesuffix(")").split("(go on: cure-tui ")[1]
    assert cli.scripted(*command.split(), "--no-ui").returncode == 0


def test_runs_without_a_readable_journal_are_listed_as_such_and_can_be_compared_if_their_settings_are_lost(
    cli: Cli, runnable: Runnable, tmp_path: Path
) -> None:
    one, other = tmp_path / "home" / "runs" / "one", tmp_path / "home" / "runs" / "other"
    for run in (one, other):
        assert cli.scripted("--preset", str(runnable()), "--no-ui", "--run-dir", str(run)).returncode == 0
    alone = cli("compare", "one", "one")
    assert (alone.returncode, alone.stdout) == (2, "")
    assert "cannot be compared with itself" in alone.stderr
    (other / "config.toml").write_text("noise")
    compared = cli("compare", "one", "other")
    assert (compared.returncode, compared.stderr.count("\n")) == (0, 1)
    assert compared.stderr.startswith("warning: settings of other are left out: ")
    assert "75" in compared.stdout
    (one / "events.jsonl").write_bytes(b"\x80noise" * 400)
    (line,) = (line for line in cli("runs").stdout.splitlines() if line.startswith("one "))
    assert line.endswith("its journal is corrupt")


def test_a_run_that_was_stopped_by_command_has_its_own_status(cli: Cli, runnable: Runnable) -> None:
    done = cli.scripted("--preset", str(runnable("stop")), "--no-ui", "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["heldout"]["end"] is None


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_the_engine_cleanly(
    number: signal.Signals, status: int, cli: Cli, runnable: Runnable, tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path / "run")
    process = cli.start_scripted("--preset", str(runnable("wait")), "--no-ui", "--run-dir", str(folder.path))
    read_until(process, "waiting")
    process.send_signal(number)
    rest = process.communicate(timeout=120)[1]
    assert process.returncode == status
    assert "stopped after step 1: asked to" in rest
    assert "cure-tui resume" in rest
    assert not is_locked(folder.lock_file)


def test_a_second_signal_ends_an_engine_that_is_deaf(cli: Cli, runnable: Runnable, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    process = cli.start_scripted("--preset", str(runnable("deaf")), "--no-ui", "--run-dir", str(folder.path))
    read_until(process, "waiting")
    process.send_signal(signal.SIGINT)
    read_until(process, "interrupt again")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode == 130
    assert not is_locked(folder.lock_file)


def test_the_engine_survives_its_command_line(cli: Cli, runnable: Runnable, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    process = cli.start_scripted("--preset", str(runnable("wait")), "--no-ui", "--run-dir", str(folder.path))
    read_until(process, "waiting")
    process.kill()
    process.communicate(timeout=120)
    engine = int(folder.lock_file.read_text().split()[0])
    try:
        assert is_locked(folder.lock_file)
        live = cli.scripted("resume", str(folder.path), "--no-ui")
        assert live.returncode == 6
        assert f"already running as pid {engine}" in live.stderr
    finally:
        os.kill(engine, signal.SIGTERM)


def test_a_lock_taken_between_check_and_start_is_relayed(cli: Cli, runnable: Runnable, tmp_path: Path) -> None:
    """The engine itself enforces the rule; the user sees its line in engine.log, not an older fault."""
    run = str(tmp_path / "run")
    cli.scripted("--preset", str(runnable("fail")), "--no-ui", "--run-dir", run)
    with RunLock(RunFolder(Path(run)).lock_file):
        done = cli.scripted("resume", run, "--no-ui")
    assert done.returncode == 6
    assert f"already running as pid {os.getpid()}" in done.stderr


def test_a_folder_that_holds_a_run_is_not_used_again(cli: Cli, runnable: Runnable, tmp_path: Path) -> None:
    run = str(tmp_path / "run")
    cli.scripted("--preset", str(runnable()), "--no-ui", "--run-dir", run)
    again = cli.scripted("--preset", str(runnable()), "--no-ui", "--run-dir", run)
    assert again.returncode == 6
    assert "holds a run already" in again.stderr


def test_a_run_of_another_version_is_refused(cli: Cli, runnable: Runnable, tmp_path: Path) -> None:
    run = tmp_path / "run"
    cli.scripted("--preset", str(runnable("fail")), "--no-ui", "--run-dir", str(run))
    (run / "version").write_text("99\n")
    done = cli.scripted("resume", str(run), "--no-ui")
    assert done.returncode == 6
    assert "version" in done.stderr


def test_a_folder_named_engine_in_the_working_directory_is_not_ours(cli: Cli, runnable: Runnable) -> None:
    (cli.folder / "engine").mkdir()
    (cli.folder / "engine" / "__init__.py").write_text("raise SystemExit('not ours')")
    done = cli.scripted("--preset", str(runnable()), "--no-ui", "--json")
    assert done.returncode == 0, done.stderr


def read_until(process: subprocess.Popen[str], word: str) -> None:
    """Read the process's stderr up to a line with `word`."""
    assert process.stderr is not None
    for line in process.stderr:
        if word in line:
            return
    pytest.fail(f"ended without saying {word!r}")


def test_a_terminal_gets_bars_and_the_same_lines(cli: Cli, runnable: Runnable) -> None:
    ours, theirs = pty.openpty()
    process = cli.start_scripted("--preset", str(runnable()), "--no-ui", stderr=theirs)
    os.close(theirs)
    shown = read_all(ours)
    table = process.communicate(timeout=120)[0]
    assert process.returncode == 0
    assert "step 2/2  code 0.750" in shown
    assert "2/2 steps" in shown
    assert "code accuracy" in table


def read_all(terminal: int) -> str:
    """Read a pseudo-terminal until its other side is closed."""
    shown = b""
    with contextlib.suppress(OSError):  # Linux says EIO at the end
        while chunk := os.read(terminal, 65536):
            shown += chunk
    os.close(terminal)
    return shown.decode()
