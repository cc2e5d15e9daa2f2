"""Settings of a run: their schema, the rules on combinations, a sentence that describes them.

RunConfig             all settings of a run, checked value by value
describe(config)      a sentence on its steps
at_stage(rollout, k)  the rollout section with the limits of stage k of the length curriculum
"""

from engine.config.curriculum import at_stage, longest_answer, stage_count
from engine.config.describe import describe
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

__all__ = [
    "DataConfig",
    "EvaluationConfig",
    "ModelConfig",
    "PolicyConfig",
    "RewardConfig",
    "RolloutConfig",
    "RunConfig",
    "RunSection",
    "SandboxConfig",
    "VllmConfig",
    "at_stage",
    "describe",
    "longest_answer",
    "stage_count",
]
