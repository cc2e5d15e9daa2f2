"""Note of the user on a run: a line of text in the run's folder, in which words that begin with "#" are tags."""

from __future__ import annotations

from pathlib import Path

from engine.errors import ConfigError
from engine.printable import printable
from engine.runs.faults import run_faults
from engine.runs.files import NOTE_FILE, read_file, remove_file, write_file

MOST_CHARACTERS = 300
_MOST_BYTES = 4 * MOST_CHARACTERS


def read_note(run_dir: Path) -> str:
    """Return the note on a run in one line; "" without one, or for a file that no dashboard can have written."""
    try:
        text = read_file(run_dir, NOTE_FILE, _MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
    return printable(" ".join(text.split()))[:MOST_CHARACTERS]


def write_note(run_dir: Path, text: str) -> None:
    """Keep the note on a run, live or not; "" removes it. Raises ConfigError for a long one; RunError."""
    if fault := note_fault(text):
        raise ConfigError(fault, "write less")
    note = " ".join(text.split())
    with run_faults(run_dir):
        if note:
            write_file(run_dir, NOTE_FILE, f"{note}\n".encode())
        else:
            remove_file(run_dir, NOTE_FILE)


def note_fault(text: str) -> str:
    """Say why a text cannot be a note; "" if it can."""
    length = len(" ".join(text.split()))
    return f"{length} characters, at most {MOST_CHARACTERS}" if length > MOST_CHARACTERS else ""


def tags_of(note: str) -> tuple[str, ...]:
    """Return the tags of a note, without "#", each once."""
    words = (word.strip(".,;:!?") for word in note.split() if word.startswith("#"))
    return tuple(dict.fromkeys(word[1:] for word in words if len(word) > 1))
