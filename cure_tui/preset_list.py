"""The presets of this machine, each with what keeps it from running here: for `presets` and `doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.config import Machine, Missing, list_presets, load_preset, missing_for
from engine.errors import ConfigError


@dataclass(frozen=True)
class PresetEntry:
    """One preset; a file with a fault is listed with it, and hides no other."""

    name: str
    path: Path
    description: str
    missing: tuple[Missing, ...]

    @property
    def runs_here(self) -> bool:
        return not self.missing

    def to_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "path": str(self.path),
            "description": self.description,
            "runs_here": self.runs_here,
            "missing": [{"what": each.what, "remedy": each.remedy} for each in self.missing],
        }


def preset_entries(machine: Machine) -> list[PresetEntry]:
    """Every preset, built-in or the user's, checked against `machine`."""
    return [_entry(name, path, machine) for name, path in list_presets().items()]


def _entry(name: str, path: Path, machine: Machine) -> PresetEntry:
    try:
        config = load_preset(path)
    except ConfigError as error:
        return PresetEntry(name, path, "cannot be read", (Missing(error.message, error.remedy),))
    return PresetEntry(name, path, config.description, missing_for(config, machine))
