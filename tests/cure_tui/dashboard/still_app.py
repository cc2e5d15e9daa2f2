"""Dashboard for snapshots: pictures without anything of this machine, hour or the web."""

from __future__ import annotations

import re
from pathlib import Path

from cure_tui.dashboard.app import CureApp
from cure_tui.launch.presets import PresetEntry
from cure_tui.solving.full import SolveApp
from engine.machine.libraries import Missing
from engine.machine.probe import Machine
from engine.sandbox import SandboxLevel
from engine.sandbox.launch import Confinement

MACHINE = Machine(
    python="3.11.7", system="Linux", cores=2, memory_gb=16.0, free_memory_gb=12.0, disk_free_gb=80.0,
    gpus=(), libraries=(),
)  # fmt: skip
PRESETS = (
    PresetEntry("nano", Path("nano.toml"), "The embedded model on its own small tasks.", ()),
    PresetEntry(
        "qwen3-4b", Path("qwen3-4b.toml"), "Qwen3-4B, thinking, on one 24 GB GPU.",
        (Missing("no CUDA GPU", "use a machine with an NVIDIA GPU"), Missing("vllm is not installed", "install it")),
    ),
)  # fmt: skip
SANDBOX = SandboxLevel("B", Confinement(False, True, True), ("bwrap is not installed",), "install bubblewrap")

_WEB_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_ORIGIN = re.compile(r"<!--.*?-->\s*", re.DOTALL)
_ONE_LINE_CLIP = re.compile(r'<clipPath id="\S+-line-\d+">.*?</clipPath>\s*', re.DOTALL)
_CLIPPED = re.compile(r' clip-path="url\(#\S+-line-\d+\)"| shape-rendering="crispEdges"')
_BOXES = re.compile(r'(?:<rect fill="[^"]*" x="[^"]*" y="[^"]*" width="[^"]*" height="24.65"/>)+')
_BOX = re.compile(r'<rect fill="([^"]*)" x="([^"]*)" y="([^"]*)" width="([^"]*)"')


class StillApp(CureApp):
    """Dashboard whose pictures are a third as large as Textual's own; a browser shows the same."""

    def export_screenshot(self, *, title: str | None = None, simplify: bool = False) -> str:
        return _lean(super().export_screenshot(title=title, simplify=True))


class StillSolveApp(SolveApp):
    """Full view of `solve` with such pictures."""

    def export_screenshot(self, *, title: str | None = None, simplify: bool = False) -> str:
        return _lean(super().export_screenshot(title=title, simplify=True))


def _lean(drawn: str) -> str:
    for needless in (_WEB_FONT, _ORIGIN, _ONE_LINE_CLIP, _CLIPPED):
        drawn = needless.sub("", drawn)
    return _BOXES.sub(_joined, drawn)


def _joined(boxes: re.Match[str]) -> str:
    """Join adjacent boxes of one colour."""
    rows: list[tuple[str, str, float, float]] = []
    for colour, x, y, width in _BOX.findall(boxes[0]):
        left, right = float(x), float(x) + float(width)
        if rows and rows[-1][:2] == (colour, y) and abs(rows[-1][3] - left) < 0.01:
            left = rows.pop()[2]
        rows.append((colour, y, left, right))
    return "".join(
        f'<rect fill="{colour}" x="{left:g}" y="{y}" width="{right - left:g}" height="24.65"/>'
        for colour, y, left, right in rows
    )
