"""Registry of label sources, one file each: `reward.labels` says which programs of a task count as correct.

    hidden       the tasks' hidden tests (CURE)
    tester:WHO   tests that a trained tester writes once, before the run
    consensus    the tests on which programs and tests agree

Each file has one function, `open_labels`, which returns an `engine.train.labels.source.LabelSource`. No source but
`hidden` lets a step read a hidden test or a reference program of a training task. Anchors (`anchors`) and the signs of
drift (`engine.train.label_watch`) are the same for all others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.config import RunConfig
from engine.problems import Problem
from engine.train.labels import consensus, hidden, tester
from engine.train.labels.source import LabelledTask, LabelSource, OpenLabels, Surroundings

__all__ = ["LABELS", "LabelSource", "LabelledTask", "Surroundings", "open_source"]

LABELS: Mapping[str, OpenLabels] = {
    "hidden": hidden.open_labels,
    "tester": tester.open_labels,
    "consensus": consensus.open_labels,
}


def open_source(config: RunConfig, train: Sequence[Problem], around: Surroundings) -> LabelSource:
    """Open the label source of a run. Raises CureError."""
    return LABELS[config.reward.labels.partition(":")[0]](config, train, around)
