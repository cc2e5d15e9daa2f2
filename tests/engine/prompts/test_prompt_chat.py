"""Prompt tokens by the tokenizer's own chat template: a real transformers tokenizer, built here."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from engine.errors import EnvironmentError_
from engine.prompts import encode_prompt, missing_start, opens_thought
from engine.prompts.templates import RENDERER

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
MESSAGES = [{"role": "user", "content": "Code: add 1 to ünicode"}]


def tokenizer(template: str | None) -> PreTrainedTokenizerFast:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(["Code: add Test: user assistant"], trainer)
    built = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    if template is not None:
        built.chat_template = template
    return built


def test_a_prompt_is_a_tuple_of_plain_ints_that_ends_where_the_answer_begins() -> None:
    chat = tokenizer(CHATML)
    prompt_ids = encode_prompt(chat, MESSAGES, enable_thinking=None)
    assert isinstance(prompt_ids, tuple)
    assert all(type(token_id) is int for token_id in prompt_ids)
    expected = "<|im_start|>user\nCode: add 1 to ünicode<|im_end|>\n<|im_start|>assistant\n"
    assert chat.decode(prompt_ids, skip_special_tokens=False) == expected
    assert prompt_ids[0] == chat.convert_tokens_to_ids("<|im_start|>")


def test_thinking_is_the_template_s_default_unless_it_is_set() -> None:
    chat = tokenizer(CHATML)
    default, on, off = (encode_prompt(chat, MESSAGES, enable_thinking=flag) for flag in (None, True, False))
    assert default == on
    assert chat.decode(off[len(on) :]) == "<think>\n\n</think>\n\n"


@pytest.mark.parametrize(
    ("added", "opens"),
    [("<think>\n", True), ("<think>", True), ("[THINK]", True), ("<think>\n\n</think>\n\n", False), ("", False)],
)
def test_a_template_that_opens_a_thought_is_noticed(added: str, opens: bool) -> None:
    chat = tokenizer(CHATML.split("{% if enable")[0] + added + "{% endif %}")
    prompt_ids = encode_prompt(chat, [{"role": "user", "content": "say <think>"}], enable_thinking=None)
    assert opens_thought(chat, prompt_ids) is opens


def test_a_tokenizer_without_a_chat_template_is_refused_with_a_remedy() -> None:
    with pytest.raises(EnvironmentError_, match="no chat template") as caught:
        encode_prompt(tokenizer(None), MESSAGES, enable_thinking=None)
    assert caught.value.remedy


def test_a_machine_without_the_template_engine_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "jinja2.py").write_text("raise ImportError")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    RENDERER.close()
    try:
        with pytest.raises(EnvironmentError_, match="pip install jinja2"):
            encode_prompt(tokenizer(CHATML), MESSAGES, enable_thinking=None)
    finally:
        RENDERER.close()


@pytest.mark.parametrize("template", [CHATML, "{% generation %}a{% endgeneration %}{{ eos_token }}{{ [1] | tojson }}"])
def test_a_template_is_rendered_as_transformers_renders_it(template: str) -> None:
    chat = tokenizer(template)
    theirs = chat.apply_chat_template(MESSAGES, add_generation_prompt=True, return_dict=False)
    assert list(encode_prompt(chat, MESSAGES, enable_thinking=None)) == theirs


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "takes more than"),
        ("{{ 'x' * 10000000000 }}", "more than 256 MB"),
        ("{{ 'x'.ljust(4000000000) }}", "more than 256 MB"),
        ("{% for a in range(99999) %}{{ 'x' * 1000 }}{% endfor %}", "writes more than"),
        ("{{", "unexpected"),
        ("{{ 1 / 0 }}", "ZeroDivisionError"),
        ("{{ raise_exception('roles\nmust alternate') }}", "roles must alternate"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ '' }}", "writes nothing"),
    ],
)
def test_no_template_outlasts_or_outgrows_its_bounds(template: str, said: str) -> None:
    started = psutil.Process().memory_info().rss
    with pytest.raises(EnvironmentError_, match=said) as caught:
        encode_prompt(tokenizer(template), MESSAGES, enable_thinking=None)
    assert "\n" not in str(caught.value)
    assert psutil.Process().memory_info().rss - started < 100e6
    assert encode_prompt(tokenizer(CHATML), MESSAGES, enable_thinking=None)


def with_start(template: str, *, written: bool = True) -> PreTrainedTokenizerFast:
    """Return a tokenizer that puts <|endoftext|> in front of every text, unless the template writes all there is."""
    chat = tokenizer(template)
    chat.bos_token = "<|endoftext|>"
    if written:
        start = chat.convert_tokens_to_ids("<|endoftext|>")
        chat.backend_tokenizer.post_processor = processors.TemplateProcessing(
            single="<|endoftext|> $A", pair="<|endoftext|> $A $B", special_tokens=[("<|endoftext|>", start)]
        )
    return chat


def test_a_template_without_the_start_token_is_said_with_its_remedy() -> None:
    chat = with_start(CHATML)
    said = missing_start(chat, encode_prompt(chat, MESSAGES, None))
    assert "<|endoftext|>" in said
    chat.chat_template = "{{ bos_token }}" + CHATML  # the remedy, tried
    assert missing_start(chat, encode_prompt(chat, MESSAGES, None)) == ""


@pytest.mark.parametrize(
    "chat", [tokenizer(CHATML), with_start(CHATML, written=False)], ids=["no token", "not written"]
)
def test_a_tokenizer_that_writes_no_start_token_misses_none(chat: PreTrainedTokenizerFast) -> None:
    assert missing_start(chat, encode_prompt(chat, MESSAGES, None)) == ""
