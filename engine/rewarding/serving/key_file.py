"""Key of a server in a file of its owner alone, for as long as the server lives."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import ConfigError
from engine.machine.regular_files import OWNER_ONLY, OWNER_ONLY_FOLDER, read_regular

_KEY = re.compile(rb"[0-9a-f]{64}\n?")
_MOST_BYTES = 4096


def new_key() -> str:
    """Return a key of 256 random bits."""
    return secrets.token_hex(32)


@contextmanager
def kept_in(path: Path, key: str) -> Iterator[None]:
    """Keep the key in the file `path`, which only its owner can read, and remove the file afterwards.

    A key of an earlier server is replaced, any other file is refused. Raises ConfigError.
    """
    try:
        _write(path, key)
    except OSError as fault:
        reason = (fault.strerror or str(fault)).lower()
        raise ConfigError(f"cannot write the key to {path}: {reason}", "name another file by --key-file") from fault
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if path.read_bytes() == f"{key}\n".encode():  # else another server's by now
                path.unlink()


def _write(path: Path, key: str) -> None:
    path.parent.mkdir(mode=OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
    if os.path.lexists(path) and (path.is_symlink() or not _KEY.fullmatch(read_regular(path, _MOST_BYTES))):
        raise ConfigError(f"{path} is a file already, and holds no key", "name another file by --key-file")
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, OWNER_ONLY)
    try:
        with os.fdopen(file, "w") as out:
            out.write(f"{key}\n")
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)  # there only if it has not taken the file's place
