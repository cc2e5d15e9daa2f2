"""A run's settings: presets and overrides in, one frozen RunConfig out, or a refusal with its reason.

load_preset("nano", ["run.steps=5"])    a preset by name or file, with overrides
load_config(folder / "config.toml")     what a run was started with
dump_toml(config)                       the same, as text
describe(config)                        a sentence on what a step is
missing_for(config, machine)            what this machine lacks for it, each with a remedy
"""

from engine.config.describe import describe
from engine.config.loading import load_config, load_preset, setting_names
from engine.config.machine import Gpu, Machine, probe_machine
from engine.config.requirements import Missing, missing_for
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

__all__ = [
    "DataConfig",
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
    "probe_machine",
    "setting_names",
    "user_presets_folder",
]
