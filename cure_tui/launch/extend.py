"""More time or more steps for a run that has used up its own: "5 min", "20 steps"."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from cure_tui.launch.prepare import PreparedRun, prepare_resume
from cure_tui.launch.question import origin_warning
from engine.errors import ConfigError
from engine.presets import load_config
from engine.runs.budget import read_used
from engine.runs.folder import RunFolder

USUAL = "5 min"
_AMPLE_STEPS = 10_000
"""Steps added where minutes alone are to end the run."""
_MORE = re.compile(r"\s*(\d{1,6}(?:\.\d{1,3})?)\s*(m|min|minutes?|s|steps?)?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Extension:
    """Addition to the limits of a run: minutes or steps, the other is 0."""

    minutes: float = 0.0
    steps: int = 0

    @classmethod
    def parse(cls, text: str) -> Extension:
        """Read "5 min" or "20 steps"; a number alone is minutes. Raises ConfigError."""
        found = _MORE.fullmatch(text)
        number = float(found[1]) if found else 0.0
        if found is None or not number:
            raise ConfigError(f"{text.strip()!r} is no extension", 'type minutes such as "5 min", or "20 steps"')
        if not (found[2] or "m").lower().startswith("s"):
            return cls(minutes=number)
        if number != int(number):
            raise ConfigError(f"{text.strip()!r} is no whole number of steps", 'type "20 steps"')
        return cls(steps=int(number))


def extension_fault(text: str) -> str:
    """Say why a text is no extension; "" if it is one."""
    try:
        Extension.parse(text)
    except ConfigError as error:
        return str(error)
    return ""


def extension_text(finished: str, path: Path, live: str) -> str:
    """Say why a run has ended, what can be typed, whose run it is, and which others are live."""
    reason = finished.partition("; go on:")[0]
    whose = origin_warning([path])
    lines = (f"{reason}.", f"How much longer is it to train? {USUAL}, or 20 steps.", whose, live)
    return "\n".join(line for line in lines if line)


def prepare_extension(path: Path, more: Extension) -> PreparedRun:
    """Open a finished run to go on beyond its limits; the limit that is not extended gives way. Raises CureError."""
    folder = RunFolder.open(path)
    config, state = load_config(folder.config), read_used(folder.journal).state
    if more.steps:
        return prepare_resume(str(path), state.step + more.steps, 0.0 if config.run.max_minutes else None)
    used = math.ceil((state.seconds - state.labelling_seconds) / 6) / 10
    steps = state.step + _AMPLE_STEPS if config.run.steps <= state.step else None
    return prepare_resume(str(path), steps, used + more.minutes)
