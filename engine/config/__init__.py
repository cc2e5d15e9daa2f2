"""A run's settings: presets and overrides in, one frozen RunConfig out, or a refusal with its reason.

load_preset("nano", ["run.steps=5"])    a preset by name or file, with overrides; qwen3-4b@48: one of its variants
load_config(folder / "config.toml")     what a run was started with
dump_toml(config)                       the same, as text
describe(config)                        a sentence on what a step is
missing_for(config, machine)            what this machine lacks for it, each with a remedy
"""

from engine.config.describe import describe
from engine.config.libraries import Missing
from engine.config.loading import load_config, load_preset, preset_variants, setting_names
from engine.config.machine import Driver, Gpu, Machine, probe_machine
from engine.config.requirements import missing_for
from engine.config.schema import (
    DataConfig,
    EvaluationConfig,
    ModelConfig,
    PolicyConfig,
    RewardConfig,
    RolloutConfig,
    RunConfig,
    RunSection,
    SandboxConfig,
    VllmConfig,
)
from engine.config.sources import find_preset, list_presets, user_presets_folder
from engine.config.toml_text import dump_toml
from engine.config.variants import DESIGN_GB, split_variant

__all__ = [
    "DESIGN_GB",
    "DataConfig",
    "Driver",
    "EvaluationConfig",
    "Gpu",
    "Machine",
    "Missing",
    "ModelConfig",
    "PolicyConfig",
    "RewardConfig",
    "RolloutConfig",
    "RunConfig",
    "RunSection",
    "SandboxConfig",
    "VllmConfig",
    "describe",
    "dump_toml",
    "find_preset",
    "list_presets",
    "load_config",
    "load_preset",
    "missing_for",
    "preset_variants",
    "probe_machine",
    "setting_names",
    "split_variant",
    "user_presets_folder",
]
