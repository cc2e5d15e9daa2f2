"""Rewards for trainers of other projects: answers of both roles in, pass matrix and rewards out.

rewarder       the parts that all share: settings, executor; answers of tasks -> matrix and rewards
rows           a trainer's flat batch of prompts and answers -> tasks and back
trl_rewards    `reward_funcs` of TRL's GRPOTrainer
verl_rewards   reward functions of verl
serving        `cure-tui reward serve`: the same over HTTP

Nothing here judges by itself: answers are read by `engine.prompts`, executed and judged by `engine.rollouts` and
`engine.sandbox`, rewarded by `engine.reward`, as in a training run. README.md has a page for each trainer.
"""

from __future__ import annotations

from engine.rewarding.rewarder import Rewarder, TaskAnswers, TaskRewards

__all__ = ["Rewarder", "TaskAnswers", "TaskRewards"]
