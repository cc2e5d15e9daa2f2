"""Reward function for TRL: called as TRL calls it, and in a real run of its GRPOTrainer on the embedded model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.errors import DataError
from engine.machine.resources import source_path
from engine.models import load_base_model
from engine.problems import Problem, load_problems
from engine.prompts import encode_prompt
from engine.rewarding import Rewarder, TaskAnswers
from engine.rewarding.trl_rewards import TrlRewards
from engine.rollouts.rollout import roll_out
from engine.sampling import Completion, OnDelta, Request, SamplingParams
from engine.train.labels.source import by_ground_truth
from engine.train.scoring import score
from tests.engine.scripted_sampler import CODER, PROBLEM, TESTER
from tests.engine.sections import changed
from tests.trl_side import INSTALL, trl_is_here

STEPS, TASKS, MEMBERS = 5, 2, 6


def columns(rewards: TrlRewards) -> dict[str, list[Any]]:
    """Return the arguments that TRL gives for one task: each row's columns once for each of its answers."""
    pairs = [(row, text) for row, texts in zip(rewards.rows, (CODER, TESTER), strict=True) for text in texts]
    return {
        "prompts": [row["prompt"] for row, _ in pairs],
        "completions": [[{"role": "assistant", "content": text}] for _, text in pairs],
        "completion_ids": [[1, 2] for _ in pairs],
        "task": [row["task"] for row, _ in pairs],
        "role": [row["role"] for row, _ in pairs],
    }


def test_a_batch_of_both_roles_has_their_rewards(rewarder: Rewarder) -> None:
    rewards = TrlRewards(rewarder, [PROBLEM])
    (expected,) = rewarder.reward([TaskAnswers.read(PROBLEM, CODER, TESTER)])
    given = columns(rewards)
    assert rewards(**given, trainer_state=None, log_extra=None) == [
        *expected.coder_n.tolist(),
        *expected.tester_or_zeros_m.tolist(),
    ]
    as_texts = given | {"completions": [message[0]["content"] for message in given["completions"]]}
    assert rewards(**as_texts) == rewards(**given)


def test_rows_are_the_prompts_of_both_roles_side_by_side(rewarder: Rewarder) -> None:
    rows = TrlRewards(rewarder, [PROBLEM]).rows
    assert [(row["task"], row["role"]) for row in rows] == [("double", "coder"), ("double", "tester")]
    assert all(row["prompt"][-1]["role"] == "user" for row in rows)


def test_strange_tasks_roles_and_twins_are_refused(rewarder: Rewarder) -> None:
    rewards = TrlRewards(rewarder, [PROBLEM])
    with pytest.raises(DataError, match="no task is called 'x'"):
        rewards(completions=["a"], task=["x"], role=["coder"])
    with pytest.raises(DataError, match="roles are coder and tester"):
        rewards(completions=["a"], task=["double"], role=["judge"])
    with pytest.raises(DataError, match="lacks the columns task and role"):
        rewards(prompts=["p"], completions=["a"], completion_ids=[[1]])
    with pytest.raises(DataError, match="the same id"):
        TrlRewards(rewarder, [PROBLEM, PROBLEM])


class Recording(TrlRewards):
    """Reward function that keeps what it was given and what it returned."""

    def __init__(self, rewarder: Rewarder, problems: Sequence[Problem]) -> None:
        super().__init__(rewarder, problems)
        self.calls: list[tuple[dict[str, Any], list[float]]] = []

    def __call__(self, *arguments: Any, **given: Any) -> list[float]:
        rewards = super().__call__(*arguments, **given)
        self.calls.append((given, rewards))
        return rewards


class Replayed:
    """Sampler that gives the answers that TRL has sampled: texts and token ids, by prompt."""

    def __init__(self, given: dict[str, Any], tokenizer: Any) -> None:
        self._answers: dict[tuple[int, ...], list[tuple[str, list[int]]]] = {}
        for prompt, completion, ids in zip(
            given["prompts"], given["completions"], given["completion_ids"], strict=True
        ):
            answers = self._answers.setdefault(encode_prompt(tokenizer, prompt, None), [])
            answers.append((completion[0]["content"], ids))

    def sample(
        self, requests: Sequence[Request], params: SamplingParams, on_delta: OnDelta | None = None
    ) -> Iterator[Completion]:
        for request in requests:
            for index, (text, ids) in enumerate(self._answers[request.prompt_ids]):
                yield Completion(request.id, index, tuple(ids), (-1.0,) * len(ids), True, text)

    def rest(self) -> None:
        pass

    def close(self) -> None:
        pass


def rewards_of_a_step(
    rewarder: Rewarder, problems: Sequence[Problem], given: dict[str, Any], tokenizer: Any
) -> dict[tuple[str, str], list[float]]:
    """Return {(task, role): rewards} of a training step of ours on the answers that TRL has sampled."""
    config = rewarder.config
    prompts = {
        (task, role): encode_prompt(tokenizer, prompt, None)
        for task, role, prompt in zip(given["task"], given["role"], given["prompts"], strict=True)
    }
    rollouts, _ = roll_out(
        [problem for problem in problems if problem.id in given["task"]],
        lambda problem, role: prompts[problem.id, role.value],
        Replayed(given, tokenizer),
        rewarder.executor,
        changed(config.rollout, n_programs=MEMBERS, m_tests=MEMBERS),
        rewarder.judging,
        seed=0,
    )
    return {
        (scored.rollouts.problem.id, group.role.value): group.rewards_k.tolist()
        for scored in (score(by_ground_truth(task, config.reward), config.reward) for task in rollouts)
        for group in scored.groups
    }


@pytest.mark.slow
@pytest.mark.skipif(not trl_is_here(), reason=f"trl is not installed: {INSTALL}")
def test_a_grpo_run_of_trl_gets_our_rewards_and_its_adapter_moves(rewarder: Rewarder, tmp_path: Path) -> None:
    from datasets import Dataset
    from peft import LoraConfig
    from trl import GRPOConfig, GRPOTrainer

    base = load_base_model(str(source_path("asset:nano")))
    problems = load_problems(source_path("asset:nano/tasks/train.jsonl"))[: STEPS * TASKS]
    rewards = Recording(rewarder, problems)
    trainer = GRPOTrainer(
        model=base.model,
        reward_funcs=rewards,
        args=GRPOConfig(
            output_dir=str(tmp_path),
            per_device_train_batch_size=2 * TASKS * MEMBERS,
            num_generations=MEMBERS,
            max_completion_length=96,
            max_steps=STEPS,
            learning_rate=2e-3,
            shuffle_dataset=False,
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            logging_steps=1,
        ),
        train_dataset=Dataset.from_list(rewards.rows),
        processing_class=base.tokenizer,
        peft_config=LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM"),
    )
    adapter = {name: value.detach().clone() for name, value in trainer.model.named_parameters() if value.requires_grad}
    trainer.train()

    assert len(rewards.calls) == STEPS
    assert {reward for _, got in rewards.calls for reward in got} - {0.0}
    for given, got in rewards.calls:
        assert len(got) == 2 * TASKS * MEMBERS
        ours = rewards_of_a_step(rewarder, problems, given, base.tokenizer)
        theirs: dict[tuple[str, str], list[float]] = {}
        for task, role, reward in zip(given["task"], given["role"], got, strict=True):
            theirs.setdefault((task, role), []).append(reward)
        assert theirs == ours
    logged = [row for row in trainer.state.log_history if "reward" in row]
    means = [sum(got) / len(got) for _, got in rewards.calls]
    assert [row["reward"] for row in logged] == pytest.approx(means, abs=1e-5)
    moved = [
        name
        for name, value in trainer.model.named_parameters()
        if value.requires_grad and not torch.equal(value, adapter[name])
    ]
    assert len(moved) == len(adapter)
