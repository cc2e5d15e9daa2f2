"""Opener of files that others may have made: regular files alone, no link followed, nothing that can block.

A FIFO blocks the process that opens it, a device may do anything, a symbolic link leads elsewhere, and a hard link is
another name of a file elsewhere. Files are opened relative to the descriptor of their folder, so that a folder that is
exchanged meanwhile changes nothing.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

OWNER_ONLY_FOLDER = 0o700
OWNER_ONLY = 0o600
_KINDS = {
    stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
    stat.S_IFREG: "a file",
}


class OddFile(OSError):
    """Refusal of a file: `name` is a link, a FIFO, a device, too large, or in no folder of its own."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(errno.EINVAL, f"refused: {name} {what}", name)
        self.what = what


def check_kind(name: str, folder: int | None = None, *, written: bool = False, is_folder: bool = False) -> None:
    """Raise OddFile unless `name` is a regular file, or a folder if `is_folder`; a missing file passes.

    written: refuse a file with a second name, too: what is written into it would be written elsewhere as well.
    """
    try:
        _check(name, os.stat(name, dir_fd=folder, follow_symlinks=False), written=written, is_folder=is_folder)
    except (FileNotFoundError, NotADirectoryError):
        return


def open_regular(name: str, flags: int = os.O_RDONLY, folder: int | None = None) -> int:
    """Open the regular file `name`, relative to the descriptor `folder`; a file that is created is its owner's alone.

    Raises OddFile for anything else, and for a file with two names that would be written; OSError.
    """
    check_kind(name, folder, written=_writes(flags))  # before opening: that may block, or wake a device
    try:
        file = os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, OWNER_ONLY, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OddFile(name, "is a link") from None
        raise
    try:
        _check(name, os.fstat(file), written=_writes(flags), is_folder=False)
    except OddFile:
        os.close(file)
        raise
    return file


def open_folder(path: Path | str, folder: int | None = None) -> int:
    """Open a folder. Raises OddFile if it is none, or a link inside the descriptor `folder`; OSError."""
    only = os.O_NOFOLLOW if folder is not None else 0
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | only, dir_fd=folder)
    except OSError as error:
        if folder is not None and error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise OddFile(str(path), "is not a folder") from None
        raise


@contextlib.contextmanager
def plain_path(folder: Path, name: str, most_bytes: int | None = None) -> Iterator[str]:
    """Open the regular file `name` of `folder`, and yield a path of just that open file, for libraries that want one.

    Whatever takes the file's place meanwhile is not opened. Raises OddFile if the file or `folder` is a link, if it is
    a name of another user's file, or larger than `most_bytes`; OSError.
    """
    with contextlib.ExitStack() as opened:

        def kept(descriptor: int) -> int:
            opened.callback(os.close, descriptor)
            return descriptor

        inner = kept(open_folder(folder.name, kept(open_folder(folder.parent))))
        file = kept(open_regular(name, folder=inner))
        status = os.fstat(file)
        if status.st_nlink > 1 and status.st_uid != os.fstat(inner).st_uid:
            raise OddFile(name, "is a hard link, another name of somebody else's file")
        if most_bytes is not None and status.st_size > most_bytes:
            raise OddFile(name, f"is larger than {most_bytes / 1e6:g} MB")
        yield f"/proc/self/fd/{file}"


def read_all(file: int, name: str, most_bytes: int) -> bytes:
    """Read the descriptor `file` to its end. Raises OddFile if that is more than `most_bytes`."""
    parts, left = [], most_bytes + 1
    while left > 0 and (part := os.read(file, min(left, 1 << 20))):
        parts.append(part)
        left -= len(part)
    if left <= 0:
        raise OddFile(name, f"is larger than {most_bytes / 1e6:g} MB")
    return b"".join(parts)


def read_regular(path: Path, most_bytes: int) -> bytes:
    """Read the regular file `path`, or the one that a link of that name leads to. Raises OddFile, OSError."""
    file = open_regular(os.path.realpath(path))
    try:
        if os.fstat(file).st_size > most_bytes:
            raise OddFile(str(path), f"is larger than {most_bytes / 1e6:g} MB")
        return read_all(file, str(path), most_bytes)
    finally:
        os.close(file)


def remove_tree(path: Path) -> None:
    """Remove a folder and all below it, following no link. Raises OddFile if folders lie too deep in each other."""
    try:
        shutil.rmtree(path)
    except RecursionError:
        raise OddFile(str(path), "has folders in folders in folders, hundreds deep: remove it by `rm -r`") from None


def user_path(text: str) -> Path:
    """Return a path that a user has typed, with ~ as the shell reads it: `~nobody` stays as it is."""
    return Path(os.path.expanduser(text))


def can_be_path(path: Path | str) -> bool:
    """Return False for what no file can be called: too long, or with a NUL in it."""
    try:
        os.stat(path)
    except OSError as error:
        return error.errno != errno.ENAMETOOLONG
    except ValueError:
        return False
    return True


def readable_by_others(path: Path) -> bool:
    """Return True if another user of this machine may read the file `path`."""
    try:
        return bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))
    except OSError:
        return False


def _writes(flags: int) -> bool:
    return bool(flags & (os.O_WRONLY | os.O_RDWR))


def _check(name: str, status: os.stat_result, *, written: bool, is_folder: bool) -> None:
    kind = stat.S_IFMT(status.st_mode)
    if kind != (stat.S_IFDIR if is_folder else stat.S_IFREG):
        raise OddFile(name, f"is {_KINDS.get(kind, 'no file')}")
    if written and status.st_nlink > 1:
        raise OddFile(name, "is a hard link, another name of a file elsewhere")
