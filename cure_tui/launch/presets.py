"""List of this machine's presets, each with what it lacks to run here: for `presets`, `doctor` and the dashboard."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.errors import ConfigError
from engine.machine.libraries import Missing, trains_elsewhere
from engine.machine.model_folders import download_gb
from engine.machine.probe import Machine
from engine.machine.requirements import missing_for
from engine.presets import DESIGN_GB, list_presets, load_with_variants


@dataclass(frozen=True)
class PresetEntry:
    """One preset. An invalid preset file is an entry too, with its error as what is missing."""

    name: str
    path: Path
    description: str
    missing: tuple[Missing, ...]
    variant: str = ""
    """The variant for this machine, in GB of GPU memory; empty if the preset has no variants."""
    variants: tuple[str, ...] = ()
    download_gb: float = 0.0
    """GB of the model that its first run fetches; 0 if the model is on this machine, or trained on a server."""

    @property
    def runs_here(self) -> bool:
        return not self.missing

    def to_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "path": str(self.path),
            "description": self.description,
            "variant": self.variant,
            "variants": list(self.variants),
            "runs_here": self.runs_here,
            "download_gb": round(self.download_gb, 1),
            "missing": [{"what": each.what, "remedy": each.remedy} for each in self.missing],
        }


def preset_entries(machine: Machine) -> list[PresetEntry]:
    """Check every preset, built-in or the user's, in its variant for `machine`."""
    return [_entry(name, path, machine) for name, path in list_presets().items()]


def _entry(name: str, path: Path, machine: Machine) -> PresetEntry:
    card_gb = DESIGN_GB if machine.card is None else machine.card.memory_gb
    try:
        config, variants = load_with_variants(path, gpu_memory_gb=card_gb)
    except ConfigError as error:
        return PresetEntry(name, path, "invalid preset file", (Missing(error.message, error.remedy),))
    return PresetEntry(
        name,
        path,
        config.description,
        missing_for(config, machine),
        config.variant,
        tuple(variants),
        0.0 if trains_elsewhere(config) else download_gb(config.model.source, config.model.parameters_b),
    )
