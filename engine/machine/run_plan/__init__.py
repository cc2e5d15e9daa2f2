"""Plan of a whole run before anything is loaded: memory, answers, tokens, time and disk, in closed form.

plan = plan_run(config, Room.of(machine))     None for a model of unknown shape
plan.memory, plan.work, plan.times, plan.disk
warnings(plan)                                sentences on what will disappoint
remember(key, measured)                       rates of a step, for the next plan

Read in this order: plan, work (answers and tokens), speed (tokens a second), cards (the table), remembered, disk.
"""

from engine.machine.run_plan.cautions import warnings
from engine.machine.run_plan.plan import RunPlan, Times, plan_run
from engine.machine.run_plan.room import Room

__all__ = ["Room", "RunPlan", "Times", "plan_run", "warnings"]
