"""The terminal's title: which run is watched, how far it is and whether it needs somebody; and the old one afterwards.

title_of      a run in at most a line; what matters first, for tabs are narrow
title_codes   what sets a title (OSC 2)
title_kept    gives the terminal its own title back, whatever happens in between
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from cure_tui.alerts import standing_alert
from cure_tui.pictures.header import coming_word
from cure_tui.watch import Snapshot
from engine.runs.state import RunStatus

# xterm's stack of titles; kitty, tmux, VTE and others know it, and those who do not ignore it.
_PUSH, _POP = "\x1b[22;2t", "\x1b[23;2t"


def title_of(snapshot: Snapshot, kl_bound: float = 0.0) -> str:
    """Such as "12/220 live nano-..."; "! crashed 12/220 nano-..." where somebody should look."""
    state = snapshot.state
    paused = snapshot.is_live and state.status is RunStatus.PAUSED
    word = coming_word(snapshot) or ("paused" if paused else snapshot.condition.value)
    progress = f"{state.step}/{state.steps}"
    alert = standing_alert(snapshot, kl_bound)
    if not alert:
        return f"{progress} {word} {snapshot.path.name}"
    return f"! {alert} {progress} {snapshot.path.name}"


def title_codes(title: str) -> str:
    """The bytes that make `title` the window's; what would end them early or do more is left out."""
    shown = "".join(character for character in title if character.isprintable())
    return f"\x1b]2;{shown}\x07"


@contextmanager
def title_kept(terminal: TextIO) -> Iterator[None]:
    """The title of `terminal` is afterwards what it was. Does nothing to what is no terminal."""
    if not terminal.isatty():
        yield
        return
    terminal.write(_PUSH)
    terminal.flush()
    try:
        yield
    finally:
        terminal.write(_POP)
        terminal.flush()
