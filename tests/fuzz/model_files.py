"""Files of models: adapters, checkpoints, chat templates, tokenizers, whole models, all of them changed ones of nano's."""

from __future__ import annotations

import io
import json
import random
import shutil
import struct
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel

from engine.errors import CureError
from engine.machine.memory_plan.shape import read_shape
from engine.machine.model_folders import ADAPTER_CONFIG_FILE, ADAPTER_FILE, folder_fault, has_chat_template
from engine.machine.resources import asset_path
from engine.models import load_base_model
from engine.models.base_model import load_tokenizer
from engine.models.merged_lora import merge_lora
from engine.models.model_files import locate_model
from engine.policy.adapter import with_adapter
from engine.policy.checkpoint import TRAINER_FILE, load, save
from engine.policy.packed.attach import attach_adapter
from engine.prompts import encode_prompt, opens_thought
from tests.fuzz.kind import Kind, prepare_nothing
from tests.fuzz.mutations import changed_bytes, changed_tree, json_bytes, odd_value, put_odd_file

_MESSAGES = [{"role": "user", "content": "Print the sum of two numbers.\n" * 3}]


@cache
def _nano() -> Any:
    return load_base_model(str(asset_path("nano")))


@cache
def _trained() -> tuple[PeftModel, torch.optim.Optimizer]:
    model = attach_adapter(load_base_model(str(asset_path("nano"))).model, rank=4, alpha=8)
    own = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(own)
    for parameter in own:
        parameter.grad = torch.ones_like(parameter)
    optimiser.step()
    return model, optimiser


def _odd(chance: random.Random, path: Path, place: Path) -> bool:
    """Replace a file by something that is none, now and then."""
    if chance.random() < 0.04:
        put_odd_file(chance, path, place / "precious")
        return True
    return False


def _change_json(chance: random.Random, path: Path) -> str:
    tree = changed_tree(chance, json.loads(path.read_bytes()))
    path.write_bytes(json_bytes(chance, tree))
    return f"a value of {path.name}"


def _change_safetensors(chance: random.Random, path: Path) -> str:
    """Change the header, its length, or bytes anywhere."""
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header, rest = json.loads(data[8 : 8 + size]), data[8 + size :]
    match chance.randrange(8):
        case 0:
            data = changed_bytes(chance, data)
        case 1:
            length = chance.choice((0, 1, size + 1, size - 1, 1 << 40, (1 << 64) - 1, len(data)))
            data = struct.pack("<Q", length) + data[8:]
        case 2:
            name, other = chance.choice(list(header)), chance.choice(list(header))
            header[name], header[other] = header[other], header[name]
            data = _packed(header, rest)
        case 3:
            name = chance.choice([each for each in header if each != "__metadata__"])
            kind = chance.choice(("F64", "F32", "F16", "BF16", "I64", "U8", "BOOL", "F8_E4M3", "C64", "X"))
            header[name]["dtype"] = kind
            data = _packed(header, rest)
        case 4:
            name = chance.choice([each for each in header if each != "__metadata__"])
            shape = header[name]["shape"]
            header[name]["shape"] = chance.choice(
                ([], [0], shape[::-1], [*shape, 1], [1 << 62, 4], [-1], shape[:-1], [1 << 40])
            )
            data = _packed(header, rest)
        case 5:
            name = chance.choice(list(header))
            renamed = chance.choice(
                ("x", name.replace("lora_A", "lora_C"), name.replace("0", "99"), name + ".x", "\x1b[31m", "")
            )
            header[renamed] = header.pop(name)
            data = _packed(header, rest)
        case _:
            changed = changed_tree(chance, header)
            body = json_bytes(chance, changed)
            data = struct.pack("<Q", len(body)) + body + rest
    path.write_bytes(data)
    return f"{path.name}"


def _packed(header: object, rest: bytes) -> bytes:
    body = json.dumps(header).encode()
    return struct.pack("<Q", len(body)) + body + rest


# Adapters and checkpoints -----------------------------------------------------------------------------------------


def _prepare_checkpoint(place: Path) -> None:
    model, optimiser = _trained()
    (place / "home" / "step").mkdir()
    save(place / "home" / "step", model, optimiser, 3)


def _mutate_adapter(chance: random.Random, place: Path) -> str:
    folder = place / "home" / "step"
    done = []
    for _ in range(chance.choice((1, 1, 2))):
        path = folder / chance.choice((ADAPTER_CONFIG_FILE, ADAPTER_FILE, ADAPTER_FILE))
        with suppress(Exception):  # changed once, a file may be none to change again
            if _odd(chance, path, place):
                done.append(f"odd {path.name}")
            elif path.suffix == ".json":
                done.append(_change_json(chance, path))
            else:
                done.append(_change_safetensors(chance, path))
    return ", ".join(done)


def _merge(place: Path) -> None:
    model, folder = _nano().model, place / "home" / "step"
    with suppress(CureError):
        with_adapter(model, folder).unload()
    merge_lora(model, folder)


def _mutate_checkpoint(chance: random.Random, place: Path) -> str:
    path = place / "home" / "step" / TRAINER_FILE
    if chance.random() < 0.3:
        return _mutate_adapter(chance, place)
    if _odd(chance, path, place):
        return "odd"
    if chance.random() < 0.4:
        path.write_bytes(changed_bytes(chance, path.read_bytes()))
        return "bytes of the state"
    state = torch.load(path, weights_only=True)
    for _ in range(chance.choice((1, 1, 2))):
        state = _changed_state(chance, state)
    packed = io.BytesIO()
    torch.save(state, packed)
    path.write_bytes(packed.getvalue())
    return "a value of the state"


def _changed_state(chance: random.Random, tree: Any) -> Any:
    """Replace a value of a trainer's state, which holds tensors too."""
    if isinstance(tree, dict) and tree and chance.random() < 0.9:
        name = chance.choice(list(tree))
        if chance.random() < 0.1:
            return {key: value for key, value in tree.items() if key != name}
        return tree | {name: _changed_state(chance, tree[name])}
    if isinstance(tree, list) and tree and chance.random() < 0.9:
        at = chance.randrange(len(tree))
        return [*tree[:at], _changed_state(chance, tree[at]), *tree[at + 1 :]]
    tensors = (torch.zeros(0), torch.zeros(3, 3), torch.full((2,), float("nan")), torch.zeros(5056, dtype=torch.uint8),
               torch.zeros(1, dtype=torch.int64), torch.tensor(1e30), torch.zeros(1 << 20))  # fmt: skip
    return chance.choice((chance.choice(tensors), odd_value(chance)))


def _resume(place: Path) -> None:
    model, optimiser = _trained()
    load(place / "home" / "step", model, optimiser)
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            parameter.grad = torch.zeros_like(parameter)
    optimiser.step()


# Chat templates ---------------------------------------------------------------------------------------------------

_TEMPLATE = """{%- if tools %}{{ tools | tojson }}{% endif -%}
{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}{% endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}
{%- if enable_thinking is defined and enable_thinking is false %}{{ '<think>\n\n</think>\n\n' }}{% endif %}{% endif %}"""
_ODD_TEMPLATES = (
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
    "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}", "{{ 'x' * 10000000000 }}", "{{ 'x' * 400000000 }}", "{{ 9 ** 9 ** 9 }}",
    "{% set ns = namespace(x='xx') %}{% for a in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}",
    "{{ '%999999999d' % 1 }}", "{{ 'x'.ljust(4000000000) }}", "{{ lipsum(n=1000000) }}", "{{ raise_exception('no') }}",
    "{{ 1 / 0 }}", "{{ messages[9] }}", "{{ messages.x.y }}", "{{ ''.__class__.__mro__ }}", "{% include 'x' %}", "{{ x | bogus }}",
    "{% for", "{{ " + "(" * 5000 + ")" * 5000 + " }}", "{{ " + "a." * 5000 + "b }}", "{% if 1 %}" * 300, "", "{# x #}", "{{ '' }}",
    "{{ messages | tojson(indent=999999999) }}", "{{ strftime_now('%Y' * 100000) }}", "{{ 'x' | center(4000000000) }}",
    "{{ range(100000000) | list | length }}", "{{ [0] * 4000000000 }}", "{{ 'a' | replace('a', 'b' * 400000000) }}",
    "{% set x = [] %}{% for a in range(99999) %}{% set _ = x.append(x) %}{% endfor %}{{ x }}", "{{ '\x1b]0;x\x07' }}",
    "{{ messages[0]['content'] * 100000 }}", "{% generation %}x{% endgeneration %}", "{% break %}", "{{ '<|im_start|>' * 90000 }}",
    "{% for m in messages %}{{ m.content.format(m) }}{% endfor %}{{ '{0.__class__}'.format(1) }}", "\ud800", "x" * 300_000,
)  # fmt: skip


def _mutate_template(chance: random.Random, place: Path) -> str:
    odd = chance.choice(_ODD_TEMPLATES)
    at = chance.choice((0, len(_TEMPLATE), _TEMPLATE.index("{%- if add")))
    match chance.randrange(4):
        case 0:
            text = odd
        case 1:
            text = changed_bytes(chance, _TEMPLATE.encode()).decode("utf-8", "replace")
        case _:
            text = _TEMPLATE[:at] + odd + _TEMPLATE[at:]
    (place / "home" / "template").write_text(text, encoding="utf-8", errors="replace")
    return odd[:80]


def _render(place: Path) -> None:
    file = place / "home" / "template"
    tokenizer = _nano().tokenizer
    before = tokenizer.chat_template
    try:
        tokenizer.chat_template = file.read_text(encoding="utf-8") if file.exists() else _TEMPLATE
        for thinking in (None, False):
            prompt = encode_prompt(tokenizer, _MESSAGES, thinking)
            assert prompt
            opens_thought(tokenizer, prompt)
    finally:
        tokenizer.chat_template = before


# Tokenizers and models --------------------------------------------------------------------------------------------


def _prepare_model(place: Path) -> None:
    shutil.copytree(
        asset_path("nano"), place / "home" / "model", ignore=shutil.ignore_patterns("tasks", "README.md"),
        dirs_exist_ok=True,
    )  # fmt: skip


def _mutate_tokenizer(chance: random.Random, place: Path) -> str:
    folder = place / "home" / "model"
    path = folder / chance.choice(("tokenizer.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"))
    if _odd(chance, path, place):
        return f"odd {path.name}"
    if path.suffix == ".jinja" or chance.random() < 0.2:
        path.write_bytes(changed_bytes(chance, path.read_bytes()))
        return f"bytes of {path.name}"
    return _change_json(chance, path)


def _encode(place: Path) -> None:
    folder = place / "home" / "model"
    has_chat_template(folder)
    if folder_fault(folder):
        raise CureError(folder_fault(folder))
    tokenizer = load_tokenizer(folder)
    prompt = encode_prompt(tokenizer, _MESSAGES, None)
    opens_thought(tokenizer, prompt)
    tokenizer.decode(list(prompt), skip_special_tokens=True)


def _mutate_model(chance: random.Random, place: Path) -> str:
    folder = place / "home" / "model"
    path = folder / chance.choice(("config.json", "config.json", "config.json", "model.safetensors", "generation_config.json",
                                   "model.safetensors.index.json"))  # fmt: skip
    if path.name.endswith("index.json"):
        path.write_text(json.dumps({"metadata": {}, "weight_map": {"model.norm.weight": "model.safetensors"}}))
    if _odd(chance, path, place):
        return f"odd {path.name}"
    if path.name == "config.json" and chance.random() < 0.4:
        tree = json.loads(path.read_bytes())
        name = chance.choice(("num_hidden_layers", "hidden_size", "intermediate_size", "vocab_size", "num_attention_heads",
                              "num_key_value_heads", "head_dim", "max_position_embeddings"))  # fmt: skip
        tree[name] = chance.choice((0, -1, 1, 7, 10_000, 10**6, 10**9, 10**18, 2.5, "4", None))
        if name == "num_hidden_layers":
            tree.pop("layer_types")
        path.write_text(json.dumps(tree))
        return f"{name} = {tree[name]}"
    if path.suffix == ".json":
        return _change_json(chance, path)
    return _change_safetensors(chance, path)


def _load(place: Path) -> None:
    folder = place / "home" / "model"
    read_shape(folder / "config.json")
    locate_model(str(folder), allow_download=False)
    model = load_base_model(str(folder)).model
    with torch.no_grad():
        model(torch.tensor([[1, 2, 3]]))


ADAPTER = Kind(_prepare_checkpoint, _mutate_adapter, _merge)
CHECKPOINT = Kind(_prepare_checkpoint, _mutate_checkpoint, _resume)
TEMPLATE = Kind(prepare_nothing, _mutate_template, _render)
TOKENIZER = Kind(_prepare_model, _mutate_tokenizer, _encode)
MODEL = Kind(_prepare_model, _mutate_model, _load)
