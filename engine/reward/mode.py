"""Words for where a run's rewards come from: the same in every list, table and question. Imports nothing heavy."""

from __future__ import annotations

HIDDEN, CONSENSUS = "hidden", "consensus"
TESTER_PREFIX = "tester:"
UNANCHORED = "UNANCHORED"
"""Warning in every line and screen of a run that learns without labels and has no task whose labels it could check."""


def is_unanchored(labels: str, anchors: int) -> bool:
    """Tell whether nothing of a run is ever held against true labels."""
    return labels not in ("", HIDDEN) and not anchors


def reward_words(labels: str, anchors: int, supervision: str) -> str:
    """Say how rewards differ from CURE's own, which come from hidden tests alone; "" where they do not.

    labels: `reward.labels`, anchors: `reward.anchors`, supervision: `reward.tester_supervision`.
    """
    if labels not in ("", HIDDEN):
        held = UNANCHORED if not anchors else f"{anchors} anchors"
        return f"labels {labels}, {held}"
    return "tests judged by reference programs" if supervision == "reference" else ""
