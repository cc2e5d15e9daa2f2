"""Copies text to the terminal's clipboard without a lie: nobody can know whether it arrived, so a file holds it too.

The clipboard is OSC 52: the text goes to the terminal as an escape sequence, also over ssh, and no answer comes back.
Some terminals ignore it, tmux needs `set -g set-clipboard on`, and many drop what is longer than about 74 kB.
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
    """The part of a Textual App that copying needs."""

    def copy_to_clipboard(self, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Copied:
    """What became of a copy; `message` is for the user. path: None when no file could be written."""

    message: str
    path: Path | None
    sent: bool

    @property
    def failed(self) -> bool:
        return self.path is None and not self.sent


def copy(app: Clipboard, text: str, folder: Path, name: str) -> Copied:
    """Sends `text` to the terminal's clipboard, unless it is too long for it, and writes it to a file in `folder`."""
    text = _encodable(text)
    size = len(text.encode())
    sent = size <= CLIPBOARD_BYTES
    if sent:
        app.copy_to_clipboard(text)
    saved = save(text, folder, name)
    clipboard = "sent to the terminal's clipboard (not every terminal takes it)"
    if not sent:
        clipboard = f"too long for most terminals' clipboards ({size / 1000:,.0f} kB, they take about 74)"
    if saved.path is None:
        return Copied(f"{clipboard}; {saved.message}", None, sent)
    return Copied(f"{clipboard}; {'also in' if sent else 'it is in'} {saved.path}", saved.path, sent)


def save(text: str, folder: Path, name: str) -> Copied:
    """Writes `text` to a file in `folder`, which is made where it is missing; nothing else is ever overwritten.

    The file is called `name`, or name-2, name-3, ... where that holds something else.
    """
    content = _encodable(text).encode()
    wanted = Path(_file_name(name))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        number = 1
        while True:
            path = folder / (wanted if number == 1 else f"{wanted.stem}-{number}{wanted.suffix}")
            try:
                with path.open("xb") as file:
                    file.write(content)
            except FileExistsError:
                if not (path.is_file() and path.read_bytes() == content):
                    number += 1
                    continue
            return Copied(f"saved to {path}", path, sent=False)
    except OSError as error:
        return Copied(
            f"no file could be written to {folder}: {(error.strerror or str(error)).lower()}", None, sent=False
        )


def _encodable(text: str) -> str:
    """The text without lone surrogates, which models do make and no file can hold."""
    return text.encode("utf-8", "replace").decode()


def _file_name(name: str) -> str:
    """The name without what a file system or a shell would stumble over."""
    stem, dot, ending = name.rpartition(".")
    kept = re.sub(r"[^A-Za-z0-9._-]+", "-", stem if dot else name).strip("-.")[:_NAME_CHARACTERS] or "text"
    return f"{kept}.{ending}" if dot and ending.isalnum() else kept
