"""Worker of the fuzz: runs cases of one kind in one process, each watched, and reports them line by line.

A case fails on an exception that is not a CureError, on more CPU time than its kind has, on growth beyond MEGABYTES,
and if a file outside of what it may write has changed or was opened for writing. After a failure the process ends, so
that nothing of it is left for the next case.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from pathlib import Path
from types import FrameType

from engine.errors import CureError
from tests.fuzz.kind import Kind

MEGABYTES = 300
WALL = 5
"""Wall-clock seconds of a case, in multiples of its CPU time: it may wait, and others use this machine too."""
_ADDRESS_SPACE = 8 << 30
_CASES_OF_A_PROCESS = 500
_MAY_BE_OPENED = ("/dev/null", "/proc/self/", "/dev/tty", "/dev/shm/")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CHANGES = ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod", "os.symlink", "os.link",
            "shutil.rmtree")  # fmt: skip


class TookTooLong(BaseException):
    """End of a case that runs too long; no `except Exception` swallows it."""


class Watch:
    """Audit hook of this process: notes files outside of `allowed` that are opened for writing."""

    def __init__(self) -> None:
        self.allowed: Path | None = None
        self.seen: list[str] = []
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.allowed is None:
            return
        paths: tuple[object, ...] = ()
        if event == "open":
            path, _, flags = arguments
            paths = (path,) if isinstance(flags, int) and flags & _WRITES else ()
        elif event in _CHANGES:
            paths = arguments[:1] if event != "os.rename" else arguments[:2]
        for path in paths:
            # A relative one belongs to a descriptor or to the case's folder, where the files beside the case are kept.
            if isinstance(path, str | bytes | os.PathLike) and os.path.isabs(place := os.fsdecode(path)):
                place = os.path.normpath(place)
                if not place.startswith((str(self.allowed), *_MAY_BE_OPENED)):
                    self.seen.append(f"{event} {place}")


def load_kind(name: str) -> Kind:
    from tests.fuzz.kinds import KINDS

    module, _, attribute = KINDS[name].partition(":")
    kind: Kind = getattr(importlib.import_module(f"tests.fuzz.{module}"), attribute)
    return kind


def main(name: str, seed: int, first: int, last: int, until: float, save: Path) -> None:
    """Run cases `first` to `last` - 1 of a kind until time.time() is `until`; report on the descriptor of stdout."""
    reports = os.fdopen(os.dup(1), "w", buffering=1)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)

    def report(**fields: object) -> None:
        reports.write(json.dumps(fields) + "\n")

    def stop(number: int, frame: FrameType | None) -> None:
        raise TookTooLong("CPU time" if number == signal.SIGPROF else "wall-clock time: was the machine busy?")

    signal.signal(signal.SIGPROF, stop)
    signal.signal(signal.SIGALRM, stop)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        base, place = Path(folder, "base"), Path(folder, "case")
        tempfile.tempdir = str(Path(folder, "tmp"))
        os.mkdir(tempfile.tempdir)
        kind = load_kind(name)
        _bound_memory()
        errors = os.open(Path(folder, "stderr"), os.O_RDWR | os.O_CREAT | os.O_APPEND)
        watch = Watch()
        for number in range(3):  # imports and caches count for no case
            _make(kind, base)
            _enter(base)
            if number:
                kind.mutate(random.Random(number), base)
                _fault(kind, base, watch, errors)
            else:
                with suppress(CureError):
                    kind.exercise(base)
            os.chdir(folder)
            shutil.rmtree(base)
        _make(kind, base)
        os.dup2(errors, 2)
        _bound_memory()
        for number in range(first, min(last, first + _CASES_OF_A_PROCESS)):
            if number > first and time.time() > until:
                report(over=True)
                return
            report(begun=number)
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(base, place, symlinks=True)
            _enter(place)
            try:
                done = kind.mutate(random.Random(f"{name}-{seed}-{number}"), place)
            except Exception:
                report(number=number, fault=traceback.format_exc(), done="the mutation itself")
                raise
            left = save / f"{name.replace(' ', '-')}-{seed}-{number}"
            _keep(place, left)
            started = time.monotonic()
            fault, grown = _fault(kind, place, watch, errors)
            if fault:
                left.mkdir(parents=True, exist_ok=True)
                (left / "why.txt").write_text(f"{done}\n{fault}", errors="replace")
                report(number=number, fault=fault, done=done, saved=str(left))
                return
            shutil.rmtree(left)
            report(number=number, seconds=time.monotonic() - started, grown=grown)


def _bound_memory() -> None:
    """Let this process take so much address space more: a fault ends it, not the others of this machine."""
    own = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    wanted = own + _ADDRESS_SPACE
    resource.setrlimit(resource.RLIMIT_AS, (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most))


def _make(kind: Kind, base: Path) -> None:
    (base / "home").mkdir(parents=True)
    (base / "precious").mkdir()
    (base / "precious" / "file").write_text("precious\n")
    kind.prepare(base)


def _enter(place: Path) -> None:
    os.environ["CURE_TUI_HOME"] = str(place / "home")
    os.environ["CURE_TUI_CONFIG"] = str(place / "home" / "config")
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.chdir(place / "home")


def _keep(place: Path, left: Path) -> None:
    """Copy the mutated files before they are used: a case may end the process."""
    shutil.rmtree(left, ignore_errors=True)
    left.parent.mkdir(parents=True, exist_ok=True)

    def odd(folder: str, names: list[str]) -> list[str]:
        paths = [os.path.join(folder, each) for each in names]
        return [
            os.path.basename(path)
            for path in paths
            if not os.path.islink(path) and not os.path.isdir(path)
            and (not os.path.isfile(path) or os.path.getsize(path) > 50 << 20)
        ]  # fmt: skip

    shutil.copytree(place / "home", left, symlinks=True, ignore=odd)


def _fault(kind: Kind, place: Path, watch: Watch, errors: int) -> tuple[str, float]:
    """Use the case; return why it fails, "" if it holds, and the megabytes that the process grew by."""
    outside = _outside(place, kind.may_write)
    before = _reset_peak_mb()
    watch.allowed, watch.seen = place.parent, []
    faulthandler.dump_traceback_later(kind.seconds * WALL * 2, exit=True, file=sys.__stderr__)
    signal.setitimer(signal.ITIMER_PROF, kind.seconds)
    signal.setitimer(signal.ITIMER_REAL, kind.seconds * WALL)
    fault = ""
    try:
        kind.exercise(place)
    except CureError:
        pass
    except TookTooLong as late:
        fault = f"took too long, {late}:\n{traceback.format_exc(limit=-8)}"
    except BaseException:  # noqa: BLE001  (each is a finding)
        fault = traceback.format_exc(limit=-10)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()
        watch.allowed = None
    grown = _peak_mb() - before
    if not fault and grown > MEGABYTES:
        fault = f"grew by {grown:.0f} MB"
    if not fault and watch.seen:
        fault = f"writes outside: {watch.seen[:3]}"
    if not fault and _outside(place, kind.may_write) != outside:
        fault = "a file outside of the case has changed"
    said = os.pread(errors, 100_000, 0).decode(errors="replace")
    os.ftruncate(errors, 0)
    if not fault and "Traceback (most recent call last)" in said:  # of a thread, or a task that nobody awaits
        fault = said[-4000:]
    return fault, max(0.0, grown)


def _reset_peak_mb() -> float:
    Path("/proc/self/clear_refs").write_text("5")
    return _peak_mb()


def _peak_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def _outside(place: Path, may_write: tuple[str, ...]) -> dict[str, tuple[int, int, bytes]]:
    """Return everything in `place` that is not in a folder of `may_write`."""
    allowed = {place / name for name in may_write}
    found = {}
    for path in place.rglob("*"):
        if not allowed.intersection((path, *path.parents)):
            status = path.lstat()
            content = path.read_bytes() if path.is_file() else repr(sorted(os.listdir(path))).encode()
            found[str(path)] = (status.st_mtime_ns, status.st_mode, content)
    return found
