"""Where a model lies on this machine (a folder, an asset, the hub's cache) and what that folder lacks.

Looks at names and sizes of files only: light enough for a list of presets. What a weight file holds is checked by
`engine.models.model_files`, before it is loaded.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from engine.errors import CureError
from engine.machine.resources import ASSET_SCHEME, source_path

ADAPTER_FILE, ADAPTER_CONFIG_FILE = "adapter_model.safetensors", "adapter_config.json"
"""What a folder with a LoRA adapter holds, as peft and vLLM read it."""

_TOKENIZERS = (("tokenizer.json",), ("tokenizer.model",), ("vocab.json", "merges.txt"))
_MAIN_REVISION = "main"


def is_folder_source(source: str) -> bool:
    """Whether `source` names a folder or an asset rather than a model on the hub (`owner/name`)."""
    return (
        source.startswith((ASSET_SCHEME, "/", ".", "~")) or source.count("/") > 1 or Path(source).expanduser().exists()
    )


def model_folder(source: str) -> Path | None:
    """The folder that holds `source` on this machine, complete or not; None where there is none."""
    if not is_folder_source(source):
        return cached_snapshot(source)
    try:
        folder = source_path(source)
    except CureError:
        return None
    return folder if folder.is_dir() else None


def hub_folder(name: str) -> Path:
    """Where the hub's client keeps what it fetched of model `name`."""
    home = os.environ.get("HF_HOME") or os.path.join(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE") or f"{home}/hub").expanduser()
    return cache / f"models--{name.replace('/', '--')}"


def cached_snapshot(name: str) -> Path | None:
    """The cached folder of model `name` at its main revision; None where nothing was ever fetched."""
    folder = hub_folder(name)
    try:
        commit = (folder / "refs" / _MAIN_REVISION).read_text().strip()
    except OSError:
        return None
    snapshot = folder / "snapshots" / commit
    return snapshot if commit and snapshot.is_dir() else None


def folder_fault(folder: Path) -> str:
    """What keeps `folder` from being a whole model ("has no config.json"), or ""."""
    if not (folder / "config.json").is_file():
        return "has no config.json"
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        fault = _index_fault(index)
        if fault:
            return fault
    elif not any(folder.glob("*.safetensors")):
        return "has no weights (*.safetensors)"
    if not any(all((folder / file).is_file() for file in files) for files in _TOKENIZERS):
        return "has no tokenizer (tokenizer.json)"
    return ""


def cache_fault(name: str) -> str:
    """What the hub's cache lacks of a model that was begun to be fetched; "" for whole ones and absent ones."""
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
        return f"has {size_mb:,.0f} MB of {len(partial)} files that were begun"
    return ""


def _index_fault(index: Path) -> str:
    try:
        shards = set(json.loads(index.read_text())["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return f"has a broken {index.name}"
    missing = sorted(shard for shard in shards if not (index.parent / shard).is_file())
    if not missing:
        return ""
    return f"lacks {len(missing)} of {len(shards)} weight files, the first is {missing[0]}"


def _size(path: Path) -> int:
    """Bytes of a file that its download may just have renamed."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
