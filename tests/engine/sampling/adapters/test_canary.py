"""Canary against faulty samplers: stale, ignoring layers, of another model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from torch import Tensor

from engine.errors import EnvironmentError_, RunError
from engine.policy.checkpoint import save_adapter
from engine.sampling.adapters import AdapterExports, Canary, Reading, agreement_bound

PROMPT = (5, 6, 7, 8)
FP32 = agreement_bound("fp32", "fp32")


class Policy:
    """Peft model that can be exported and updated."""

    def __init__(self, model: PeftModel) -> None:
        self.model, self.weights_version = model, 0

    def export_adapter(self, path: Path) -> None:
        save_adapter(path, self.model)

    @torch.no_grad()
    def move(self, scale: float = 0.3) -> None:
        for name, parameter in self.model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter).mul_(scale)
        self.weights_version += 1

    def logprobs(self, prompt_ids: tuple[int, ...], token_ids: tuple[int, ...]) -> tuple[float, ...]:
        return tuple(_logprobs(self.model, prompt_ids, token_ids).tolist())


class Copy:
    """Sampler with a copy of the model: loads adapters from folders, but ignores the `deaf` layers."""

    def __init__(self, model: PeftModel, deaf: str = "", off: float = 0.0) -> None:
        self.model, self.deaf, self.off, self.frozen = model, deaf, off, False
        self.weights: dict[str, Tensor] = {}

    def load(self, adapter: Path) -> None:
        from safetensors.torch import load_file

        if not self.frozen:
            self.weights = load_file(adapter / "adapter_model.safetensors")

    def read(self, prompt_ids: tuple[int, ...], tokens: int, *, base: bool = False) -> Reading:
        before = {name: value.clone() for name, value in self.model.named_parameters() if "lora_" in name}
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                if "lora_" in name:
                    weight = self.weights.get(name.replace(".default.", "."), torch.zeros_like(parameter))
                    mute = base or (self.deaf and self.deaf in name)
                    parameter.copy_(torch.zeros_like(weight) if mute else weight)
            token_ids = tuple((3 * place + 2) % 97 for place in range(tokens))
            logprobs = (_logprobs(self.model, prompt_ids, token_ids) + self.off).tolist()
            for name, parameter in self.model.named_parameters():
                if "lora_" in name:
                    parameter.copy_(before[name])
        return Reading(token_ids, tuple(logprobs))


@pytest.fixture
def policy(adapted: PeftModel) -> Policy:
    return Policy(adapted)


@pytest.fixture
def exports(policy: Policy, tmp_path: Path) -> Iterator[AdapterExports]:
    exports = AdapterExports(policy, tmp_path, shared_memory=tmp_path)
    yield exports
    exports.close()


def started(policy: Policy, exports: AdapterExports, copy: Copy) -> Canary:
    canary = Canary(PROMPT, policy.logprobs, FP32)
    canary.check_start(copy, exports, exports.latest()[1])
    return canary


def test_a_faithful_copy_is_believed_whatever_is_trained(policy: Policy, exports: AdapterExports) -> None:
    copy = Copy(policy.model)
    canary = started(policy, exports, copy)
    for _ in range(2):
        policy.move()
        copy.load(exports.latest()[1])
        canary.check_again(copy, exports.latest()[1])
    assert canary.gap < 1e-5


@pytest.mark.parametrize("layer", ["q_proj", "o_proj", "gate_proj", "down_proj"])
def test_a_type_of_layer_whose_adapter_is_ignored_is_named(policy: Policy, exports: AdapterExports, layer: str) -> None:
    with pytest.raises(EnvironmentError_, match=f"ignores the adapter on layers of type {layer}"):
        started(policy, exports, Copy(policy.model, deaf=layer))


def test_another_model_is_found_out_at_the_start(policy: Policy, exports: AdapterExports) -> None:
    with pytest.raises(EnvironmentError_, match=r"disagree .* by 0\.01 nats"):
        started(policy, exports, Copy(policy.model, off=0.01))


def test_stale_weights_are_found_out(policy: Policy, exports: AdapterExports) -> None:
    copy = Copy(policy.model)
    canary = started(policy, exports, copy)
    copy.frozen = True
    policy.move()
    with pytest.raises(RunError, match="not at all"):
        canary.check_again(copy, exports.latest()[1])


def test_the_base_model_in_the_policys_place_is_found_out(policy: Policy, exports: AdapterExports) -> None:
    copy = Copy(policy.model)
    canary = started(policy, exports, copy)
    copy.weights = {}
    with pytest.raises(RunError, match="like the base model"):
        canary.check_again(copy, exports.latest()[1])


def test_weights_that_are_no_numbers_end_the_run(policy: Policy, exports: AdapterExports) -> None:
    copy = Copy(policy.model)
    canary = started(policy, exports, copy)
    policy.move(scale=float("nan"))
    copy.load(exports.latest()[1])
    with pytest.raises(RunError, match="NaN or infinite"):
        canary.check_again(copy, exports.latest()[1])


def _logprobs(model: PeftModel, prompt_ids: tuple[int, ...], token_ids: tuple[int, ...]) -> Tensor:
    with torch.no_grad():
        logits_sv = model(input_ids=torch.tensor([prompt_ids + token_ids])).logits[0, len(prompt_ids) - 1 : -1]
    return logits_sv.log_softmax(-1).gather(-1, torch.tensor(token_ids)[:, None])[:, 0]
