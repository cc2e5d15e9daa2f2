"""Window for the user's note on a run, with its tags."""

from __future__ import annotations

from pathlib import Path

from cure_tui.dashboard.edit import EditScreen, Field
from engine.machine.home import run_name
from engine.runs.notes import note_fault, read_note, tags_of, write_note

_ABOUT = "Words that begin with # are tags: #baseline. The filter of the home screen (/) finds words and tags."


def note_screen(run_dir: Path) -> EditScreen:
    """Return the window for the note on a run."""
    return EditScreen(Field(f"Note on {run_name(run_dir)}", _ABOUT, read_note(run_dir), note_fault))


def take_note(run_dir: Path, text: str) -> str:
    """Keep a note, and return what to tell the user. Raises CureError."""
    write_note(run_dir, text)
    tags = tags_of(text)
    if not text.strip():
        return "the note is removed"
    return f"noted, tagged {', '.join(tags)}" if tags else "noted"
