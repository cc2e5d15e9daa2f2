"""Length of a model's answers where no preset names one: by its own files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.config.rules import broken_rule
from engine.machine.model_limits import always_thinks, context_of, longest_answer
from engine.solve.named_model import named_model
from engine.solve.writers.spec import parse_spec

CHAT = "{% for m in messages %}{{ m.content }}{% endfor %}{% if add_generation_prompt %}assistant\n"
THINKS = CHAT + "<think>\n{% endif %}"
HYBRID = CHAT + "{% if enable_thinking is false %}<think>\n\n</think>\n{% endif %}{% endif %}"


def model(folder: Path, template: str = CHAT + "{% endif %}", generation: Any = None, **config: Any) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": template}))
    if generation is not None:
        (folder / "generation_config.json").write_text(json.dumps(generation))
    return folder


@pytest.mark.parametrize(
    ("template", "generation", "config", "longest"),
    [
        (CHAT, None, {"max_position_embeddings": 32_768}, 2048),
        (CHAT, None, {}, 2048),
        (CHAT, None, {"max_position_embeddings": 3072}, 1536),
        (CHAT, None, {"text_config": {"max_position_embeddings": 512}}, 256),
        (CHAT, {"max_new_tokens": 700}, {"max_position_embeddings": 32_768}, 700),
        (CHAT, {"max_new_tokens": 90_000}, {"max_position_embeddings": 32_768}, 30_720),
        (CHAT, {"max_new_tokens": "many"}, {"max_position_embeddings": True}, 2048),
        (THINKS, None, {"max_position_embeddings": 262_144}, 16_384),
        (THINKS, None, {"max_position_embeddings": 8192}, 6144),
        (HYBRID, None, {"max_position_embeddings": 40_960}, 2048),
    ],
)
def test_an_answer_is_as_long_as_the_models_own_files_allow(
    tmp_path: Path, template: str, generation: Any, config: dict[str, Any], longest: int
) -> None:
    folder = model(tmp_path / "model", template, generation, **config)
    assert longest_answer(folder) == longest
    settings, _ = named_model(parse_spec(f"model:{folder}"), print)
    assert (settings.rollout.max_new_tokens_coder, settings.rollout.max_new_tokens_tester) == (longest, longest)
    assert broken_rule(settings) is None


def test_a_template_of_its_own_file_is_read_and_broken_files_say_nothing(tmp_path: Path) -> None:
    folder = model(tmp_path / "model")
    (folder / "chat_template.jinja").write_text(THINKS)
    assert always_thinks(folder)
    (folder / "config.json").write_text("[")
    assert context_of(folder) is None
    assert longest_answer(None) == 2048
