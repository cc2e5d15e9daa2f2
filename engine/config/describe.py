"""Description of a configuration in a sentence, for lists of presets and the start of a run."""

from __future__ import annotations

from engine.config.schema import RunConfig


def describe(config: RunConfig) -> str:
    """Describe the model, the steps and the limits of a run, without the preset's name."""
    rollout, policy, run = config.rollout, config.policy, config.run
    limits = [f"{run.steps} step{'' if run.steps == 1 else 's'}"]
    if run.max_minutes:
        limits.append(f"{run.max_minutes:g} min")
    return (
        f"{config.model.source}: {rollout.tasks_per_step} tasks x "
        f"({rollout.n_programs} programs + {rollout.m_tests} tests) a step, "
        f"LoRA rank {policy.lora_rank} on {policy.precision}, lr {policy.learning_rate:g}, "
        f"KL {policy.kl_beta:g}, at most {' or '.join(limits)}"
    )
