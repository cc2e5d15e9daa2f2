"""Decoding loop against full forward passes of the same model; its promises about rows and seeds."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace

import pytest
import torch

from engine.errors import ConfigError, RunError
from engine.sampling import Completion, Delta, Request, SamplingParams
from engine.sampling.local.sampler import TransformersSampler
from engine.sampling.local.shared_decoder import SharedDecoder, supports

PARAMS = [
    pytest.param(SamplingParams(max_new_tokens=20), id="plain"),
    pytest.param(SamplingParams(temperature=0.7, max_new_tokens=20), id="cold"),
    pytest.param(SamplingParams(temperature=1.3, top_p=0.8, max_new_tokens=20), id="hot and top-p"),
]
Place = tuple[str, int]


def sample_all(sampler, requests, params, on_delta=None) -> dict[Place, Completion]:
    completions = list(sampler.sample(requests, params, on_delta))
    by_place = {(completion.request_id, completion.index): completion for completion in completions}
    assert set(by_place) == {(request.id, index) for request in requests for index in request.indices}
    assert len(completions) == len(by_place)
    return by_place


def tokens_of(completions) -> dict[Place, tuple[int, ...]]:
    return {place: completion.token_ids for place, completion in completions.items()}


def assert_logprobs_match(model, requests, completions, params, reference_logprobs) -> None:
    by_id = {request.id: request for request in requests}
    for completion in completions.values():
        expected = reference_logprobs(model, by_id[completion.request_id], completion, params)
        sampled = torch.tensor(completion.logprobs, dtype=torch.float64)
        torch.testing.assert_close(sampled, expected, atol=1e-3, rtol=0.0)


@pytest.mark.parametrize(
    ("model", "shared"),
    [("qwen3", True), ("qwen2", True), ("llama", True), ("gpt2", False), ("sliding", False)],
    indirect=["model"],
)
@pytest.mark.parametrize("params", PARAMS)
def test_logprobs_equal_a_full_forward_pass(model, shared, params, tokenizer, requests, reference_logprobs):
    assert supports(model) is shared
    completions = sample_all(TransformersSampler(model, tokenizer), requests, params)
    assert_logprobs_match(model, requests, completions, params, reference_logprobs)


@pytest.mark.parametrize("merge", [True, False])
@pytest.mark.parametrize("params", PARAMS)
def test_logprobs_equal_a_full_forward_pass_with_adapters(
    adapted, merge, params, tokenizer, requests, reference_logprobs
):
    sampler = TransformersSampler(adapted, tokenizer, merge_adapters=merge)
    completions = sample_all(sampler, requests, params)
    assert_logprobs_match(adapted, requests, completions, params, reference_logprobs)
    with adapted.disable_adapter(), pytest.raises(AssertionError):
        assert_logprobs_match(adapted, requests, completions, params, reference_logprobs)


@pytest.mark.parametrize("max_batch", [1, 3, 6, 7])
def test_logprobs_hold_while_groups_enter_and_leave_a_small_batch(
    max_batch, model, tokenizer, requests, reference_logprobs
):
    params = SamplingParams(max_new_tokens=90)  # beyond one block of columns, so that tails grow and shift too
    sampler = TransformersSampler(model, tokenizer, max_batch=max_batch, eos_ids=range(1, 6))
    completions = sample_all(sampler, requests, params)
    assert_logprobs_match(model, requests, completions, params, reference_logprobs)


def test_logprobs_hold_over_long_tails_of_unequal_age(model, tokenizer, reference_logprobs):
    requests = [Request(str(number), (5, 6 + number), n=1, seed=number) for number in range(12)]
    params = SamplingParams(max_new_tokens=150)
    completions = sample_all(TransformersSampler(model, tokenizer, max_batch=4, eos_ids=(1, 2)), requests, params)
    assert max(len(completion.token_ids) for completion in completions.values()) > 64
    assert_logprobs_match(model, requests, completions, params, reference_logprobs)


def test_the_same_call_twice_gives_the_same_completions(adapted, tokenizer, requests):
    sampler = TransformersSampler(adapted, tokenizer, max_batch=7)
    params = SamplingParams(max_new_tokens=30)
    assert sample_all(sampler, requests, params) == sample_all(sampler, requests, params)


def test_a_sample_does_not_depend_on_the_rows_beside_it(model, tokenizer, requests):
    params = SamplingParams(max_new_tokens=24)
    together = sample_all(TransformersSampler(model, tokenizer), requests, params)
    crowded = sample_all(TransformersSampler(model, tokenizer, max_batch=5), requests[::-1], params)
    alone = {}
    for request in requests:
        alone.update(sample_all(TransformersSampler(model, tokenizer), [request], params))
    assert tokens_of(together) == tokens_of(crowded) == tokens_of(alone)


@pytest.mark.parametrize("absent", [{0}, {1, 2}, {0, 3, 5}, {0, 1, 2, 3, 4}, set(range(6))])
@pytest.mark.parametrize("max_batch", [2, 64])
def test_the_samples_that_are_not_absent_are_those_of_the_whole_group(model, tokenizer, absent, max_batch):
    whole, params = Request("a", (3, 4, 5), n=6, seed=2), SamplingParams(max_new_tokens=12)
    sampler = TransformersSampler(model, tokenizer, max_batch=max_batch)
    known = tokens_of(sample_all(sampler, [whole], params))
    rest = tokens_of(sample_all(sampler, [replace(whole, absent=frozenset(absent))], params))
    assert rest == {place: tokens for place, tokens in known.items() if place[1] not in absent}


def test_samples_of_a_group_differ_and_another_seed_gives_others(model, tokenizer):
    sampler = TransformersSampler(model, tokenizer, eos_ids=())
    params = SamplingParams(max_new_tokens=12, temperature=1.5)

    def texts(seed: int) -> set[str]:
        request = Request("a", (5, 6, 7), n=8, seed=seed)
        return {completion.text for completion in sampler.sample([request], params)}

    assert len(texts(0)) == 8
    assert not texts(0) & texts(1)
    assert texts(2**63 + 5)  # any 64-bit seed will do


def test_a_group_larger_than_the_batch_takes_turns(model, tokenizer):
    request = Request("a", (5, 6, 7), n=11, seed=0)
    params = SamplingParams(max_new_tokens=10)
    small = sample_all(TransformersSampler(model, tokenizer, max_batch=4), [request], params)
    assert tokens_of(small) == tokens_of(sample_all(TransformersSampler(model, tokenizer), [request], params))


def test_a_stop_token_ends_a_completion_and_belongs_to_it(model, tokenizer, requests):
    stops = tuple(range(1, 12))
    completions = sample_all(
        TransformersSampler(model, tokenizer, eos_ids=stops), requests, SamplingParams(max_new_tokens=200)
    )
    for completion in completions.values():
        assert completion.finished
        assert completion.token_ids[-1] in stops
        assert not set(completion.token_ids[:-1]) & set(stops)
        assert len(completion.logprobs) == len(completion.token_ids)


def test_a_completion_without_stop_token_is_truncated_and_not_finished(model, tokenizer, requests):
    completions = sample_all(
        TransformersSampler(model, tokenizer, eos_ids=()), requests, SamplingParams(max_new_tokens=9)
    )
    assert {(len(c.token_ids), c.finished) for c in completions.values()} == {(9, False)}


def test_a_stop_token_in_the_last_place_still_finishes(model, tokenizer, requests):
    everything = range(model.config.vocab_size)
    completions = sample_all(
        TransformersSampler(model, tokenizer, eos_ids=everything), requests, SamplingParams(max_new_tokens=1)
    )
    assert all(completion.finished for completion in completions.values())


def test_stop_tokens_default_to_those_of_tokenizer_and_generation_config(model, tokenizer):
    model.generation_config.eos_token_id = list(range(1, 40))
    request = Request("a", (50, 51), n=16, seed=0)
    params = SamplingParams(max_new_tokens=100)
    completions = list(TransformersSampler(model, tokenizer).sample([request], params))
    assert all(completion.finished for completion in completions)
    assert len({completion.token_ids[-1] for completion in completions}) > 1


def test_the_text_leaves_special_tokens_out(model, tokenizer):
    sampler = TransformersSampler(model, tokenizer)
    request = Request("a", (50, 51), n=8, seed=0)
    for completion in sampler.sample([request], SamplingParams(max_new_tokens=60)):
        assert completion.text == "".join(f" {token}" for token in completion.token_ids if token > 1)


def test_finished_rows_leave_and_are_yielded_while_others_go_on(model, tokenizer, requests, monkeypatch):
    widths: list[int] = []
    step = SharedDecoder.step

    def counting_step(decoder, token_b):
        widths.append(len(token_b))
        return step(decoder, token_b)

    monkeypatch.setattr(SharedDecoder, "step", counting_step)
    sampler = TransformersSampler(model, tokenizer, eos_ids=range(1, 8))
    lengths, steps_at_yield = [], []
    for completion in sampler.sample(requests, SamplingParams(max_new_tokens=200)):
        lengths.append(len(completion.token_ids))
        steps_at_yield.append(len(widths))
    # A row of length L takes part in L - 1 steps (its first token comes from the prompt), and in no more.
    assert sum(widths) == sum(length - 1 for length in lengths)
    assert steps_at_yield == [length - 1 for length in lengths] == sorted(steps_at_yield)


def test_a_prompt_is_computed_once_for_all_its_samples(model, tokenizer):
    fed = []
    handle = model.get_input_embeddings().register_forward_hook(
        lambda module, args, output: fed.append(tuple(args[0].shape))
    )
    request = Request("a", tuple(range(2, 32)), n=16, seed=0)
    list(TransformersSampler(model, tokenizer, eos_ids=()).sample([request], SamplingParams(max_new_tokens=3)))
    handle.remove()
    assert fed == [(1, 30), (16, 1), (16, 1)]


@pytest.mark.parametrize("stream_every", [1, 8])
def test_deltas_of_a_sample_make_up_its_completion(stream_every, model, tokenizer, requests):
    streamed: dict[Place, list[int]] = defaultdict(list)
    sizes: list[int] = []

    def listen(delta: Delta) -> None:
        streamed[delta.request_id, delta.index].extend(delta.token_ids)
        sizes.append(len(delta.token_ids))

    sampler = TransformersSampler(model, tokenizer, max_batch=9, stream_every=stream_every)
    for completion in sampler.sample(requests, SamplingParams(max_new_tokens=30), listen):
        assert tuple(streamed[completion.request_id, completion.index]) == completion.token_ids
    assert max(sizes) <= stream_every
    assert min(sizes) >= 1


def test_sampling_leaves_base_weights_and_adapters_bit_for_bit(adapted, tokenizer, requests):
    adapted.train()
    adapted.base_model.model.lm_head.eval()  # a module set to eval stays in eval
    before = {name: tensor.clone() for name, tensor in adapted.state_dict().items()}
    trainable = {name for name, parameter in adapted.named_parameters() if parameter.requires_grad}
    attention = adapted.config._attn_implementation  # noqa: SLF001  # transformers has no public name for it
    sampler = TransformersSampler(adapted, tokenizer)

    def assert_untouched() -> None:
        after = adapted.state_dict()
        assert set(after) == set(before)
        assert all(torch.equal(after[name], before[name]) for name in before)
        assert {name for name, parameter in adapted.named_parameters() if parameter.requires_grad} == trainable
        assert adapted.config._attn_implementation == attention  # noqa: SLF001
        assert adapted.training
        assert not adapted.base_model.model.lm_head.training
        assert not torch.is_inference_mode_enabled()

    for _ in sampler.sample(requests, SamplingParams(max_new_tokens=15)):
        assert_untouched()
    assert_untouched()


def test_a_consumer_that_stops_midway_can_train_at_once(adapted, tokenizer, requests):
    sampler = TransformersSampler(adapted, tokenizer, eos_ids=range(1, 8))
    completions = sampler.sample(requests, SamplingParams(max_new_tokens=60))
    next(completions)
    loss = adapted(input_ids=torch.tensor([[5, 6, 7]]), labels=torch.tensor([[5, 6, 7]])).loss
    loss.backward()
    gradients = [parameter.grad for name, parameter in adapted.named_parameters() if "lora_A" in name]
    assert all(gradient is not None and gradient.abs().sum() > 0 for gradient in gradients)


def test_updated_adapters_are_sampled_from_in_the_next_call(adapted, tokenizer, requests, reference_logprobs):
    sampler = TransformersSampler(adapted, tokenizer)
    params = SamplingParams(max_new_tokens=12)
    sample_all(sampler, requests, params)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_A" in name:
                parameter.mul_(-1.5)
    completions = sample_all(sampler, requests, params)
    assert_logprobs_match(adapted, requests, completions, params, reference_logprobs)


def test_disabled_adapters_stay_disabled_while_sampling(adapted, tokenizer, requests, reference_logprobs):
    params = SamplingParams(max_new_tokens=12)
    with adapted.disable_adapter():
        completions = sample_all(TransformersSampler(adapted, tokenizer), requests, params)
        assert_logprobs_match(adapted, requests, completions, params, reference_logprobs)


def test_temperature_zero_takes_the_likeliest_token(model, tokenizer):
    request = Request("a", (5, 6, 7), n=2, seed=0)
    params = SamplingParams(temperature=0.0, max_new_tokens=10)
    first, second = TransformersSampler(model, tokenizer, eos_ids=()).sample([request], params)
    ids = list(request.prompt_ids)
    for _ in range(10):
        with torch.no_grad():
            ids.append(int(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
    assert first.token_ids == second.token_ids == tuple(ids[3:])
    assert first.logprobs == (0.0,) * 10


def test_a_half_precision_model_samples_with_logprobs_near_its_own(model, tokenizer, requests, reference_logprobs):
    model.bfloat16()
    params = SamplingParams(max_new_tokens=20)
    completions = sample_all(TransformersSampler(model, tokenizer), requests, params)
    by_id = {request.id: request for request in requests}
    errors = [
        (torch.tensor(c.logprobs) - reference_logprobs(model, by_id[c.request_id], c, params)).abs().mean()
        for c in completions.values()
    ]
    assert math.fsum(errors) / len(errors) < 0.1


def test_no_requests_give_no_completions(model, tokenizer):
    assert list(TransformersSampler(model, tokenizer).sample([], SamplingParams())) == []


def test_a_prompt_that_does_not_fit_the_context_is_refused_before_sampling(model, tokenizer):
    request = Request("a", (5,) * 500, n=1, seed=0)
    with pytest.raises(ConfigError, match=r"context of 512 .*lower max_new_tokens"):
        TransformersSampler(model, tokenizer).sample([request], SamplingParams(max_new_tokens=13))


def test_diverged_weights_are_reported_instead_of_sampled_from(model, tokenizer, requests):
    with torch.no_grad():
        model.model.norm.weight.fill_(float("nan"))
    with pytest.raises(RunError, match="diverged"):
        list(TransformersSampler(model, tokenizer).sample(requests, SamplingParams()))


def test_two_requests_of_one_id_are_refused(model, tokenizer, requests):
    with pytest.raises(ValueError, match="same id"):
        TransformersSampler(model, tokenizer).sample([requests[0], requests[0]], SamplingParams())


def test_a_sample_that_is_wanted_as_it_is_ends_there_and_changes_no_other(model, tokenizer, requests):
    params = SamplingParams(max_new_tokens=20)
    sampler = TransformersSampler(model, tokenizer, eos_ids=(), stream_every=4)
    whole = sample_all(sampler, requests, params)
    wanted = (requests[0].id, requests[0].indices[0])
    cut = sample_all(sampler, requests, params, lambda delta: (delta.request_id, delta.index) == wanted)
    assert not cut[wanted].finished
    length = len(cut[wanted].token_ids)
    assert 4 <= length <= 6
    assert cut[wanted].token_ids == whole[wanted].token_ids[:length]
    assert {place: cut[place] for place in cut if place != wanted} == {
        place: whole[place] for place in whole if place != wanted
    }
