"""Runs that are handed on as a file: what arrives is the run, and nothing else gets in."""

from __future__ import annotations

import io
import os
import signal
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.errors import RunError
from engine.runs.archive import ArchiveWriter
from engine.runs.archive_reader import ArchiveReader
from engine.runs.checkpoints import CheckpointStore
from engine.runs.folder import RunFolder
from engine.runs.journal import JournalWriter, read_journal
from engine.runs.origin import accept, foreign_origin
from engine.runs.records import StepRecord
from engine.runs.transfer import export_run, import_run


@pytest.fixture
def whole(run: RunFolder, make_step: Callable[..., StepRecord]) -> RunFolder:
    """Return a run with a journal, an archive, two checkpoints and files that stay behind."""
    with run.lock(), JournalWriter(run.journal) as journal, ArchiveWriter(run.archive) as archive:
        journal.run_started(preset="nano", steps=2, seed=1)
        archive.write_step(make_step(1))
        store = CheckpointStore(run.checkpoints)
        for step in (1, 2):
            store.save(step, lambda folder: (folder / "weights").write_text("w") and None)
        store.mark_best(1)
        journal.run_stopped(2, "stopped")
    run.log.write_text("a path of this machine")
    return run


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    return tmp_path / "elsewhere"


def tar_of(path: Path, *members: tuple[str | tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
        for member, data in members:
            info = tarfile.TarInfo(member) if isinstance(member, str) else member
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


LEAST = (("r/version", b"1\n"), ("r/config.toml", b""))


def test_a_run_arrives_as_it_left_and_asks_before_it_is_opened(
    whole: RunFolder, tmp_path: Path, elsewhere: Path
) -> None:
    export_run(whole, tmp_path / "run.tar")
    arrived = import_run(tmp_path / "run.tar", elsewhere)
    assert arrived.path == elsewhere / whole.id
    assert [event.kind for event in read_journal(arrived.journal)] == ["run_started", "run_stopped"]
    assert CheckpointStore(arrived.checkpoints).steps() == [1, 2]
    best = CheckpointStore(arrived.checkpoints).best()
    assert best is not None
    assert best.step == 1
    with ArchiveReader(arrived.archive) as reader:
        assert reader.steps() == [1]
    assert not arrived.log.exists()
    assert not arrived.lock_file.exists()
    assert "imported" in foreign_origin(arrived.path)
    accept(arrived.path)
    assert not foreign_origin(arrived.path)
    modes = {stat.S_IMODE(path.lstat().st_mode) for path in (arrived.path, *arrived.path.rglob("*"))}
    assert modes == {0o600, 0o700}
    assert stat.S_IMODE((tmp_path / "run.tar").stat().st_mode) == 0o600


def test_owners_and_modes_of_the_tar_are_not_taken_over(tmp_path: Path, elsewhere: Path) -> None:
    info = tarfile.TarInfo("r/version")
    info.mode, info.uid, info.gid, info.uname = 0o6777, 1234, 1234, "bob"
    arrived = import_run(tar_of(tmp_path / "t", (info, b"1\n"), ("r/config.toml", b"")), elsewhere)
    found = (arrived.path / "version").stat()
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o600, os.geteuid(), os.getegid())


@pytest.mark.parametrize(
    "members",
    [
        [("../r/version", b"1\n")],
        [("/r/version", b"1\n")],
        [("r/version", b"1\n"), ("other/config.toml", b"")],
        [("r/checkpoints/../../../x", b"1\n"), *LEAST],
        [(special("r/config.toml", tarfile.SYMTYPE, "/etc/passwd"), b""), *LEAST],
        [(special("r/config.toml", tarfile.LNKTYPE, "r/version"), b""), *LEAST],
        [(special("r/lock", tarfile.FIFOTYPE), b""), *LEAST],
        [(special("r/live", tarfile.CHRTYPE), b""), *LEAST],
        [(special("r/rollouts.sqlite", tarfile.GNUTYPE_SPARSE), b""), *LEAST],
        [(special("r/x", tarfile.XHDTYPE), b"30 mtime=1\n"), *LEAST],
        [*LEAST, ("r/version", b"1\n")],
        [("r/version", b"2\n"), ("r/config.toml", b"")],
        [("r/config.toml", b"")],
        [("r/version", b"1\n"), ("r/config.toml", bytes(2 << 20))],
        [],
    ],
)
def test_what_is_no_run_is_refused_and_nothing_is_left(
    tmp_path: Path, elsewhere: Path, members: list[tuple[str | tarfile.TarInfo, bytes]]
) -> None:
    with pytest.raises(RunError) as raised:
        import_run(tar_of(tmp_path / "t", *members), elsewhere)
    assert "\n" not in str(raised.value)
    assert not list(elsewhere.iterdir())
    assert {path.name for path in tmp_path.iterdir()} <= {"t", "home", "elsewhere"}


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ([("r/checkpoints/step-000001/a", b""), ("r/checkpoints/step-000001/a/b", b"")], "a/b cannot be a file"),
        ([("r/checkpoints/step-000001/a/b", b""), ("r/checkpoints/step-000001/a", b"")], "step-000001/a"),
        ([("r/checkpoints/step-000001/a", b""), ("r/checkpoints/step-000001/a", b"x")], "a is in it twice"),
        ([("r/checkpoints/best", b"1"), ("r/checkpoints/best/x", b"")], ""),
    ],
)
def test_members_that_exclude_each_other_are_named_and_no_folder_that_is_gone(
    tmp_path: Path, elsewhere: Path, members: list[tuple[str, bytes]], says: str
) -> None:
    if not says:
        assert import_run(tar_of(tmp_path / "t", *members, *LEAST), elsewhere).id == "r"
        return
    with pytest.raises(RunError, match="is no run") as raised:
        import_run(tar_of(tmp_path / "t", *members, *LEAST), elsewhere)
    assert says in str(raised.value)
    assert ".importing-" not in str(raised.value)
    assert not list(elsewhere.iterdir())


@pytest.mark.timeout(180)
def test_an_import_of_many_or_deep_members_is_refused_at_once(tmp_path: Path, elsewhere: Path) -> None:
    many = tar_of(tmp_path / "many", *LEAST, *((f"r/checkpoints/step-000001/{n}", b"") for n in range(100_000)))
    deep = tar_of(tmp_path / "deep", *LEAST, ("r/checkpoints/step-000001/" + "d/" * 30 + "x", b"x"))
    with pytest.raises(RunError, match="more than 10000 files"):
        import_run(many, elsewhere)
    arrived = import_run(deep, elsewhere)  # nothing that a run has lies so deep: it is left out
    assert not list(arrived.checkpoints.iterdir())


def test_a_tar_that_ends_early_is_refused_wherever_it_ends(whole: RunFolder, tmp_path: Path, elsewhere: Path) -> None:
    export_run(whole, tmp_path / "run.tar")
    data = (tmp_path / "run.tar").read_bytes().rstrip(b"\0")
    for length in range(0, len(data) - 1024, len(data) // 40):
        (tmp_path / "short").write_bytes(data[:length])
        with pytest.raises(RunError):
            import_run(tmp_path / "short", elsewhere)
    assert not list(elsewhere.iterdir())


def test_more_files_than_a_run_has_are_refused(tmp_path: Path, elsewhere: Path) -> None:
    source = tar_of(tmp_path / "t", *LEAST, *((f"r/x{number}", b"") for number in range(10_001)))
    with pytest.raises(RunError, match="more than 10000 files"):
        import_run(source, elsewhere)


def test_nothing_is_overwritten(whole: RunFolder, tmp_path: Path) -> None:
    export_run(whole, tmp_path / "run.tar")
    with pytest.raises(RunError, match="exists"):
        export_run(whole, tmp_path / "run.tar")
    with pytest.raises(RunError, match="exists"):
        import_run(tmp_path / "run.tar", whole.path.parent)
    assert [path.name for path in whole.path.parent.iterdir()] == [whole.id]
    assert import_run(tmp_path / "run.tar", whole.path.parent, whole.path.with_name("second")).id == "second"


def test_the_name_of_an_imported_run_is_cleaned(tmp_path: Path, elsewhere: Path) -> None:
    name = "-rf \x1b[31m$(x);Ünï"
    source = tar_of(tmp_path / "t", (f"{name}/version", b"1\n"), (f"{name}/config.toml", b""))
    assert import_run(source, elsewhere).id == "rf-31m-x-n"


def test_a_live_run_is_not_exported(whole: RunFolder, tmp_path: Path) -> None:
    with whole.lock(), pytest.raises(RunError, match="is live"):
        export_run(whole, tmp_path / "run.tar")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_import_leaves_no_run_and_nothing_after_the_next(
    whole: RunFolder, tmp_path: Path, number: int
) -> None:
    export_run(whole, tmp_path / "run.tar")
    home = tmp_path / "second home"
    stops = f"import os, engine.runs.transfer as t; t._check = lambda *_: os.kill(os.getpid(), {number}); "
    script = stops + "from cure_tui.commands.import_run import import_run; import sys, pathlib; "
    script += "import_run(pathlib.Path(sys.argv[1]))"
    environment = os.environ | {"CURE_TUI_HOME": str(home)}
    ended = subprocess.run([sys.executable, "-c", script, str(tmp_path / "run.tar")], env=environment, check=False)
    assert ended.returncode != 0
    left = list((home / "runs").iterdir())
    assert left == [] or (number == signal.SIGKILL and [path.name[:11] for path in left] == [".importing-"])
    import_run(tmp_path / "run.tar", home / "runs")
    assert [path.name for path in (home / "runs").iterdir()] == [whole.id]
