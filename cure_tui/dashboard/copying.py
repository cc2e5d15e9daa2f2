"""Copy of text to the terminal's clipboard and to a file: the terminal never confirms, so the file is the safe copy.

The clipboard is OSC 52: the text goes to the terminal as an escape sequence, also over ssh, and no reply comes back.
Some terminals ignore it, tmux needs `set -g set-clipboard on`, and many drop texts longer than about 74 kB.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

# Terminals commonly stop reading at 100,000 characters of base64, which is 3 bytes of text in 4 characters.
CLIPBOARD_BYTES = 74_000
_NAME_CHARACTERS = 120


class Clipboard(Protocol):
    """Part of a Textual App that copying needs."""

    def copy_to_clipboard(self, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Copied:
    """Result of a copy. message: for the user. path: the file, None if it cannot be written. sent: to the clipboard."""

    message: str
    path: Path | None
    sent: bool

    @property
    def failed(self) -> bool:
        return self.path is None and not self.sent


def copy(app: Clipboard, text: str, folder: Path, name: str) -> Copied:
    """Send `text` to the terminal's clipboard, unless it is too long, and write it to a file in `folder`."""
    text = _encodable(text)
    size = len(text.encode())
    sent = size <= CLIPBOARD_BYTES
    if sent:
        app.copy_to_clipboard(text)
    saved = save(text, folder, name)
    clipboard = "sent to the terminal's clipboard (not every terminal accepts it)"
    if not sent:
        clipboard = f"too long for most terminals' clipboards ({size / 1000:,.0f} kB; most accept about 74)"
    if saved.path is None:
        return Copied(f"{clipboard}; {saved.message}", None, sent)
    return Copied(f"{clipboard}; {'also saved to' if sent else 'saved to'} {saved.path}", saved.path, sent)


def save(text: str, folder: Path, name: str) -> Copied:
    """Write `text` to a file in `folder`, which is created if missing; never overwrite another text.

    The file is called `name`, or name-2, name-3, ... if that file holds another text.
    """
    content = _encodable(text).encode()
    wanted = Path(_file_name(name))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if folder.is_symlink():  # a run's author may have put it there
            return Copied(f"cannot write to {folder}: it is a link", None, sent=False)
        number = 1
        while True:
            path = folder / (wanted if number == 1 else f"{wanted.stem}-{number}{wanted.suffix}")
            try:
                with path.open("xb") as file:
                    file.write(content)
            except FileExistsError:
                same_size = path.is_file() and path.stat().st_size == len(content)  # others' files may be of any size
                if not (same_size and path.read_bytes() == content):
                    number += 1
                    continue
            return Copied(f"saved to {path}", path, sent=False)
    except OSError as error:
        return Copied(f"cannot write to {folder}: {(error.strerror or str(error)).lower()}", None, sent=False)


def _encodable(text: str) -> str:
    """Replace lone surrogates: models do produce them, and UTF-8 cannot encode them."""
    return text.encode("utf-8", "replace").decode()


def _file_name(name: str) -> str:
    """Replace characters that a file system or a shell would misread."""
    stem, dot, ending = name.rpartition(".")
    kept = re.sub(r"[^A-Za-z0-9._-]+", "-", stem if dot else name).strip("-.")[:_NAME_CHARACTERS] or "text"
    return f"{kept}.{ending}" if dot and ending.isalnum() else kept
