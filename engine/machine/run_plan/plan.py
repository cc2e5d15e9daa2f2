"""Plan of a whole run before anything is loaded: memory, work, time, disk, and warnings about them."""

from __future__ import annotations

from dataclasses import dataclass

from engine.config import RunConfig
from engine.machine.memory_plan import MemoryPlan, plan_memory, plan_memory_on_cpu, shape_of, without_sampler
from engine.machine.run_plan.disk import Disk, disk_of
from engine.machine.run_plan.room import Room
from engine.machine.run_plan.speed import Speed, speed_of
from engine.machine.run_plan.work import Lengths, Stage, Work, work_of


@dataclass(frozen=True)
class Times:
    """Seconds of a run's parts. start: loading and the start evaluation; steps: one step of each stage, in order;
    run: as many steps as the settings allow, without a time limit.
    """

    start: float
    steps: tuple[float, ...]
    run: float

    @property
    def first_learning(self) -> float:
        """Seconds until the first update is done."""
        return self.start + self.steps[0]


@dataclass(frozen=True)
class RunPlan:
    """Plan of a run in a room. lengths: of the answers to expect."""

    config: RunConfig
    room: Room
    memory: MemoryPlan
    work: Work
    lengths: Lengths
    speed: Speed
    times: Times
    disk: Disk

    @property
    def start_in_steps(self) -> float:
        """Cost of the start evaluation in steps of the first stage, by time."""
        return self.times.start / max(self.times.steps[0], 1e-9)


def plan_run(config: RunConfig, room: Room) -> RunPlan | None:
    """Plan the run of `config` in `room`.

    None if the model's shape is unknown (see `memory_plan.shape_of`), or if a server of unknown size trains it.
    """
    shape = shape_of(config.model.source)
    if shape is None or config.policy.engine != "local":
        return None
    if room.gpu is None:
        memory = plan_memory_on_cpu(config, room.memory_gib, room.free_memory_gib, shape)
    else:
        memory = plan_memory(
            config if config.vllm.device == "same" else without_sampler(config),
            room.gpu.memory_gb,
            shape,
            free_gib=room.gpu.free_gb,
            pinned_threshold_mb=room.pinned_threshold_mb,
        )
    assert memory is not None
    speed, lengths = speed_of(config, shape, memory, room)
    work = work_of(config, lengths)
    return RunPlan(
        config, room, memory, work, lengths, speed, _times(config, work, speed), disk_of(config, shape, work)
    )


def _times(config: RunConfig, work: Work, speed: Speed) -> Times:
    def evaluated(seconds_of: Work, part: str) -> float:
        return speed.sampling_seconds(getattr(seconds_of, part), config.rollout)

    def step(stage: Stage) -> float:
        return speed.sampling_seconds(stage.step, stage.rollout) + speed.update_seconds(
            stage.step, config.reward.truncated
        )

    start = speed.startup_seconds + evaluated(work, "start")
    steps = tuple(step(stage) for stage in work.stages)
    training = sum(seconds * stage.steps for seconds, stage in zip(steps, work.stages, strict=True))
    return Times(start, steps, start + training + evaluated(work, "periodic") + evaluated(work, "end"))
