"""Settings of a run: their schema, the combinations that cannot work, a sentence that describes them.

describe(config)      a sentence on what a step is
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
