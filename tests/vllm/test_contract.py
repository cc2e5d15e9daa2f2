"""Names of vLLM that the sampler relies on, looked for in its sources: also in those that only a GPU runs.

The CPU build installs the same Python files as the GPU wheel, or nearly; `make vllm-wheel` fetches that wheel once (330
MB), and the same is then asked of it.
"""

from __future__ import annotations

import ast
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from engine.sampling.vllm import VllmSettings
from engine.sampling.vllm.compat import MODEL_RUNNER_VARIABLE
from engine.sampling.vllm.process import environment

ROOT = Path(__file__).parents[2]
Sources = Callable[[str], str]

METHODS = {
    "v1/engine/llm_engine.py": {
        "LLMEngine": {
            "from_engine_args": ["engine_args"], "add_request": ["request_id", "prompt", "params", "lora_request"],
            "step": [], "abort_request": ["request_ids"], "add_lora": ["lora_request"],
            "has_unfinished_requests": [], "sleep": ["level"], "release_kv_cache_memory": [], "wake_up": ["tags"],
            "is_sleeping": [], "reset_prefix_cache": [], "collective_rpc": ["method"],
        },
    },
    "v1/core/sched/interface.py": {"SchedulerInterface": {"has_requests": []}},
    "v1/core/sched/async_scheduler.py": {"AsyncScheduler": {}},
    "v1/executor/abstract.py": {"Executor": {"sleep": ["level"], "wake_up": ["tags"], "discard": ["tags"]}},
    "v1/worker/gpu_worker.py": {
        "Worker": {"sleep": ["level"], "wake_up": ["tags"], "discard": ["tags"], "reload_weights": []}
    },
    "v1/worker/gpu/model_runner.py": {"GPUModelRunner": {"reload_weights": []}},
    "v1/worker/gpu_model_runner.py": {"GPUModelRunner": {"reload_weights": []}},
    "config/vllm.py": {"VllmConfig": {"use_v2_model_runner": []}},
    "config/model.py": {"ModelConfig": {"head_dtype": []}},
}  # fmt: skip
FIELDS = {
    ("lora/request.py", "LoRARequest"): {"lora_name", "lora_int_id", "lora_path", "load_inplace"},
    ("sampling_params.py", "SamplingParams"): {
        "temperature", "top_p", "max_tokens", "seed", "ignore_eos", "stop_token_ids", "logprobs", "flat_logprobs",
        "detokenize", "output_kind",
    },
    ("sampling_params.py", "RequestOutputKind"): {"DELTA"},
    ("outputs.py", "RequestOutput"): set(),
}  # fmt: skip
TEXTS = {
    # what `compat.has_work` asks is what the engine itself asks before it releases the cache
    "v1/engine/core.py": [
        "self.scheduler", "self.batch_queue", "self.is_scheduler_paused()\n            and not "
        "self.scheduler.has_requests()\n            and not self.batch_queue",
    ],
    "v1/engine/core_client.py": ["class InprocClient", "self.engine_core = EngineCore("],
    "config/vllm.py": ["envs.VLLM_USE_V2_MODEL_RUNNER"],
    "model_executor/layers/logits_processor.py": ["model_config.head_dtype", "out_dtype=self.head_dtype"],
    "v1/worker/gpu/sample/sampler.py": ["PROCESSED_LOGPROBS_MODES"],
    "device_allocator/cumem.py": ["pin_memory=PIN_MEMORY"],
    "config/cache.py": ['"fp8"', "kv_cache_memory_bytes"],
}  # fmt: skip


def _installed() -> Sources:
    found = find_spec("vllm")
    if found is None or not found.submodule_search_locations:
        pytest.skip("vLLM is not installed")
    folder = Path(found.submodule_search_locations[0])
    return lambda path: (folder / path).read_text(encoding="utf-8")


def _wheel() -> Sources:
    wheels = sorted((ROOT / ".vllm-wheel").glob("vllm-*.whl"))
    if not wheels:
        pytest.skip("no GPU wheel here: `make vllm-wheel` fetches it")
    archive = zipfile.ZipFile(wheels[-1])
    return lambda path: archive.read(f"vllm/{path}").decode()


@pytest.fixture(scope="module", params=[_installed, _wheel], ids=["installed", "gpu-wheel"])
def sources(request: pytest.FixtureRequest) -> Sources:
    find: Callable[[], Sources] = request.param
    return find()


def _class(text: str, name: str) -> ast.ClassDef:
    return next(node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ClassDef) and node.name == name)


@pytest.mark.parametrize("path", METHODS)
def test_methods_are_there_with_the_parameters_that_are_given(path: str, sources: Sources) -> None:
    for name, wanted in METHODS[path].items():
        methods = {
            node.name: [argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)]
            for node in _class(sources(path), name).body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        for method, parameters in wanted.items():
            assert method in methods
            assert set(parameters) <= set(methods[method])


@pytest.mark.parametrize(("path", "name"), FIELDS)
def test_fields_are_there(path: str, name: str, sources: Sources) -> None:
    assert FIELDS[path, name] <= _fields(_class(sources(path), name))


def test_every_argument_of_the_engine_is_one(sources: Sources) -> None:
    numbers = {"model": Path("m"), "dtype": "bf16", "stop_ids": (1,), "max_model_len": 9, "lora_rank": 8}
    arguments = VllmSettings(**numbers, device="cuda").engine_arguments()
    fields = _fields(_class(sources("engine/arg_utils.py"), "EngineArgs"))
    assert {*arguments, "gpu_memory_utilization"} <= fields


def test_every_variable_of_the_worker_is_read_by_vllm(sources: Sources) -> None:
    numbers = {"model": Path("m"), "dtype": "bf16", "stop_ids": (1,), "max_model_len": 9, "lora_rank": 8}
    variables = environment({}, VllmSettings(**numbers, model_runner="v1"))
    text = sources("envs.py")
    assert MODEL_RUNNER_VARIABLE in variables
    for name in variables:
        assert not name.startswith("VLLM_") or f'"{name}"' in text


@pytest.mark.parametrize("path", TEXTS)
def test_what_has_no_public_name_is_where_it_was(path: str, sources: Sources) -> None:
    text = sources(path)
    for part in TEXTS[path]:
        assert part in text


def _fields(found: ast.ClassDef) -> set[str]:
    assigned = {node.target.id for node in found.body if isinstance(node, ast.AnnAssign) and _is_name(node.target)}
    return assigned | {
        node.targets[0].id for node in found.body if isinstance(node, ast.Assign) and _is_name(node.targets[0])
    }


def _is_name(node: ast.expr) -> bool:
    return isinstance(node, ast.Name)
