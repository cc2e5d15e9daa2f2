"""Download of one file, which any later process can resume, verified before it gets its name.

    FILE.part        the first bytes of the file
    FILE.part.json   what they are of: address, size, hash, and the validator of the server that sent them

A resumed request names its validator (If-Range), so a file that has changed is sent anew; the hash is the last word.
"""

from __future__ import annotations

import errno
import hashlib
import json
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2

from engine.data.hub import BY_HAND, Hub, Patience, RemoteFile, Reply, asked_wait, may_pass
from engine.errors import NotFetched
from engine.servers.codings import pieces

HASHED_BYTES = 1 << 20
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class Progress:
    """State of a download or conversion: `done` of `total` (0: unknown) bytes or tasks. note: what it waits for."""

    what: str
    done: int
    total: int
    unit: str = "B"
    note: str = ""


OnProgress = Callable[[Progress], None]


def part_size(target: Path) -> int:
    """Return how many bytes of `target` an earlier download has left."""
    try:
        return _part(target).stat().st_size
    except OSError:
        return 0


def file_sha256(path: Path) -> str:
    """Return the hash of a file's contents. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download(hub: Hub, remote: RemoteFile, target: Path, repo: str, on_progress: OnProgress) -> str:
    """Fetch `remote` into `target`, going on with what is there of it; return its sha256.

    Raises NotFetched with the remedy: refused, unreachable, another content than promised, disk full. What has come is
    kept for the next call, unless it is of no use.
    """
    patience = Patience(lambda line: on_progress(Progress(target.name, part_size(target), remote.size, note=line)))
    resumed = part_size(target) > 0
    while True:
        before = part_size(target)
        try:
            digest = _attempt(hub, remote, target, repo, on_progress)
            break
        except _Again as again:
            if part_size(target) > before:
                patience.renew()
            patience.wait(again.error, again.seconds)
        except OSError as fault:
            raise _full(fault, target) from None
    size = part_size(target)
    if (remote.size and size != remote.size) or (remote.sha256 and digest != remote.sha256):
        _forget(target)
        if resumed:  # what an earlier process has left may be what is wrong
            return download(hub, remote, target, repo, on_progress)
        promised, found = f"sha256 {remote.sha256[:12]}", digest[:12]
        if remote.size and size != remote.size:
            promised, found = f"{remote.size:,} bytes", f"{size:,} bytes"
        raise NotFetched(
            f"{remote.path} is another file than promised ({found} instead of {promised}) and was dropped",
            f"fetch it again; if that repeats, the server has another file: set HF_ENDPOINT, {BY_HAND}",
        )
    _part(target).replace(target)
    _forget(target)
    return digest


class _Again(Exception):
    """End of an attempt that another one may go on from. seconds: that the server asks to wait."""

    def __init__(self, error: NotFetched, seconds: float = 0.0) -> None:
        super().__init__(error)
        self.error, self.seconds = error, seconds


def _attempt(hub: Hub, remote: RemoteFile, target: Path, repo: str, on_progress: OnProgress) -> str:
    """Send one request, for what is missing; return the hash of the whole. Raises _Again, NotFetched, OSError."""
    kept, validator = _kept(remote, target)
    digest = hashlib.sha256()
    if kept:
        with _part(target).open("rb") as file:
            while piece := file.read(HASHED_BYTES):
                digest.update(piece)
        if kept == remote.size:
            return digest.hexdigest()
    asked = {"Range": f"bytes={kept}-"} if kept else {}
    if kept and validator:
        asked["If-Range"] = validator
    try:
        with hub.open("GET", remote.url, asked) as reply:
            if reply.status == 416 or (reply.status == 206 and not _continues(reply, kept, remote.size, validator)):
                _forget(target)
                raise _Again(NotFetched(f"{remote.path} has changed on the server", "fetch it again"))
            if reply.status not in (200, 206):
                error = hub.refused(reply, repo, remote.commit)
                raise _Again(error, asked_wait(reply)) if may_pass(reply.status) else error
            if reply.status == 200 and kept:
                kept, digest = 0, hashlib.sha256()
            return _receive(reply, remote, target, kept, digest, on_progress)
    except httpx2.HTTPError as fault:
        raise _Again(hub.unreachable(fault, remote.url)) from None
    except httpx2.InvalidURL as fault:
        raise NotFetched(f"{remote.path} has no address: {fault}", "check HF_ENDPOINT") from None


def _receive(
    reply: Reply, remote: RemoteFile, target: Path, kept: int, digest: hashlib._Hash, on_progress: OnProgress
) -> str:
    """Write the body behind the first `kept` bytes, and hash it."""
    length = reply.header("content-length") if not reply.header("content-encoding") else ""
    expected = remote.size or (kept + int(length) if length.isdigit() else 0)
    done = kept
    with _part(target).open("r+b" if kept else "wb", buffering=0) as file:
        if not kept:
            _describe(remote, target, reply)
        file.seek(kept)
        for piece in pieces(reply.response):
            written = 0
            while written < len(piece):
                written += file.write(piece[written:])
            digest.update(piece)
            done += len(piece)
            on_progress(Progress(target.name, done, expected))
            if expected and done > expected:
                break
    if done < expected:
        message = f"the connection for {remote.path} ended after {done:,} of {expected:,} bytes"
        raise _Again(NotFetched(message, f"run the same command again: it goes on there, {BY_HAND}"))
    return digest.hexdigest()


def _kept(remote: RemoteFile, target: Path) -> tuple[int, str]:
    """Return how many bytes can be gone on from, with the server's validator of them; 0 if they are of another file."""
    size = part_size(target)
    try:
        described = json.loads(_about(target).read_text(encoding="utf-8"))
        same = (described["url"], described["sha256"]) == (remote.url, remote.sha256)
        validator = str(described["validator"])
    except (OSError, ValueError, KeyError, TypeError):
        same, validator = False, ""
    usable = same and (validator or remote.sha256) and size <= (remote.size or size)
    return (size, validator) if usable else (0, "")


def _continues(reply: Reply, kept: int, size: int, validator: str) -> bool:
    """Tell whether a partial answer begins where the part ends, in the same file."""
    given = _RANGE.fullmatch(reply.header("content-range").strip())
    if given is None or int(given[1]) != kept or reply.header("content-encoding"):
        return False
    same_size = not size or given[3] in ("*", str(size))
    return same_size and (not validator or not _validator(reply) or _validator(reply) == validator)


def _validator(reply: Reply) -> str:
    """Return the strong ETag of the server that sends the body; "" without one: a weak one is not for ranges."""
    etag = reply.header("etag")
    return "" if etag.startswith("W/") else etag


def _describe(remote: RemoteFile, target: Path, reply: Reply) -> None:
    described = {"url": remote.url, "size": remote.size, "sha256": remote.sha256, "validator": _validator(reply)}
    _about(target).write_text(json.dumps(described) + "\n", encoding="utf-8")


def _part(target: Path) -> Path:
    return target.with_name(f"{target.name}.part")


def _about(target: Path) -> Path:
    return target.with_name(f"{target.name}.part.json")


def _forget(target: Path) -> None:
    for path in (_part(target), _about(target)):
        path.unlink(missing_ok=True)


def _full(fault: OSError, target: Path) -> NotFetched:
    if fault.errno not in _FULL:
        return NotFetched(f"{target} cannot be written: {fault.strerror}", "choose another CURE_TUI_HOME")
    free = 0
    with suppress(OSError):
        free = shutil.disk_usage(target.parent).free
    kept = part_size(target)
    message = f"the disk is full: {free / 1e6:,.0f} MB free at {target.parent}, {kept / 1e6:,.0f} MB of it are kept"
    return NotFetched(message, "free some, or set CURE_TUI_HOME, and run the same command again: it goes on there")
