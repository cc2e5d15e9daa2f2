"""EndpointSampler against fake servers: load balancing, adapter swaps, failover."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from engine.errors import ConfigError, CureError, EnvironmentError_, RunError
from engine.sampling import Completion, Delta, Request, SamplingParams
from engine.sampling.endpoint import EndpointSampler
from engine.seeds import derive_seed
from engine.servers.settings import VLLM_KEY
from tests.engine.sampling.endpoint.fake_vllm import STOP, FakeVllm, logprob_of, serving, tokens_of
from tests.engine.sections import rollout_settings

PARAMS = SamplingParams(temperature=0.8, top_p=1.0, max_new_tokens=25)


class Adapters:
    """Policy stub that was updated `weights_version` times."""

    weights_version = 0

    def export_adapter(self, path: Path) -> None:
        path.mkdir()
        (path / "adapter_model.safetensors").write_text(str(self.weights_version))


class Words:
    def decode(self, token_ids: list[int], *, skip_special_tokens: bool) -> str:
        return " ".join(str(token) for token in token_ids if not (skip_special_tokens and token == STOP))


class Bench:
    """Fake servers, a sampler over them, and its notices."""

    def __init__(self, folder: Path, resources: ExitStack) -> None:
        self.source, self.notices = Adapters(), list[str]()
        self._folder, self._resources = folder, resources

    def serve(self, *servers: FakeVllm) -> None:
        for server in servers:
            self._resources.enter_context(serving(server))

    def sampler(self, *urls: str, max_batch: int = 8, hang_seconds: float = 20.0) -> EndpointSampler:
        sampler = EndpointSampler(
            rollout_settings(endpoints=urls, max_batch=max_batch),
            self.source,
            Words(),
            stop_ids=(STOP,),
            lora_rank=8,
            hang_seconds=hang_seconds,
            stream_every=4,
            shared=self._folder,
            new_canary=None,
            on_notice=self.notices.append,
        )
        self._resources.callback(sampler.close)
        return sampler


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with ExitStack() as resources:
        yield Bench(tmp_path, resources)


def requests(groups: int = 6, n: int = 4) -> list[Request]:
    return [Request(f"r{place}", (5, 6, 7 + place), n, place) for place in range(groups)]


def expected(asked: list[Request]) -> dict[tuple[str, int], tuple[int, ...]]:
    return {
        (request.id, index): tuple(tokens_of(derive_seed(request.seed, "sample", index), [STOP], 25))
        for request in asked
        for index in range(request.n)
    }


def tokens(completions: list[Completion]) -> dict[tuple[str, int], tuple[int, ...]]:
    assert len({(c.request_id, c.index) for c in completions}) == len(completions)
    return {(c.request_id, c.index): c.token_ids for c in completions}


def test_answers_are_the_servers_and_deltas_make_them_up(bench: Bench) -> None:
    bench.serve(server := FakeVllm())
    deltas: list[Delta] = []
    completions = list(bench.sampler(server.url).sample(requests(), PARAMS, deltas.append))
    assert tokens(completions) == expected(requests())
    for completion in completions:
        assert completion.logprobs == tuple(map(logprob_of, completion.token_ids))
        assert completion.finished == (completion.token_ids[-1] == STOP)
        assert str(STOP) not in completion.text.split()
        mine = [d.token_ids for d in deltas if (d.request_id, d.index) == (completion.request_id, completion.index)]
        assert sum(mine, ()) == completion.token_ids
    assert {completion.finished for completion in completions} == {True, False}


def test_a_request_leaves_nothing_to_the_models_own_sampling_defaults(bench: Bench) -> None:
    bench.serve(server := FakeVllm())
    list(bench.sampler(server.url + "/v1/").sample(requests(1, 1), PARAMS))
    (asked,) = server.completions
    assert asked["prompt"] == [5, 6, 7]
    assert (asked["temperature"], asked["top_p"], asked["top_k"], asked["min_p"]) == (0.8, 1.0, -1, 0.0)
    assert (asked["repetition_penalty"], asked["presence_penalty"], asked["frequency_penalty"]) == (1.0, 0.0, 0.0)
    assert (asked["ignore_eos"], asked["stop_token_ids"], asked["max_tokens"]) == (True, [STOP], 25)


def test_work_is_spread_evenly_and_a_prompts_samples_stay_together(bench: Bench) -> None:
    servers = [FakeVllm(), FakeVllm()]
    bench.serve(*servers)
    list(bench.sampler(*(server.url for server in servers), max_batch=64).sample(requests(6, 4), PARAMS))
    prompts = [{tuple(asked["prompt"]) for asked in server.completions} for server in servers]
    assert [len(server.completions) for server in servers] == [12, 12]
    assert prompts[0].isdisjoint(prompts[1])


def test_every_version_of_the_weights_is_an_adapter_of_its_own_loaded_once(bench: Bench) -> None:
    bench.serve(server := FakeVllm())
    sampler = bench.sampler(server.url)
    for _ in range(2):
        list(sampler.sample(requests(1), PARAMS))
    bench.source.weights_version = 1
    sampler.rest()
    list(sampler.sample(requests(1), PARAMS))
    (first, old), (second, new) = server.loads
    assert first != second
    assert not Path(old).exists()
    assert (Path(new) / "adapter_model.safetensors").read_text() == "1"
    assert list(server.adapters) == [second]
    assert [asked["model"] for asked in server.completions] == [first] * 8 + [second] * 4
    sampler.close()
    assert not server.adapters


@pytest.mark.parametrize(
    ("faulty", "words"),
    [
        (FakeVllm(dies_after=7), "closed the stream"),
        (FakeVllm(silent_after=7), "it sent nothing for 1 s"),
        (FakeVllm(completion_status=500), "out of order"),
    ],
)
def test_the_answers_of_a_lost_server_come_from_the_others(bench: Bench, faulty: FakeVllm, words: str) -> None:
    bench.serve(faulty, sound := FakeVllm())
    deltas: list[Delta] = []
    sampler = bench.sampler(faulty.url, sound.url, hang_seconds=1.0)
    completions = list(sampler.sample(requests(), PARAMS, deltas.append))
    assert tokens(completions) == expected(requests())
    for completion in completions:
        mine = [d.token_ids for d in deltas if (d.request_id, d.index) == (completion.request_id, completion.index)]
        assert sum(mine, ()) == completion.token_ids
    (notice,) = bench.notices
    assert faulty.url in notice
    assert words in notice
    assert "the other servers take over" in notice
    assert sampler.restarts == 1


def test_a_server_that_comes_back_is_given_the_adapter_and_work(bench: Bench) -> None:
    lost, sound = FakeVllm(), FakeVllm()
    bench.serve(sound)
    with serving(lost):
        sampler = bench.sampler(lost.url, sound.url)
        list(sampler.sample(requests(), PARAMS))
    for _ in range(2):
        assert tokens(list(sampler.sample(requests(), PARAMS))) == expected(requests())
    assert len(bench.notices) == 1  # once, not at every call
    again = FakeVllm()
    with serving(again, port=int(lost.url.rsplit(":", 1)[1])):
        assert tokens(list(sampler.sample(requests(), PARAMS))) == expected(requests())
        assert bench.notices[1:] == [f"server {lost.url} is back"]
        assert len(again.loads) == 1
        assert again.completions


def test_a_server_that_was_restarted_between_two_calls_gets_the_adapter_again(bench: Bench) -> None:
    bench.serve(server := FakeVllm())
    sampler = bench.sampler(server.url)
    list(sampler.sample(requests(1), PARAMS))
    server.adapters.clear()
    list(sampler.sample(requests(1), PARAMS))
    assert len(server.loads) == 2
    assert not bench.notices


def test_when_no_server_is_left_the_run_ends_in_one_line_and_may_be_resumed(bench: Bench) -> None:
    faulty = [FakeVllm(dies_after=3), FakeVllm(dies_after=5)]
    bench.serve(*faulty)
    with pytest.raises(RunError, match=r"no server of rollout\.endpoints is left.*closed the stream.*resume the run"):
        list(bench.sampler(*(server.url for server in faulty)).sample(requests(), PARAMS))
    assert len(bench.notices) == 2


def test_where_nobody_listens_the_run_ends_in_one_line(bench: Bench) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(RunError, match=r"no server of rollout\.endpoints is left") as caught:
            bench.sampler(url).sample(requests(), PARAMS)
    assert url in str(caught.value)
    assert "\n" not in str(caught.value)


def test_samples_that_are_given_up_are_nobodys(bench: Bench) -> None:
    bench.serve(server := FakeVllm(silent_after=40))
    sampler = bench.sampler(server.url, max_batch=64)
    answers = sampler.sample(requests(), PARAMS)
    next(answers)
    sampler.rest()
    with pytest.raises(RuntimeError, match="abandoned"):
        next(answers)


@pytest.mark.parametrize(
    ("server", "error", "words"),
    [
        (FakeVllm(load_status=404), EnvironmentError_, "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True vllm serve"),
        (FakeVllm(load_status=404, load_words="No adapter found for /nowhere"), EnvironmentError_, "--run-dir"),
        (FakeVllm(load_status=500, load_words="rank 8 > 4"), EnvironmentError_, "--max-lora-rank 8"),
        (FakeVllm(models_status=400), EnvironmentError_, "as vLLM does"),
        (FakeVllm(models_status=503), RunError, "status 503"),
        (FakeVllm(key="Bearer secret"), EnvironmentError_, VLLM_KEY),
        (FakeVllm(max_model_len=20), ConfigError, "--max-model-len 28"),
        (FakeVllm(completion_status=400), RunError, "refuses to sample: out of order"),
        (FakeVllm(token_ids=False), RunError, "token ids"),
    ],
)
def test_a_server_that_cannot_serve_a_run_is_named_with_the_remedy(
    bench: Bench, server: FakeVllm, error: type[CureError], words: str
) -> None:
    bench.serve(server)
    with pytest.raises(error) as caught:
        list(bench.sampler(server.url).sample(requests(), PARAMS))
    assert server.url in str(caught.value)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_key_of_the_environment_is_sent_where_the_user_has_tied_it_to(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(VLLM_KEY, "secret")
    monkeypatch.setenv("CURE_TUI_CONFIG", str(tmp_path))
    bench.serve(server := FakeVllm(key="Bearer secret"), stranger := FakeVllm())
    (tmp_path / "endpoints.toml").write_text(f'[endpoint."{server.url}/v1"]\napi_key_env = "{VLLM_KEY}"\n')
    sampler = bench.sampler(server.url, stranger.url)
    assert tokens(list(sampler.sample(requests(), PARAMS))) == expected(requests())
    assert set(stranger.keys) == {""}  # an address that only a preset or a copied run names gets no key


@pytest.mark.parametrize("status", [500, 400])
def test_a_key_that_a_server_quotes_is_neither_noted_nor_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, status: int
) -> None:
    """A notice goes into the run's journal, which is handed on."""
    monkeypatch.setenv("CURE_TUI_CONFIG", str(tmp_path))
    quoting = FakeVllm(key="Bearer sk-secret", completion_status=status, completion_words="no key sk-secret")
    bench.serve(quoting)
    (tmp_path / "endpoints.toml").write_text(f'[endpoint."{quoting.url}/v1"]\napi_key = "sk-secret"\n')
    with pytest.raises(CureError, match="no key …") as caught:
        list(bench.sampler(quoting.url).sample(requests(), PARAMS))
    assert "sk-secret" not in f"{caught.value} {bench.notices}"


def test_an_address_without_its_key_is_told_how_to_get_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(VLLM_KEY, "secret")
    monkeypatch.setenv("CURE_TUI_CONFIG", str(tmp_path))
    bench.serve(server := FakeVllm(key="Bearer secret"))
    with pytest.raises(EnvironmentError_, match=r"rejects the API key: it got none .*endpoints\.toml"):
        list(bench.sampler(server.url).sample(requests(), PARAMS))
    assert set(server.keys) == {""}


def test_without_an_address_there_is_no_sampler(bench: Bench) -> None:
    with pytest.raises(ConfigError, match=r"set rollout\.endpoints"):
        bench.sampler()


def test_two_requests_of_one_name_are_refused(bench: Bench) -> None:
    bench.serve(server := FakeVllm())
    with pytest.raises(ValueError, match="same id"):
        bench.sampler(server.url).sample([*requests(1), *requests(1)], PARAMS)


def test_a_server_that_sends_more_tokens_than_asked_for_ends_the_run(bench: Bench) -> None:
    bench.serve(server := FakeVllm(ignores_limit=True))
    with pytest.raises(RunError, match="sends more than the 3 tokens asked for"):
        list(bench.sampler(server.url).sample(requests(1, 1), SamplingParams(max_new_tokens=3)))
