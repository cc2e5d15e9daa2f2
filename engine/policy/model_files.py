"""Finds a model's folder (given, cached, downloaded) and says what is wrong with it before it is loaded."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path

from huggingface_hub import constants as hub_constants
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from safetensors import SafetensorError, safe_open

from engine.errors import EnvironmentError_
from engine.policy.faults import first_line

_FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")  # no pickles, no code
_TOKENIZERS = (("tokenizer.json",), ("tokenizer.model",), ("vocab.json", "merges.txt"))
_REACH_SECONDS = 10.0


def locate_model(name: str, allow_download: bool = True) -> Path:
    """The folder that holds model `name`: a folder's path, or a hub name such as `Qwen/Qwen3-4B`.

    A hub name is answered from the local cache where the model is complete there, without asking the network.

    Raises:
        EnvironmentError_: no such folder; a hub name that is neither cached nor reachable; a folder without
            configuration, weights or tokenizer; weights that cannot be read.
    """
    folder = Path(name).expanduser()
    if folder.exists() or _looks_like_path(name):
        if not folder.is_dir():
            what = "is not a folder" if folder.exists() else "does not exist"
            raise EnvironmentError_(f"model folder {folder} {what}", "check model.name in the preset")
    else:
        folder = _from_hub(name, allow_download)
    fault = _incomplete(folder)
    if fault:
        raise EnvironmentError_(f"model folder {folder} {fault}", "point model.name at a complete model folder")
    _check_weights(folder)
    return folder


def _looks_like_path(name: str) -> bool:
    return name.startswith((".", "~", "/")) or name.count("/") > 1


def _from_hub(name: str, allow_download: bool) -> Path:
    remedy = "connect this machine once, or give the path of a model folder"
    try:
        cached = Path(snapshot_download(name, local_files_only=True))
        if not _incomplete(cached):
            return cached
    except LocalEntryNotFoundError:
        pass
    except HFValidationError as error:
        raise EnvironmentError_(f"{name!r} is neither a folder nor a hub name", "check model.name") from error
    if not allow_download:
        raise EnvironmentError_(f"model {name} is not in the local cache", remedy)
    _check_reachable(name, remedy)
    try:
        return Path(snapshot_download(name, allow_patterns=list(_FILES)))
    except (HfHubHTTPError, OSError) as error:
        raise EnvironmentError_(f"download of {name} failed: {first_line(error)}", remedy) from error


def _check_reachable(name: str, remedy: str) -> None:
    """One request without retries: the hub's client takes 23 s to find that there is no network."""
    if hub_constants.HF_HUB_OFFLINE:
        raise EnvironmentError_(f"model {name} is not in the local cache and HF_HUB_OFFLINE is set", remedy)
    try:
        with urllib.request.urlopen(hub_constants.ENDPOINT, timeout=_REACH_SECONDS):
            pass
    except urllib.error.HTTPError:
        pass  # whatever it answered, it is there; the download says what is wrong
    except OSError as error:
        raise EnvironmentError_(
            f"model {name} is not in the local cache and {hub_constants.ENDPOINT} cannot be reached", remedy
        ) from error


def _incomplete(folder: Path) -> str:
    """What `folder` lacks, or nothing."""
    if not (folder / "config.json").is_file():
        return "has no config.json"
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        try:
            shards = set(json.loads(index.read_text())["weight_map"].values())
        except (ValueError, KeyError, TypeError, AttributeError):
            return f"has a broken {index.name}"
        missing = sorted(shard for shard in shards if not (folder / shard).is_file())
        if missing:
            return f"lacks {len(missing)} of {len(shards)} weight files, the first is {missing[0]}"
    elif not any(folder.glob("*.safetensors")):
        return "has no weights (*.safetensors)"
    if not any(all((folder / file).is_file() for file in files) for files in _TOKENIZERS):
        return "has no tokenizer (tokenizer.json)"
    return ""


def _check_weights(folder: Path) -> None:
    """Read each file's header, which holds its length: a cut-off download shows here, with its name."""
    for file in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(file, framework="pt"):
                pass
        except (SafetensorError, OSError) as error:
            raise EnvironmentError_(
                f"weights {file} cannot be read: {first_line(error)}", "fetch the file again"
            ) from error
