"""Facts that a run's screen needs before the first snapshot: the view to open on, and the run's limits."""

from __future__ import annotations

from engine.errors import CureError
from engine.presets import load_config
from engine.runs.folder import RunFolder
from engine.runs.listing import RunCondition, read_info

FIRST_VIEW, RESULTS = "overview", "results"


def first_view(folder: RunFolder) -> str:
    """Return the view that a run opens on: its results once it is finished and evaluated, else the overview."""
    info = read_info(folder.path)
    has_results = info.state is RunCondition.FINISHED and info.evaluation is not None
    return RESULTS if has_results else FIRST_VIEW


def bounds(folder: RunFolder) -> tuple[float, float]:
    """Return the run's budget in minutes and its KL limit, (0, 0) if its config cannot be read."""
    try:
        config = load_config(folder.config)
    except CureError:
        return 0.0, 0.0
    return config.run.max_minutes, config.policy.kl_stop
