"""QLoRA on the CPU: an NF4 base trains like one in full precision, and its export is complete."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from bitsandbytes.nn import Linear4bit
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, PreTrainedTokenizerBase

from engine.errors import RunError
from engine.machine.resources import source_path
from engine.models import BaseModel, load_base_model
from engine.models.merged_lora import check_lora
from engine.models.nf4 import dequantised, use_exact_products
from engine.policy import Policy, TrainSample, attach_adapter
from engine.policy.adapter import base_of
from engine.policy.checkpoint import save_adapter
from engine.policy.packed.quantised import FusedLoraNf4
from tests.engine.policies import policy_with

MakeSamples = Callable[..., list[TrainSample]]
LINEARS_OF_A_BLOCK = 7


@pytest.fixture
def nf4(model_folder: Path) -> BaseModel:
    return load_base_model(str(model_folder), precision="nf4")


def policy_on(base: BaseModel, **settings: object) -> Policy:
    model = attach_adapter(base.model, rank=4, alpha=8, seed=3)
    return policy_with(model, base.tokenizer, **{"micro_batch_tokens": 96} | settings)


def own_logprobs(policy: Policy, samples: list[TrainSample]) -> list[TrainSample]:
    return [
        TrainSample(sample.prompt_ids, sample.token_ids, own, sample.advantage, sample.role)
        for sample, own in zip(samples, policy.logprobs(samples), strict=True)
    ]


def test_all_linear_layers_but_the_head_are_packed_and_adapted(nf4: BaseModel) -> None:
    packed = [name for name, module in nf4.model.named_modules() if isinstance(module, Linear4bit)]
    assert len(packed) == 2 * LINEARS_OF_A_BLOCK
    assert not any("lm_head" in name for name in packed)
    assert nf4.model.get_output_embeddings().weight.dtype == torch.float32  # what the CPU computes in
    model = attach_adapter(nf4.model, rank=4, alpha=8)
    assert sum(isinstance(module, FusedLoraNf4) for module in model.modules()) == len(packed)


def test_the_fused_layer_equals_pefts_forward_and_backward(model_folder: Path) -> None:
    ids = torch.tensor([[3, 8, 1, 40, 7]])

    def run(model: PeftModel) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                generator = torch.Generator().manual_seed(len(name))
                parameter.data.normal_(std=0.1, generator=generator)
        logits = model(input_ids=ids).logits
        logits.square().sum().backward()
        return logits.detach(), {name: p.grad for name, p in model.named_parameters() if p.grad is not None}

    ours, gradients = run(attach_adapter(load_base_model(str(model_folder), precision="nf4").model, rank=4, alpha=8))
    config = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM")
    plain, expected = run(get_peft_model(load_base_model(str(model_folder), precision="nf4").model, config))
    torch.testing.assert_close(ours, plain, atol=1e-3, rtol=1e-4)
    assert gradients.keys() == expected.keys()
    assert len(gradients) == 2 * 2 * LINEARS_OF_A_BLOCK
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, expected[name], atol=1e-2, rtol=1e-3, msg=name)


def test_an_nf4_policy_starts_at_its_base_learns_and_leaves_the_base_alone(
    nf4: BaseModel, make_samples: MakeSamples
) -> None:
    policy = policy_on(nf4)
    frozen = {name: p.clone() for name, p in policy.model.named_parameters() if "lora_" not in name}
    samples = own_logprobs(policy, make_samples())
    reports = [policy.update(samples) for _ in range(4)]
    assert reports[0].kl == pytest.approx(0.0, abs=1e-9)
    assert reports[3].kl > 1e-6
    assert all(math.isfinite(report.loss) and 0 < report.grad_norm < math.inf for report in reports)
    assert reports[3].pg_loss < reports[0].pg_loss
    assert all(torch.equal(p, frozen[n]) for n, p in policy.model.named_parameters() if n in frozen)


def test_gradients_still_flow_after_passes_without_one(nf4: BaseModel, make_samples: MakeSamples) -> None:
    """Such a pass makes bitsandbytes repack weights on some CPUs, into a form without a backward pass."""
    policy = policy_on(nf4)
    samples = own_logprobs(policy, make_samples())
    policy.reference_logprobs(samples)
    first = next(p for name, p in policy.model.named_parameters() if "layers.0" in name and "lora_B" in name)
    before = first.detach().clone()
    policy.update(samples)
    assert not torch.equal(first, before)


def test_a_merged_export_is_a_plain_model_with_the_policys_log_probs(
    nf4: BaseModel, make_samples: MakeSamples, tmp_path: Path
) -> None:
    policy = policy_on(nf4)
    samples = own_logprobs(policy, make_samples())
    policy.update(samples)
    policy.export_merged(tmp_path / "merged")
    merged = load_base_model(str(tmp_path / "merged"))
    assert not getattr(merged.model, "is_quantized", False)
    again = policy_on(merged).reference_logprobs(samples)  # its own adapters off
    for ours, theirs in zip(policy.logprobs(samples), again, strict=True):
        assert ours == pytest.approx(theirs, abs=2e-3)


def test_a_checkpoint_goes_on_with_the_same_numbers(
    model_folder: Path, make_samples: MakeSamples, tmp_path: Path
) -> None:
    first, second = (policy_on(load_base_model(str(model_folder), precision="nf4")) for _ in range(2))
    samples = own_logprobs(first, make_samples())
    first.update(samples)
    tmp_path.joinpath("state").mkdir()
    first.save_state(tmp_path / "state")
    second.load_state(tmp_path / "state")
    assert second.update(samples).loss == first.update(samples).loss


def test_unpacked_weights_are_near_the_checkpoints(model_folder: Path, nf4: BaseModel) -> None:
    plain = AutoModelForCausalLM.from_pretrained(model_folder)
    weight = plain.model.layers[0].mlp.up_proj.weight
    unpacked = dequantised(nf4.model.model.layers[0].mlp.up_proj.weight)
    assert float(((unpacked - weight).norm() / weight.norm()).detach()) < 0.12  # 4 bits a number


@pytest.mark.parametrize(("out", "width"), [(4, 192), (40, 32), (8, 96), (2, 40), (3, 34), (64, 33)])
def test_an_nf4_layer_is_right_where_blocks_of_64_weights_span_its_rows(out: int, width: int) -> None:
    torch.manual_seed(1)
    layer = Linear4bit(width, out, bias=True, compute_dtype=torch.float32, quant_type="nf4")
    weight = layer.weight.detach().clone() * torch.linspace(1, 3, out)[:, None]  # blocks of unlike scales
    layer.weight.data.copy_(weight)
    layer = layer.to("cpu")  # quantises
    use_exact_products(layer)
    unpacked = dequantised(layer.weight)
    assert float((unpacked - weight).norm() / weight.norm()) < 0.12  # 4 bits a number
    x = torch.randn(2, 3, width, requires_grad=True)
    with torch.no_grad():
        layer.eval()(x.detach())
    product = layer(x)
    torch.testing.assert_close(product, x @ unpacked.T + layer.bias)
    product.sum().backward()
    torch.testing.assert_close(x.grad, unpacked.sum(0).expand_as(x))


@pytest.mark.slow
def test_three_steps_of_the_embedded_model_in_nf4() -> None:
    base = load_base_model(str(source_path("asset:nano")), precision="nf4")
    model = attach_adapter(base.model, rank=32, alpha=64)
    policy = policy_with(model, base.tokenizer, learning_rate=1e-3)
    samples = _answers(base.tokenizer)
    samples = own_logprobs(policy, samples)
    gradients: list[float] = []
    hooks = [
        p.register_hook(lambda gradient: gradients.append(float(gradient.abs().sum())))
        for name, p in base_of(model).named_parameters()
        if "lora_B" in name
    ]
    reports = [policy.update(samples) for _ in range(3)]
    assert len(hooks) == 4 * LINEARS_OF_A_BLOCK
    assert reports[0].kl == pytest.approx(0.0, abs=1e-9)
    assert reports[0].ratio_mean == pytest.approx(1.0, abs=1e-4)
    assert reports[2].kl > reports[0].kl
    assert all(math.isfinite(report.loss) and not report.nonfinite for report in reports)
    assert all(math.isfinite(gradient) and gradient > 0 for gradient in gradients)


def _answers(tokenizer: PreTrainedTokenizerBase) -> list[TrainSample]:
    """Return two prompts with four answers each, alternately correct and wrong."""
    samples = []
    for prompt, role in (("n = int(input())\nprint(", "coder"), ("input\n3\noutput\n", "tester")):
        for number in range(4):
            answer = tuple(tokenizer.encode(f"n * {number + 2})\n", add_special_tokens=False))
            prompt_ids = tuple(tokenizer.encode(prompt, add_special_tokens=False))
            samples.append(TrainSample(prompt_ids, answer, (0.0,) * len(answer), (-1.0) ** number, role))
    return samples


def test_a_trained_adapter_is_checked_against_packed_layers(nf4: BaseModel, model_folder: Path, tmp_path: Path) -> None:
    save_adapter(tmp_path, policy_on(nf4).model)
    packed = load_base_model(str(model_folder), precision="nf4").model
    check_lora(packed, tmp_path)  # 4-bit weights have another shape than the matrices that they stand for
    packed.model.layers[1].mlp.down_proj = torch.nn.Linear(40, 32)
    with pytest.raises(RunError, match=r"belongs to another model: .*down_proj does not fit"):
        check_lora(packed, tmp_path)
