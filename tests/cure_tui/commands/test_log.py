"""Command line of `cure-tui log`: what it says, with which status, and that no fault is more than a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from cure_tui.commands.log import log
from cure_tui.runs.tracking.follow import Follower
from engine.runs.folder import RunFolder
from tests.cure_tui.command_line import Cli
from tests.cure_tui.recorded import record_run

pytest.importorskip("tensorboard", reason="the extra tensorboard is not installed")


def test_a_run_is_sent_and_gone_on_with_and_faults_are_one_line(cli: Cli) -> None:
    runs = Path(cli.environment["CURE_TUI_HOME"]) / "runs"
    folder = RunFolder.create(runs / "done", "[run]\nsteps = 5\n")
    record_run(folder)
    RunFolder.create(runs / "new", "[run]\nsteps = 5\n")
    (cli.folder / "file").touch()
    for arguments, status, said in (
        (("nothing",), 6, "there is no run 'nothing'"),
        (("new",), 6, "run new has recorded nothing yet (wait for its first evaluation or step)"),
        (("done", "--target", str(folder.path / "tb")), 2, "--target lies in the run's folder"),
        (("done", "--target", "x" * 5_000), 2, "--target can be no folder"),
        (("done", "--target", "file"), 6, "/file/done: Not a directory (make it writable; once that is mended"),
    ):
        result = cli("log", *arguments, "--to", "tensorboard")
        assert result.returncode == status
        assert said in result.stderr
        assert result.stderr.splitlines()[-1].startswith("error: ")
        assert "Traceback" not in result.stderr
    assert cli("log", "done", "--to", "other").returncode == 2
    for _ in range(2):
        result = cli("log", "done", "--to", "tensorboard", "--target", "tb")
        assert result.returncode == 0, result.stderr
        assert result.stderr.splitlines() == [
            "run done has finished: sent up to step 5 to tensorboard",
            f"look at it with: tensorboard --logdir {cli.folder / 'tb'}",
        ]
        assert not result.stdout


def test_ctrl_c_tells_how_far_the_run_was_sent(
    own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(follower: Follower) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Follower, "follow", interrupted)
    monkeypatch.setattr("os.nice", lambda more: more)
    folder = RunFolder.create(own_home / "runs" / "live", "[run]\nsteps = 5\n")
    record_run(folder, 2, planned=5, finish=False)
    with folder.lock(), pytest.raises(KeyboardInterrupt):
        log("live", to="tensorboard", target=str(tmp_path / "tb"))
    assert capsys.readouterr().err.splitlines() == [
        "following live (Ctrl-C ends it, the same command goes on)",
        "sent up to step 2",
    ]
