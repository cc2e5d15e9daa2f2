"""Location of models on this machine (a folder, an asset, the hub's cache), and checks that they are complete.

Reads only names and sizes of files, fast enough for a list of presets. `engine.models.model_files` checks the contents
of weight files before they are loaded.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path

from engine.errors import CureError
from engine.machine.regular_files import read_regular, user_path
from engine.machine.resources import ASSET_SCHEME, source_path

ADAPTER_FILE, ADAPTER_CONFIG_FILE = "adapter_model.safetensors", "adapter_config.json"
"""Files of a LoRA adapter, as peft and vLLM read it."""

_TOKENIZERS = (("tokenizer.json",), ("tokenizer.model",), ("vocab.json", "merges.txt"))
_MAIN_REVISION = "main"
_MOST_BYTES = 64 << 20
"""Bytes of a JSON file of a model; the largest indices of weights have a few MB."""
_CACHED = "models--"
_HUB_NAME = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)?")


def is_folder_source(source: str) -> bool:
    """Return whether `source` names a folder or an asset, not a model on the hub (`owner/name`)."""
    return (
        source.startswith((ASSET_SCHEME, "/", ".", "~")) or source.count("/") > 1 or os.path.exists(user_path(source))
    )


def model_folder(source: str) -> Path | None:
    """Return the folder of `source` on this machine, complete or not; None if there is none."""
    if not is_folder_source(source):
        return cached_snapshot(source)
    try:
        folder = source_path(source)
    except CureError:
        return None
    return folder if os.path.isdir(folder) else None


def hub_cache() -> Path:
    """Return the cache of the hub's client."""
    home = os.environ.get("HF_HOME") or os.path.join(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "huggingface")
    return Path(os.environ.get("HF_HUB_CACHE") or f"{home}/hub").expanduser()


def hub_folder(name: str) -> Path:
    """Return the folder of model `name` in the cache of the hub's client."""
    return hub_cache() / f"{_CACHED}{name.replace('/', '--')}"


def cached_chat_models() -> list[tuple[str, int]]:
    """Return the complete chat models of the cache that write text, each with the bytes of its weights.

    Those are the ones that `locate_model` loads by name: the client's own scan of the cache lists incomplete ones too,
    and reads the size of every file of every revision.
    """
    names = [path.name.removeprefix(_CACHED).replace("--", "/", 1) for path in sorted(hub_cache().glob(f"{_CACHED}*"))]
    folders = ((name, cached_snapshot(name)) for name in names if _HUB_NAME.fullmatch(name))
    return [
        (name, sum(_size(file) for file in folder.glob("*.safetensors")))
        for name, folder in folders
        if folder is not None and not folder_fault(folder) and _writes_text(folder) and has_chat_template(folder)
    ]


def has_chat_template(folder: Path) -> bool:
    """Return whether the model in `folder` brings a chat template, in a file of its own or in its tokenizer's."""
    if (folder / "chat_template.jinja").is_file() or (folder / "chat_template.json").is_file():
        return True
    return bool(json_of(folder / "tokenizer_config.json").get("chat_template"))


def cached_snapshot(name: str) -> Path | None:
    """Return the cached folder of model `name` at its main revision; None if it was never fetched."""
    folder = hub_folder(name)
    try:
        commit = read_regular(folder / "refs" / _MAIN_REVISION, 1000).decode().strip()
    except (OSError, ValueError):
        return None
    snapshot = folder / "snapshots" / commit
    return snapshot if commit and os.path.isdir(snapshot) else None


def folder_fault(folder: Path) -> str:
    """Return why `folder` is not a complete model, such as "has no config.json"; "" if it is complete."""
    if not (folder / "config.json").is_file():
        return "has no config.json"
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        fault = _index_fault(index)
        if fault:
            return fault
    elif not any(folder.glob("*.safetensors")):
        return "has no weights (*.safetensors)"
    return description_fault(folder)


def description_fault(folder: Path) -> str:
    """Return why `folder` does not describe a model and its tokenizer; "" if it does, with or without weights."""
    if not (folder / "config.json").is_file():
        return "has no config.json"
    if not any(all((folder / file).is_file() for file in files) for files in _TOKENIZERS):
        return "has no tokenizer (tokenizer.json)"
    return ""


def gguf_file(path: Path) -> Path | None:
    """Return the GGUF file that `path` is, or that it holds as a folder without other weights; None otherwise."""
    if not os.path.isdir(path):  # of os.path, which refuses names that no file can have instead of raising
        return path if path.suffix.lower() == ".gguf" and os.path.isfile(path) else None
    if any(path.glob("*.safetensors")):
        return None
    return next((file for file in sorted(path.glob("*")) if file.suffix.lower() == ".gguf"), None)


def gguf_refusal(file: Path) -> tuple[str, str]:
    """Return what is wrong with a GGUF file as a model, and what reads it."""
    return (
        f"{file} is GGUF, which llama.cpp reads and cure-tui does not",
        f"to solve with it, run `llama-server -m {shlex.quote(str(file))}` and take "
        "openai:any@http://localhost:8080/v1 as --coder and --tester; "
        "to train, name the model's folder with safetensors",
    )


def cache_fault(name: str) -> str:
    """Return what is missing from a partial download in the hub's cache; "" for complete and absent models."""
    folder = hub_folder(name)
    if not folder.is_dir():
        return ""
    snapshot = cached_snapshot(name)
    fault = folder_fault(snapshot) if snapshot else ""
    if fault:
        return fault
    partial = list((folder / "blobs").glob("*.incomplete"))
    if partial and snapshot is None:
        size_mb = sum(_size(blob) for blob in partial) / 1e6
        return f"has {size_mb:,.0f} MB of {len(partial)} partly downloaded files"
    return ""


def _index_fault(index: Path) -> str:
    try:
        shards = set(json.loads(read_regular(index, _MOST_BYTES))["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return f"has a broken {index.name}"
    if not all(isinstance(shard, str) for shard in shards):
        return f"has a broken {index.name}"
    missing = sorted(shard for shard in shards if not os.path.isfile(index.parent / shard))
    if not missing:
        return ""
    return f"lacks {len(missing)} of {len(shards)} weight files, the first is {missing[0]}"


def _writes_text(folder: Path) -> bool:
    architectures = json_of(folder / "config.json").get("architectures")
    return isinstance(architectures, list) and any(str(each).endswith("ForCausalLM") for each in architectures)


def json_of(file: Path) -> dict[str, object]:
    """Read a JSON object; empty if there is none."""
    try:
        found = json.loads(read_regular(file, _MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _size(path: Path) -> int:
    """Return the bytes of a file; 0 if its download has just renamed it."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def download_gb(source: str, parameters_b: float) -> float:
    """Return the GB that a run would fetch of model `source` first, at 16 bits a number; 0 if it is here."""
    if is_folder_source(source):
        return 0.0
    snapshot = cached_snapshot(source)
    return 0.0 if snapshot is not None and not folder_fault(snapshot) else 2.0 * parameters_b
