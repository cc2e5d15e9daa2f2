"""Chat models of the hub's cache: only those that can be loaded by their name as they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.machine.model_folders import cached_chat_models

COMMIT = "0" * 40


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def put(cache: Path, name: str, *without: str, architecture: str = "Qwen3ForCausalLM", branch: str = "main") -> Path:
    """Put a model into the cache, as the hub's client lays it out."""
    model = cache / f"models--{name.replace('/', '--')}"
    folder = model / "snapshots" / COMMIT
    folder.mkdir(parents=True)
    (model / "refs").mkdir()
    (model / "refs" / branch).write_text(COMMIT)
    files = {
        "config.json": json.dumps({"architectures": [architecture]}),
        "tokenizer.json": "{}",
        "tokenizer_config.json": "{}",
        "chat_template.jinja": "{{ messages }}",
        "model.safetensors": "x" * 1000,
    }
    for file, text in files.items():
        if file not in without:
            (folder / file).write_text(text)
    return folder


def test_a_complete_chat_model_is_found_with_its_size(cache: Path) -> None:
    put(cache, "Qwen/Qwen3-4B")
    assert cached_chat_models() == [("Qwen/Qwen3-4B", 1000)]


def test_a_template_within_the_tokenizer_counts(cache: Path) -> None:
    folder = put(cache, "a/b", "chat_template.jinja")
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ messages }}"}))
    assert [name for name, _ in cached_chat_models()] == ["a/b"]


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json", "chat_template.jinja", "model.safetensors"])
def test_a_model_that_lacks_a_file_is_left_out(cache: Path, missing: str) -> None:
    put(cache, "a/b", missing)
    assert cached_chat_models() == []


def test_other_models_and_revisions_and_names_are_left_out(cache: Path) -> None:
    put(cache, "a/embeds", architecture="BertModel")
    put(cache, "a/branch", branch="other")
    put(cache, "a/odd\x1bname")
    assert cached_chat_models() == []


def test_a_sharded_model_with_a_shard_missing_is_left_out(cache: Path) -> None:
    folder = put(cache, "a/b", "model.safetensors")
    (folder / "model-00001-of-00002.safetensors").write_text("x")
    shards = {"w": "model-00001-of-00002.safetensors", "v": "model-00002-of-00002.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    assert cached_chat_models() == []


def test_no_cache_is_no_fault(cache: Path) -> None:
    assert cached_chat_models() == []
