"""TRL's GRPOTrainer for comparisons: its steps, timed by part. TRL is a development dependency.

Into a virtual environment that holds the project without those:
    pip install --no-deps "trl==1.16.*" datasets pyarrow dill multiprocess xxhash pandas python-dateutil six
"""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import torch
from peft import LoraConfig
from transformers import PreTrainedModel, PreTrainedTokenizerBase, PrinterCallback, TrainerCallback

from engine.policy import TrainSample

INSTALL = 'pip install --no-deps "trl==1.16.*" datasets pyarrow dill multiprocess xxhash pandas python-dateutil six'

Messages = list[dict[str, str]]
Clock = Callable[[], float]


def trl_is_here() -> bool:
    """Tell whether TRL and the libraries that it imports are installed."""
    return find_spec("trl") is not None and find_spec("datasets") is not None


def cpu_clock() -> float:
    """Return the CPU seconds of all threads of this process: other load on the machine hardly shows."""
    return time.process_time() / torch.get_num_threads()


def gpu_clock() -> float:
    """Return wall seconds, once the GPU has finished all its work."""
    torch.cuda.synchronize()
    return time.perf_counter()


@dataclass(frozen=True)
class TrlSettings:
    """Settings of TRL: one optimiser step trains `members` answers per prompt. rows: answers per forward pass."""

    members: int
    rows: int
    steps: int
    max_new_tokens: int
    rank: int
    alpha: int
    kl_beta: float
    learning_rate: float
    recompute: bool = False
    bf16: bool = False


@dataclass(frozen=True)
class TrlStep:
    """Cost of one step of TRL.

    update: forward and backward passes, reference log-probs, clipping, optimiser; without padding and logging.
    peak_bytes: of the GPU in the whole step; 0 without a GPU.
    """

    samples: tuple[TrainSample, ...]
    sampling_seconds: float
    update_seconds: float
    peak_bytes: int

    @property
    def tokens(self) -> int:
        return sum(len(sample.token_ids) for sample in self.samples)


def trl_steps(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Messages],
    settings: TrlSettings,
    answers: Sequence[TrainSample] | None = None,
) -> list[TrlStep]:
    """Train `model` for some steps, all prompts in each. answers: by prompt, used instead of sampling."""
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    on_gpu = model.device.type == "cuda"
    clock: Clock = gpu_clock if on_gpu else cpu_clock
    seconds: dict[str, float] = defaultdict(float)
    batches: list[dict[str, torch.Tensor]] = []
    done: list[TrlStep] = []

    @contextmanager
    def part(name: str) -> Iterator[None]:
        begin = clock()
        yield
        seconds[name] += clock() - begin

    class TimedTrainer(GRPOTrainer):  # type: ignore[misc]
        def _generate(self, prompts: list[Messages]) -> Any:
            with part("sampling"):
                return super()._generate(prompts)

        def _generate_and_score_completions(self, inputs: Any) -> Any:
            batches.append(super()._generate_and_score_completions(inputs))
            return batches[-1]

        def _prepare_inputs(self, generation_batch: Any) -> Any:
            with part("preparing"):
                return super()._prepare_inputs(generation_batch)

        def _get_per_token_logps_and_entropies(self, *arguments: Any, **options: Any) -> Any:
            if torch.is_grad_enabled():
                return super()._get_per_token_logps_and_entropies(*arguments, **options)
            with part("reference"):
                return super()._get_per_token_logps_and_entropies(*arguments, **options)

    class StepClock(TrainerCallback):
        def on_step_begin(self, *_: Any, **__: Any) -> None:
            seconds.clear()
            if on_gpu:
                torch.cuda.reset_peak_memory_stats()
            seconds["begin"] = clock()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            whole = clock() - seconds["begin"]
            done.append(
                TrlStep(
                    samples=samples_of(batches[-1]),
                    sampling_seconds=seconds["sampling"],
                    update_seconds=whole - seconds["preparing"] + seconds["reference"],
                    peak_bytes=torch.cuda.max_memory_allocated() if on_gpu else 0,
                )
            )

    def rollout(prompts: list[Messages], trainer: Any) -> dict[str, Any]:
        assert answers is not None
        assert len(prompts) == len(answers)
        return {
            "prompt_ids": [list(answer.prompt_ids) for answer in answers],
            "completion_ids": [list(answer.token_ids) for answer in answers],
            "logprobs": [list(answer.sampler_logprobs) for answer in answers],
        }

    total = len(prompts) * settings.members
    with tempfile.TemporaryDirectory() as folder:
        config = GRPOConfig(
            output_dir=folder,
            per_device_train_batch_size=settings.rows,
            gradient_accumulation_steps=total // settings.rows,
            num_generations=settings.members,
            max_completion_length=settings.max_new_tokens,
            max_steps=settings.steps,
            temperature=1.0,
            beta=settings.kl_beta,
            epsilon=0.2,
            loss_type="dapo",  # every token counts the same, as with us
            learning_rate=settings.learning_rate,
            lr_scheduler_type="constant",
            max_grad_norm=1.0,
            shuffle_dataset=False,
            gradient_checkpointing=settings.recompute,
            bf16=settings.bf16,
            use_cpu=not on_gpu,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            logging_steps=10_000,
        )
        trainer = TimedTrainer(
            model=model,
            reward_funcs=_made_up_rewards,
            args=config,
            train_dataset=Dataset.from_list([{"prompt": messages} for messages in prompts]),
            processing_class=tokenizer,
            peft_config=LoraConfig(
                r=settings.rank,
                lora_alpha=settings.alpha,
                lora_dropout=0.0,
                target_modules="all-linear",
                task_type="CAUSAL_LM",
            ),
            callbacks=[StepClock()],
            rollout_func=rollout if answers is not None else None,
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return done


def samples_of(batch: dict[str, torch.Tensor]) -> tuple[TrainSample, ...]:
    """Convert TRL's padded batch to samples; the log-probs at sampling, unused here, are synthetic."""
    names = ("prompt_ids", "prompt_mask", "completion_ids", "completion_mask", "advantages")
    samples = []
    for prompt, prompt_mask, answer, answer_mask, advantage in zip(*(batch[name].cpu() for name in names), strict=True):
        token_ids = tuple(answer[answer_mask.bool()].tolist())
        prompt_ids = tuple(prompt[prompt_mask.bool()].tolist())
        samples.append(TrainSample(prompt_ids, token_ids, (-1.0,) * len(token_ids), float(advantage), "coder"))
    return tuple(samples)


def _made_up_rewards(completion_ids: list[list[int]], **_: object) -> list[float]:
    """Return different rewards for different answers, so that all of them are trained."""
    return [(hash(tuple(ids)) % 1009) / 1009 + number * 1e-3 for number, ids in enumerate(completion_ids)]
