"""Place of a kept process: its socket, lock and log in a folder that only its user can enter."""

from __future__ import annotations

import os
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.errors import EnvironmentError_
from engine.machine.home import home

_PEER = struct.Struct("3i")  # struct ucred of socket(7): pid, uid, gid


@dataclass(frozen=True, slots=True)
class Place:
    """Files of one kept process: `socket`, and beside it its lock and log."""

    socket: Path

    @property
    def lock(self) -> Path:
        return self.socket.with_suffix(".lock")

    @property
    def log(self) -> Path:
        return self.socket.with_suffix(".log")


def kept_folder() -> Path:
    return home() / "kept"


def place_of(name: str) -> Place:
    return Place(kept_folder() / f"{name}.sock")


def places() -> list[Place]:
    """Return the places that have a socket, whether its process lives or not."""
    return [Place(path) for path in sorted(kept_folder().glob("*.sock"))]


def own_folder(folder: Path) -> None:
    """Make `folder`, mode 0700. Raises EnvironmentError_ if it is a link, another user's, or cannot be made."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise EnvironmentError_(f"{folder} is not a folder of your own", "move it away")
        folder.chmod(0o700)
    except OSError as error:
        raise EnvironmentError_(f"{folder} cannot be used: {error.strerror}", "make it writable for you") from error


def listen(place: Place) -> socket.socket:
    """Bind the socket, mode 0600, in place of a stale one. The caller holds the place's lock. Raises OSError."""
    place.socket.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        with _short(place.socket) as address:
            listener.bind(address)
    finally:
        os.umask(before)
    listener.listen(16)
    return listener


def connect(place: Place, seconds: float) -> socket.socket:
    """Connect to the process there; `seconds`: timeout of the socket. Raises OSError: none listens, or not this user's.

    The kernel names the user of the process that listens: a socket that someone else has put there is refused.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(seconds)
        with _short(place.socket) as address:
            connection.connect(address)
        if peer(connection)[1] != os.geteuid():
            raise PermissionError("the socket is another user's")
    except OSError:
        connection.close()
        raise
    return connection


def peer(connection: socket.socket) -> tuple[int, int]:
    """Return pid and uid of the process at the other end, as the kernel recorded them."""
    pid, uid, _ = _PEER.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    return pid, uid


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """Give `path` an address of any length: the kernel takes 107 bytes, fewer than some home folders have."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
