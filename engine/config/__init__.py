"""Settings of a run: their schema, the rules on combinations, a sentence that describes them.

RunConfig             all settings of a run, checked value by value
describe(config)      a sentence on its steps
"""

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
    "describe",
]
