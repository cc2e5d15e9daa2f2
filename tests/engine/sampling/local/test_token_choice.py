"""Choice of tokens: it follows the reported distribution; random streams belong to samples, not to batches."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.sampling import SamplingParams
from engine.sampling.local.random_streams import uniform_stream
from engine.sampling.local.token_choice import choose_tokens, nucleus_threshold


def test_tokens_are_drawn_as_often_as_they_are_likely():
    logits_v = torch.randn(20, generator=torch.Generator().manual_seed(0)) * 2
    draws = 40_000
    uniform_b = torch.from_numpy(uniform_stream(0, 0, draws))
    token_b, logprob_b = choose_tokens(logits_v.expand(draws, -1), uniform_b, SamplingParams(temperature=0.8))
    expected_v = (logits_v / 0.8).softmax(-1)
    frequency_v = torch.bincount(token_b, minlength=20) / draws
    assert (frequency_v - expected_v).abs().max() < 0.01
    torch.testing.assert_close(logprob_b, expected_v.log()[token_b])


@pytest.mark.parametrize("vocabulary", [20, 5_000])
@pytest.mark.parametrize("spread", [0.1, 3.0])  # nearly flat: the likeliest 64 tokens do not hold the nucleus
def test_only_the_nucleus_is_drawn_and_its_mass_is_one(vocabulary, spread):
    logits_bv = torch.randn(64, vocabulary, generator=torch.Generator().manual_seed(0)) * spread
    # Computed exactly as the draw does: another rounding could move a token over the edge of the nucleus.
    prob_bv = logits_bv.log_softmax(-1).exp()
    inside_bv = prob_bv >= nucleus_threshold(prob_bv, 0.9)
    mass_b = (prob_bv.double() * inside_bv).sum(-1)
    assert (mass_b >= 0.9 - 1e-9).all()
    smallest_b1 = prob_bv.masked_fill(~inside_bv, 2.0).amin(-1, keepdim=True)
    assert ((prob_bv.double() * (prob_bv > smallest_b1)).sum(-1) < 0.9).all()  # ties at the edge are all inside
    uniform_b = torch.from_numpy(uniform_stream(1, 0, 64))
    token_b, logprob_b = choose_tokens(logits_bv, uniform_b, SamplingParams(top_p=0.9))
    assert inside_bv.gather(1, token_b[:, None]).all()
    expected_b = prob_bv.gather(1, token_b[:, None]).squeeze(1).log() - mass_b.log()
    torch.testing.assert_close(logprob_b.double(), expected_b, atol=1e-5, rtol=0.0)


def test_the_ends_of_the_unit_interval_never_draw_an_impossible_token():
    logits_bv = torch.tensor([[float("-inf"), 0.0, 1.0, float("-inf")]]).expand(2, -1)
    uniform_b = torch.tensor([0.0, 1.0 - 2.0**-53], dtype=torch.float64)
    token_b, logprob_b = choose_tokens(logits_bv, uniform_b, SamplingParams())
    assert token_b.tolist() == [1, 2]
    assert logprob_b.isfinite().all()


def test_rows_in_several_chunks_are_drawn_as_in_one(monkeypatch):
    logits_bv = torch.randn(10, 50)
    uniform_b = torch.from_numpy(uniform_stream(1, 0, 10))
    whole = choose_tokens(logits_bv, uniform_b, SamplingParams(top_p=0.7))
    monkeypatch.setattr("engine.sampling.local.token_choice._CHUNK_ELEMENTS", 150)
    parts = choose_tokens(logits_bv, uniform_b, SamplingParams(top_p=0.7))
    assert all(torch.equal(one, other) for one, other in zip(whole, parts, strict=True))


def test_a_stream_is_its_own_and_a_longer_one_begins_with_it():
    assert np.array_equal(uniform_stream(7, 3, 100)[:10], uniform_stream(7, 3, 10))
    streams = np.stack([uniform_stream(seed, index, 50) for seed in range(4) for index in range(4)])
    assert len(np.unique(streams)) == streams.size
