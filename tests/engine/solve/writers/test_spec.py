"""Meaning of `--coder` and `--tester`."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import ConfigError
from engine.solve.writers.spec import WriterSpec, parse_spec


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("nano", WriterSpec("preset", "nano")),
        ("qwen3-4b@24", WriterSpec("preset", "qwen3-4b@24")),
        ("./mine/small.toml", WriterSpec("preset", "./mine/small.toml")),
        ("run:nano-2026", WriterSpec("run", "nano-2026")),
        ("Qwen/Qwen3-4B", WriterSpec("model", "Qwen/Qwen3-4B")),
        ("model:here", WriterSpec("model", "here")),
        ("openai:gpt-4o-mini", WriterSpec("openai", "gpt-4o-mini")),
        ("openai:m@q4_k_m@http://a:1/v1", WriterSpec("openai", "m@q4_k_m", "http://a:1/v1")),
    ],
)
def test_a_word_says_where_the_words_come_from(text: str, meant: WriterSpec) -> None:
    assert parse_spec(text) == meant


@pytest.mark.parametrize("text", ["", "run:", "openai:", "openai:m@", "openai:m@nowhere", "magic:x"])
def test_what_means_nobody_is_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_spec(text)
    assert caught.value.remedy


@pytest.mark.parametrize("name", ["nano", "qwen3-4b@24"])
def test_a_folder_that_is_called_as_a_preset_does_not_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()
    (tmp_path / "own").mkdir()
    assert [parse_spec(text).kind for text in (name, f"./{name}", "own")] == ["preset", "model", "model"]


def test_a_name_that_no_folder_can_have_is_a_preset() -> None:
    assert parse_spec("x" * 5000).kind == "preset"


@pytest.mark.parametrize(
    "text",
    [
        "openai:http://user:sesame@127.0.0.1:9/v1",
        "http://user:sesame@127.0.0.1:9/v1",
        "https://user:sesame@host",
        "model:http://user:sesame@host/x",
        "preset:http://user:sesame@host",
        "run:http://user:sesame@host/x",
        "user:sesame@host",
        "openai:@http://user:sesame@host",
        "openai:m@http://user:sesame@",
        "openai:m@user:sesame@host",
        "openai:m@ftp://user:sesame@host",
        "openai:m@http:/user:sesame@host",
        "openai:m@http://user:ses ame@host",
        "openai:m@http://user:sesame@host:99999",
        "openai:m@http://user:sesame@host/v1?key=sesame",
    ],
)
def test_a_mistyped_address_is_refused_without_its_password(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_spec(text)
    assert "same" not in str(caught.value)
    assert caught.value.remedy


def test_a_spec_is_shown_without_its_password() -> None:
    spec = parse_spec("openai:m@http://user:sesame@host:1/v1")
    assert str(spec) == "openai:m@http://host:1/v1"
