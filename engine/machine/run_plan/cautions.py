"""Warnings about a planned run: nothing here keeps it from running, but its user would want to know before."""

from __future__ import annotations

from collections.abc import Iterator

from engine.machine.cpu import multiplies_bf16
from engine.machine.run_plan.plan import RunPlan
from engine.machine.run_plan.words import duration

MOST_START_STEPS = 10.0
"""Steps' worth of time that a start evaluation may take."""

NEGLIGIBLE_SECONDS = 600.0
"""A start evaluation shorter than this is no nuisance, whatever a step takes."""

_BF16_FROM = 20_000_000
"""Parameters from which a CPU samples in bf16 faster than in fp32."""


def warnings(plan: RunPlan) -> tuple[str, ...]:
    """Return the warnings about a run, a sentence each with its remedy."""
    return (*_start_evaluation(plan), *_time_limit(plan), *_bf16(plan))


def _start_evaluation(plan: RunPlan) -> Iterator[str]:
    if plan.start_in_steps > MOST_START_STEPS and plan.times.start > NEGLIGIBLE_SECONDS:
        evaluation = plan.config.evaluation
        sizes = f"heldout_tasks ({evaluation.heldout_tasks}), validation_tasks ({evaluation.validation_tasks})"
        yield (
            f"the start evaluation, {plan.work.start.answers:,} answers, takes as long as {plan.start_in_steps:.0f} "
            f"steps ({duration(plan.times.start)}): lower evaluation.{sizes}, n_programs or m_tests"
        )


def _time_limit(plan: RunPlan) -> Iterator[str]:
    limit = plan.config.run.max_minutes
    # The last evaluation takes as long as the first, and both count.
    needed = 2 * plan.times.start + plan.times.steps[0]
    if limit and plan.config.run.steps and needed > limit * 60:
        what = "the start evaluation alone" if plan.times.start > limit * 60 else "both evaluations and one step"
        takes = plan.times.start if plan.times.start > limit * 60 else needed
        yield (
            f"{what} would take {duration(takes)}, and run.max_minutes is {limit:g}: raise it to "
            f"{needed / 60 * 1.5:.0f} or more, or lower evaluation.heldout_tasks and validation_tasks"
        )


def _bf16(plan: RunPlan) -> Iterator[str]:
    if plan.room.gpu is not None or plan.room.is_assumed or plan.memory.shape.parameters < _BF16_FROM:
        return
    precision = plan.config.policy.precision
    if precision == "fp32" and multiplies_bf16():
        yield (
            'this CPU multiplies bf16: sampling would be nearly twice as fast with policy.precision = "bf16" and '
            'model.dtype = "bf16"'
        )
    elif precision == "bf16" and not multiplies_bf16():
        yield 'this CPU has no bf16 instructions: policy.precision = "fp32" is faster'
