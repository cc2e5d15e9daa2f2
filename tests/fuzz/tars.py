"""Runs that were handed on: the tar of a run, its members or bytes changed, imported and used."""

from __future__ import annotations

import contextlib
import copy
import random
import shutil
import tarfile
from pathlib import Path

from engine.errors import CureError
from engine.runs.folder import RunFolder
from engine.runs.transfer import export_run, import_run
from tests.fuzz.kind import Kind
from tests.fuzz.mutations import changed_bytes
from tests.fuzz.run_folders import RUN, list_run, prepare_run, read_archive, resume_run, run_of, watch_run


def _prepare_tar(place: Path) -> None:
    prepare_run(place)
    export_run(RunFolder.open(run_of(place)), place / "home" / "run.tar")
    shutil.rmtree(run_of(place))


def _mutate_tar(chance: random.Random, place: Path) -> str:
    """Write the tar anew with members that no export writes, or change its bytes."""
    path = place / "home" / "run.tar"
    if chance.random() < 0.4:
        path.write_bytes(changed_bytes(chance, path.read_bytes()))
        return "bytes of the tar"
    with tarfile.open(path) as tar:
        members = [(member, b"" if member.isdir() else _content(tar, member)) for member in tar]
    done = []
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(members))
        member, content = copy.copy(members[at][0]), members[at][1]
        match chance.randrange(6):
            case 0:
                odd = ("../precious/file", "/tmp/x", "x/../../precious/new", "a\nb", "\x1b[31m", "x" * 90, ".", "")
                member.name = chance.choice((*odd, f"{RUN}/{chance.choice(odd)}", f"{RUN}/checkpoints/best/x"))
            case 1:
                kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE, b"x",
                         b"L", b"S", b"g", b"\0", b"V")  # fmt: skip
                member.type, member.linkname = chance.choice(kinds), chance.choice(("../../precious/file", "/dev/zero"))
            case 2:
                member.size = chance.choice((0, 1, 1 << 20, 1 << 33, 1 << 60, len(content) + 1))
            case 3:
                members[at:at] = [(member, content)] * chance.choice((1, 9, 200))
            case 4:
                content = chance.choice((changed_bytes(chance, content), b""))
                member.size = len(content)
            case _:
                member.mode, member.mtime = chance.choice((0, 0o7777)), chance.choice((0, -1, 1 << 33))
                member.uname, member.devmajor = "\x1b]0;x\x07", 1
        members[at] = member, content
        done.append(member.name[:80])
    with path.open("wb") as file:
        for member, content in members:
            with contextlib.suppress(ValueError):  # a number that no header holds
                file.write(member.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % tarfile.BLOCKSIZE))
        file.write(bytes(tarfile.BLOCKSIZE * 2))
    return f"members {done}"


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    assert file is not None
    return file.read()


def _import(place: Path) -> None:
    """Import the tar; use what comes of it."""
    runs = place / "home" / "runs"
    run = import_run(place / "home" / "run.tar", runs)
    assert sorted(each.name for each in runs.iterdir()) == [run.path.name]
    for path in run.path.rglob("*"):
        assert path.is_dir() or (path.is_file() and path.stat().st_nlink == 1 and not path.is_symlink()), path
    for part in (list_run, watch_run, read_archive, resume_run):
        with contextlib.suppress(CureError):
            part(run.path)


TAR = Kind(_prepare_tar, _mutate_tar, _import)
