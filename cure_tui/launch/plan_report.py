"""Report of a run's plan: three lines for the start of a run, the whole of it for `cure-tui doctor --preset P`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from cure_tui.launch.memory_report import memory_as_json, memory_as_text
from engine.config import RunConfig
from engine.machine.run_plan import RunPlan, warnings
from engine.machine.run_plan.words import duration
from engine.machine.run_plan.work import Amount

_LABEL = 46


def plan_lines(plan: RunPlan) -> list[str]:
    """Return the three lines of a plan: memory, time, disk."""
    return [_memory_line(plan), _time_line(plan), _disk_line(plan)]


def plan_as_text(plan: RunPlan, variants: list[str], card: str) -> Iterator[str]:
    """Yield the whole plan in lines: memory part by part, answers, time, disk, warnings."""
    yield from memory_as_text(plan.config, plan.memory, variants, card)
    yield ""
    yield from _work_as_text(plan)
    yield ""
    yield from _time_as_text(plan)
    yield ""
    yield f"Disk, at most{'' if plan.room.is_assumed else f' ({plan.room.disk_free_gib:,.1f} GiB free here)'}"
    for part in plan.disk.parts:
        if part.gib >= 0.005:
            yield f"  {part.name:<{_LABEL}} {part.gib:>7.2f} GiB"
    yield f"  {'together':<{_LABEL}} {plan.disk.gib:>7.2f} GiB"
    found = warnings(plan)
    if found:
        yield ""
        yield from (f"warning: {text}" for text in found)


def plan_as_json(plan: RunPlan, variants: list[str]) -> dict[str, object]:
    """Return the whole plan as one JSON object: sizes in GiB, times in seconds."""
    work, times, speed = plan.work, plan.times, plan.speed
    return memory_as_json(plan.config, plan.memory, variants) | {
        "answers": {
            "start": dataclasses.asdict(work.start),
            "periodic": dataclasses.asdict(work.periodic),
            "end": dataclasses.asdict(work.end),
            "training": dataclasses.asdict(work.training),
            "evaluation_share": round(work.evaluation_share, 4),
        },
        "stages": [
            {
                "longest_answer": max(stage.rollout.max_new_tokens_coder, stage.rollout.max_new_tokens_tester),
                "steps": stage.steps,
                "step": dataclasses.asdict(stage.step),
                "step_seconds": round(seconds, 1),
                "tokens_per_second": round(speed.sampled(stage.rollout), 1),
            }
            for stage, seconds in zip(work.stages, times.steps, strict=True)
        ],
        "seconds": {
            "start": round(times.start, 1),
            "first_learning": round(times.first_learning, 1),
            "run": round(times.run, 1),
        },
        "trained_tokens_per_second": round(speed.trained_per_second, 1),
        "basis": speed.basis,
        "start_in_steps": round(plan.start_in_steps, 2),
        "disk": {
            "gib": round(plan.disk.gib, 3),
            "parts": [{"name": part.name, "gib": round(part.gib, 4)} for part in plan.disk.parts],
        },
        "warnings": list(warnings(plan)),
    }


def _memory_line(plan: RunPlan) -> str:
    memory = plan.memory
    if memory.on_cpu:
        return f"memory  {memory.needed_gib:.1f} GiB of RAM, {memory.room_gib:.1f} GiB free"
    free = "" if memory.room_gib > memory.gpu_gib - 0.05 else f" ({memory.room_gib:.1f} free)"
    card = f"{memory.needed_gib:.1f} GiB of the card's {memory.gpu_gib:.1f}{free}"
    there = "" if plan.room.is_assumed else f" of {plan.room.free_memory_gib:.1f} GiB free"
    return f"memory  {card}, host {memory.host_gib:.1f}{there or ' GiB'}"


def _time_line(plan: RunPlan) -> str:
    times, limit, steps = plan.times, plan.config.run.max_minutes, plan.config.run.steps
    parts = [f"start evaluation {duration(times.start)} ({plan.work.start.answers:,} answers)"]
    if steps:
        shortest, longest = duration(min(times.steps)), duration(max(times.steps))
        parts.append(f"a step {shortest}{'' if longest == shortest else f' to {longest}'}")
        ends = limit and limit * 60 < times.run
        parts.append(f"ends after {limit:g} min" if ends else f"the run {duration(times.run)}")
    return f"time    {', '.join(parts)}"


def _disk_line(plan: RunPlan) -> str:
    here = "" if plan.room.is_assumed else f", {plan.room.disk_free_gib:,.1f} GiB free"
    return f"disk    {plan.disk.gib:.1f} GiB at most{here}"


def _work_as_text(plan: RunPlan) -> Iterator[str]:
    work, config = plan.work, plan.config
    evaluation = config.evaluation
    yield f"{'Answers':<{_LABEL + 2}} {'answers':>9} {'tokens':>12}"
    size = (
        f"{evaluation.heldout_tasks} + {evaluation.validation_tasks} tasks x "
        f"({evaluation.n_programs} + {evaluation.m_tests})"
    )
    yield _amount(f"start evaluation, {size}", work.start)
    for stage in work.stages:
        rollout = stage.rollout
        limit = max(rollout.max_new_tokens_coder, rollout.max_new_tokens_tester)
        name = f"a step, {rollout.tasks_per_step} tasks x ({rollout.n_programs} + {rollout.m_tests})"
        if len(work.stages) > 1:
            name += f", {limit:,} long"
        yield _amount(name, stage.step)
    yield _amount(f"{config.run.steps} steps", work.training)
    yield _amount("all evaluations", work.evaluation)
    yield f"  evaluations take {work.evaluation_share:.0%} of the run's answers"
    refills = config.reward.refill_rounds
    if refills:
        yield f"  groups without a gradient are replaced: a step may take up to {refills + 1} times as many"


def _amount(name: str, amount: Amount) -> str:
    return f"  {name:<{_LABEL}} {amount.answers:>9,} {amount.tokens:>12,.0f}"


def _time_as_text(plan: RunPlan) -> Iterator[str]:
    times, work, speed = plan.times, plan.work, plan.speed
    yield f"Time ({speed.basis})"
    yield f"  {'start evaluation':<{_LABEL}} {duration(times.start):>9}"
    for seconds, stage in zip(times.steps, work.stages, strict=True):
        rollout = stage.rollout
        limit = max(rollout.max_new_tokens_coder, rollout.max_new_tokens_tester)
        name = f"a step, up to {limit:,} long ({speed.sampled(rollout):,.0f} tokens/s)"
        yield f"  {name:<{_LABEL}} {duration(seconds):>9}"
    yield f"  {'until the first update is done':<{_LABEL}} {duration(times.first_learning):>9}"
    yield f"  {f'the run, {plan.config.run.steps} steps':<{_LABEL}} {duration(times.run):>9}"
    limit_minutes = plan.config.run.max_minutes
    if limit_minutes:
        yield f"  run.max_minutes ends it after {limit_minutes:g} min at the latest"


def start_lines(config: RunConfig, plan: RunPlan | None) -> list[str]:
    """Return the lines for the start of a run: its plan and the warnings, or why there is no plan."""
    if config.policy.engine != "local":
        return [f"no plan: the server at {config.policy.url} trains and samples, and its size is unknown here"]
    if plan is None:
        return [f"no plan: the sizes of {config.model.source} are unknown until it is on this machine"]
    return [*plan_lines(plan), *(f"warning: {text}" for text in warnings(plan))]
