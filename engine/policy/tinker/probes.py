"""Probes of a server on a throw-away model, before a run trains on it: differences that no server reports.

    reduction    how the server adds up the losses of a batch, by the norms of four gradients
    scale        a coefficient twice as large gives a gradient twice as large
    base         a fresh adapter changes nothing: trainer and sampler agree with the base model
    sampler      the sampler's log-probs at temperature 1 are the trainer's
    stop         a stop token ends an answer, and is its last token
    state        with `deep` alone: a saved state is the one that is loaded, and an adapter can be exported

What needs no model is checked on connecting: the SDK's version, the key, the models that the server lists.
Each probe can end the run with its reason; a server that passes all of them trains what the loss says.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engine.errors import CureError, EnvironmentError_
from engine.policy.tinker.client import TinkerClient
from engine.policy.tinker.datum import ROWS, Datum, FloatArray, Reduction
from engine.sampling.adapters import Agreement
from engine.sampling.protocol import SamplingParams

# Low ids are in every vocabulary. Prompt and longest answer stay within 32 tokens, the shortest length that JAX
# compiles for, and every batch is a multiple of the rows that training uses.
_PROMPT = tuple(range(10, 22))
_ANSWER = tuple(range(22, 30))
_TWICE = tuple(range(22, 38))
_SAMPLED = SamplingParams(max_new_tokens=16)
_GREEDY = replace(_SAMPLED, temperature=0.0)
_SHARES = {Reduction.SUM: (1.0, 1.0), Reduction.SEQUENCE_MEAN: (0.5, 0.5)}
"""Norm with twice the rows, and with an answer twice as long, by the norm of the same tokens without."""
_TOLERANCE = 0.05
"""Relative, between norms: bf16 rounds each factor to 0.4 %."""
_ANOTHER = 'train on another server, or with policy.engine = "local"'


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of one probe, for people. name: one of those above."""

    name: str
    said: str


@dataclass(frozen=True, slots=True)
class Findings:
    """Measurements of the probes. gap: mean |sampler - trainer| in nats; floor: |fresh adapter - base model|.

    floor is None where the server gives no log-probs of the base model.
    """

    reduction: Reduction
    gap: float
    floor: float | None


def check_server(
    client: TinkerClient,
    agreement: Agreement,
    *,
    deep: bool = False,
    on_finding: Callable[[Finding], object] = lambda finding: None,
) -> Findings:
    """Probe the server on a model of its own, which is unloaded again, and set `client.reduction`.

    agreement: between the log-probs of sampler and trainer. Raises EnvironmentError_: a probe failed, with what was
    found; CureError: the server is lost, or has no room for a model.
    """
    client.reduction = None  # coefficients are sent as they are
    with _throw_away_model(client):
        fresh = _fresh_logprobs(client)
        reduction = _reduction(client, fresh)
        on_finding(Finding("reduction", f"losses are added up by {reduction}; coefficients are scaled for it"))
        on_finding(Finding("scale", "a gradient is linear in its coefficients"))
        floor = _base_gap(client, agreement)
        if floor is None:
            on_finding(Finding("base", "not compared: the server gives no log-probs of the base model"))
        else:
            on_finding(Finding("base", f"a fresh adapter is {floor:.2g} nats from the base model"))
        gap = _sampler_gap(client, agreement)
        on_finding(Finding("sampler", f"its log-probs are {gap:.2g} nats from the trainer's"))
        _check_stop(client)
        on_finding(Finding("stop", "a stop token ends an answer, as its last token"))
        if deep:
            _check_state(client, fresh, agreement)
            on_finding(Finding("state", "a saved state is loaded as it was, and its adapter can be exported"))
    client.reduction = reduction
    return Findings(reduction, gap, floor)


@contextmanager
def _throw_away_model(client: TinkerClient) -> Iterator[None]:
    """Create a model that is unloaded at the end; where a probe fails, its reason comes first."""
    client.create_model(seed=0)
    with ExitStack() as failing:
        failing.callback(_unload_quietly, client)
        yield
        failing.pop_all()
    client.unload_all()


def _unload_quietly(client: TinkerClient) -> None:
    with suppress(CureError):
        client.unload_all()


def _fresh_logprobs(client: TinkerClient) -> FloatArray:
    """Return the log-probs of _TWICE, of which _ANSWER is the beginning."""
    logprobs = client.forward([Datum(_PROMPT, _TWICE)] * ROWS)[0]
    if not np.isfinite(logprobs).all():
        raise _failed(client, "its log-probs are not finite")
    return logprobs


def _reduction(client: TinkerClient, fresh: FloatArray) -> Reduction:
    """Find the reduction by the norms of gradients of the same eight tokens.

    `optim_step` at learning rate 0 returns a norm and leaves the weights. Tokens after those eight, and whole answers,
    have coefficient 0, so that the sum's gradient is the same for all. Means over the tokens of a batch, means that
    count the prompt, and sums over some of a batch's parts give other shares than the two that are known.
    """
    first = len(_ANSWER)
    ones = np.ones(first, np.float32)
    short = Datum(_PROMPT, _ANSWER, fresh[:first], ones)
    blank = replace(short, coefficients=0 * ones)
    long = Datum(_PROMPT, _TWICE, fresh, np.concatenate([ones, np.zeros(len(_TWICE) - first, np.float32)]))
    doubled = replace(short, coefficients=2 * ones)

    def norm(data: Sequence[Datum]) -> float:
        client.forward_backward(data)
        found = client.optim_step(0.0)
        if found is None:
            raise _failed(client, "it does not report the norm of a gradient, by which its reduction is found")
        return found

    one, two = norm([short, *[blank] * (ROWS - 1)]), norm([doubled, *[blank] * (ROWS - 1)])
    if not (math.isfinite(one) and one > 0.0 and _near(two, 2.0 * one)):
        raise _failed(client, f"twice the coefficients turn a gradient of norm {one:.4g} into one of {two:.4g}")
    more, longer = norm([short, *[blank] * (2 * ROWS - 1)]), norm([long, *[blank] * (ROWS - 1)])
    for reduction, (by_rows, by_length) in _SHARES.items():
        if _near(more, by_rows * one) and _near(longer, by_length * one):
            return reduction
    raise _failed(
        client,
        f"its losses add up neither as a sum nor as a mean over sequences: with twice the rows a gradient has "
        f"{more / one:.3g} times its norm, with an answer twice as long {longer / one:.3g} times",
    )


def _base_gap(client: TinkerClient, agreement: Agreement) -> float | None:
    """Return the mean distance of a fresh adapter from the base model, None where the server scores no prompts."""
    trained = client.forward([Datum(_PROMPT, _TWICE)] * ROWS)[0]
    try:
        base = client.prompt_logprobs((*_PROMPT, *_TWICE))[len(_PROMPT) - 1 :]
    except CureError:
        if client.lost.done():
            raise
        return None
    gap = _distance(trained, base)
    if not gap <= agreement.bound:
        raise _failed(
            client, f"a fresh adapter is {gap:.2g} nats from the base model, where {agreement.bound:g} may be"
        )
    return gap


def _sampler_gap(client: TinkerClient, agreement: Agreement) -> float:
    handle = client.sync_sampler()
    (answer,) = client.sampled(client.sample(handle, _PROMPT, 1, _SAMPLED, (), seed=1), 1, _SAMPLED, ())
    scored = client.forward([Datum(_PROMPT, answer.token_ids)] * ROWS)[0]
    gap = _distance(scored, answer.logprobs)
    if not gap <= agreement.bound:
        raise _failed(
            client,
            f"the log-probs of its sampler are {gap:.2g} nats from those of its trainer, where {agreement.bound:g} may "
            "be: importance weights would be wrong",
        )
    return gap


def _check_stop(client: TinkerClient) -> None:
    """Have the likeliest answer ended by a token that is known to be in it.

    A server that ignores stop tokens samples on; one that leaves them out hides which answers are finished.
    """
    handle = client.sync_sampler()

    def greedy(stop_ids: tuple[int, ...]) -> tuple[int, ...]:
        future = client.sample(handle, _PROMPT, 1, _GREEDY, stop_ids, seed=1)
        return client.sampled(future, 1, _GREEDY, stop_ids)[0].token_ids

    whole = greedy(())
    stop = whole[len(whole) // 2]
    ended = greedy((stop,))
    if stop in ended[:-1]:
        raise _failed(client, "it samples on after a stop token: every answer would be as long as allowed")
    if ended[-1] != stop and len(ended) < len(whole):
        raise _failed(client, "it leaves the stop token out of an answer: no answer would count as finished")


def _check_state(client: TinkerClient, fresh: FloatArray, agreement: Agreement) -> None:
    """Train a step, save it, load it into a new model, and export that model's adapter."""
    client.forward_backward([Datum(_PROMPT, _TWICE, fresh, np.ones(len(_TWICE), np.float32))] * ROWS)
    client.optim_step(1e-3)
    data = [Datum(_PROMPT, _TWICE)] * ROWS
    trained = client.forward(data)[0]
    path = client.save_state("probe")
    try:
        loaded = client.load_state(path)
        moved = _distance(client.forward(data, loaded)[0], trained)
        if not moved <= agreement.noise:
            raise _failed(
                client, f"a saved state comes back {moved:.2g} nats from what it was: no run could be resumed"
            )
        with tempfile.TemporaryDirectory(prefix="cure-tui-probe-") as folder:
            client.export_adapter(Path(folder))
    finally:
        client.delete(path)


def _near(value: float, expected: float) -> bool:
    return math.isclose(value, expected, rel_tol=_TOLERANCE)


def _distance(first: Sequence[float] | FloatArray, second: Sequence[float] | FloatArray) -> float:
    """Return the mean of |difference|, in nats; NaN if a log-prob is."""
    return float(np.abs(np.subtract(first, second)).mean())


def _failed(client: TinkerClient, finding: str) -> EnvironmentError_:
    return EnvironmentError_(f"the server at {client.url} would train wrongly: {finding}", _ANOTHER)
