"""Loader of presets: a preset and overrides become one checked RunConfig, or a ConfigError.

load_preset("nano", ["run.steps=5"])    a preset by name or file, with overrides; qwen3-4b@48: one of its variants
load_config(folder / "config.toml")     the configuration of a run
"""

from engine.presets.loading import load_config, load_preset, load_with_variants, preset_variants, setting_names
from engine.presets.sources import find_preset, list_presets, user_presets_folder
from engine.presets.variants import DESIGN_GB, split_variant

__all__ = [
    "DESIGN_GB",
    "find_preset",
    "list_presets",
    "load_config",
    "load_preset",
    "load_with_variants",
    "preset_variants",
    "setting_names",
    "split_variant",
    "user_presets_folder",
]
