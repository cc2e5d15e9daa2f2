"""Folder of a model (given, cached or downloaded), checked before the model is loaded."""

from __future__ import annotations

import math
import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from huggingface_hub import constants as hub_constants
from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)
from huggingface_hub.errors import HTTPError as TransportError  # type: ignore[attr-defined]  # httpx's or httpx2's
from safetensors import SafetensorError, safe_open

from engine.errors import EnvironmentError_
from engine.machine.memory_plan.shape import read_shape
from engine.machine.model_folders import cache_fault, description_fault, folder_fault, gguf_file, gguf_refusal, json_of
from engine.machine.regular_files import check_kind, user_path
from engine.models.download_progress import SECONDS_BETWEEN_REPORTS, OnProgress, lines_on_stderr, progress_bars
from engine.models.faults import first_line

_DESCRIPTION = ("*.json", "*.txt", "*.model", "*.jinja")
_FILES = (*_DESCRIPTION, "*.safetensors")  # no pickles, no code
_REACH_SECONDS = 10.0
_MOST_LAYERS = 10_000
_COUNTED = re.compile(r"(^|_)(layers?|blocks|labels|experts|heads?)$")
"""Names of config.json's fields whose values transformers counts up to, making an object for each number."""
_MOST_PACKED = 16
"""Parameters in a number of a file of weights, at most: quantised ones are packed."""


def locate_model(
    name: str,
    allow_download: bool = True,
    on_progress: OnProgress | None = None,
    report_seconds: float = SECONDS_BETWEEN_REPORTS,
) -> Path:
    """Return the folder of model `name`, which is a folder's path or a hub name such as `Qwen/Qwen3-4B`.

    A complete model in the local cache is used without network access. A download calls `on_progress` every
    `report_seconds`; by default each report is a line on stderr.

    Raises:
        EnvironmentError_: the folder does not exist; the hub's model is neither cached nor reachable, does not exist or
            is not accessible to this user; the download was interrupted; configuration, weights or tokenizer are
            missing or cannot be read. The message names the command that helps.
    """
    folder = user_path(name)
    from_hub = not (os.path.exists(folder) or _looks_like_path(name))
    if from_hub:
        folder = _from_hub(name, allow_download, on_progress or lines_on_stderr(), report_seconds)
    elif file := gguf_file(folder):
        raise EnvironmentError_(*gguf_refusal(file))
    elif not os.path.isdir(folder):
        what = "is not a folder" if os.path.exists(folder) else "does not exist"
        raise EnvironmentError_(f"model folder {folder} {what}", "name the folder of a model")
    fault = folder_fault(folder)
    if fault and from_hub:
        raise EnvironmentError_(f"model {name} on the hub {fault}", "name a model with weights in safetensors")
    if fault:
        raise EnvironmentError_(f"model folder {folder} {fault}", "point model.source at a complete model folder")
    _check_weights(folder, f"run `hf download {name} --force-download`" if from_hub else "fetch the file again")
    return folder


def locate_description(name: str, on_progress: OnProgress | None = None) -> Path:
    """Return a folder with the configuration and the tokenizer of model `name`, whose weights may be elsewhere.

    A model of the hub is fetched without its weights. Raises EnvironmentError_ as `locate_model` does.
    """
    folder = user_path(name)
    if not (os.path.exists(folder) or _looks_like_path(name)):
        progress = on_progress or lines_on_stderr()
        folder = _from_hub(name, True, progress, SECONDS_BETWEEN_REPORTS, _DESCRIPTION, description_fault)
    fault = description_fault(folder)
    if fault:
        raise EnvironmentError_(
            f"model folder {folder} {fault}", "set model.source to the folder that the server serves"
        )
    return folder


def _looks_like_path(name: str) -> bool:
    return name.startswith((".", "~", "/")) or name.count("/") > 1


def _from_hub(
    name: str,
    allow_download: bool,
    on_progress: OnProgress,
    report_seconds: float,
    files: Sequence[str] = _FILES,
    fault_of: Callable[[Path], str] = folder_fault,
) -> Path:
    try:
        # Without the patterns the hub's client counts the files excluded on purpose as missing.
        cached = Path(snapshot_download(name, local_files_only=True, allow_patterns=list(files)))
        if not fault_of(cached):
            return cached
    except LocalEntryNotFoundError:
        pass
    except HFValidationError as error:
        raise EnvironmentError_(f"{name!r} is neither a folder nor a hub name", "check model.source") from error
    fault = cache_fault(name)
    absent = f"the cache of model {name} {fault}" if fault else f"model {name} is not in the local cache"
    remedy = f"connect this machine and run `hf download {name}`, or give the path of a model folder"
    if not allow_download:
        raise EnvironmentError_(absent, remedy)
    _check_reachable(absent, remedy)
    return _download(name, on_progress, report_seconds, files)


def _check_reachable(absent: str, remedy: str) -> None:
    """Send one request without retries: the hub's client takes 23 s to notice that there is no network."""
    if hub_constants.HF_HUB_OFFLINE:
        raise EnvironmentError_(f"{absent} and HF_HUB_OFFLINE is set", f"unset HF_HUB_OFFLINE; {remedy}")
    try:
        with urllib.request.urlopen(hub_constants.ENDPOINT, timeout=_REACH_SECONDS):
            pass
    except urllib.error.HTTPError:
        pass  # any answer means that the hub is reachable; the download reports what is wrong
    except OSError as error:
        raise EnvironmentError_(f"{absent} and {hub_constants.ENDPOINT} cannot be reached", remedy) from error


def _download(name: str, on_progress: OnProgress, report_seconds: float, files: Sequence[str]) -> Path:
    page = f"{hub_constants.ENDPOINT}/{name}"
    try:
        with progress_bars(name, on_progress, report_seconds) as bars:
            return Path(snapshot_download(name, allow_patterns=list(files), tqdm_class=bars))
    except GatedRepoError as error:
        raise EnvironmentError_(
            f"model {name} is gated: its terms must be accepted first",
            f"accept them at {page}, then run `hf auth login`",
        ) from error
    except RepositoryNotFoundError as error:
        raise EnvironmentError_(
            f"the hub has no model {name}, or it is private",
            f"check model.source against {page}; for a private one run `hf auth login`",
        ) from error
    except (HfHubHTTPError, TransportError, OSError) as error:
        status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
        if status in (401, 403):
            raise EnvironmentError_(
                f"the hub denies this user access to model {name} (HTTP {status})",
                f"run `hf auth login` with an account that may read {page}",
            ) from error
        raise EnvironmentError_(
            f"the download of {name} was interrupted: {first_line(error)}",
            f"start again, or run `hf download {name}`: complete files are kept",
        ) from error


def held_parameters(folder: Path, remedy: str = "fetch the file again") -> int:
    """Count the numbers in the files of weights by their headers. Raises EnvironmentError_ for a truncated file."""
    held = 0
    for file in sorted(folder.glob("*.safetensors")):
        try:
            check_kind(os.path.realpath(file))  # a FIFO would never end
            with safe_open(file, framework="pt") as weights:
                held += sum(math.prod(weights.get_slice(name).get_shape()) for name in weights.keys())  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise EnvironmentError_(f"weights {file} cannot be read: {first_line(error)}", remedy) from error
    return held


def check_described(folder: Path, layers: int, parameters: int, held: int, remedy: str) -> None:
    """Raise EnvironmentError_ if config.json describes a model far larger than its weights.

    transformers would make room for all of it before it compares the shapes.
    """
    if not (0 < layers <= _MOST_LAYERS and 0 < parameters <= _MOST_PACKED * held):
        raise EnvironmentError_(
            f"{folder / 'config.json'} describes {min(parameters, 10**18):.3g} parameters in "
            f"{min(layers, 10**18)} layers, the weights hold {held:.3g}",
            remedy,
        )


def _check_weights(folder: Path, remedy: str) -> None:
    """Read each file's header, which holds its length: this finds truncated downloads, by name."""
    held = held_parameters(folder, remedy)
    shape = read_shape(folder / "config.json")
    if shape is not None:
        check_described(folder, shape.layers, shape.parameters, held, remedy)
    for name, value in _numbers(json_of(folder / "config.json")):
        if value > _MOST_LAYERS and _COUNTED.search(name):
            most = f"at most {_MOST_LAYERS} can be used"
            raise EnvironmentError_(f"{folder / 'config.json'}: {name} is {min(value, 10**18):.3g}, {most}", remedy)


def _numbers(tree: object) -> Iterator[tuple[str, float]]:
    """Yield all numbers in a JSON value, each with the name of its field. Not recursive: a file may be deep."""
    left = [("", tree)]
    while left:
        name, value = left.pop()
        if isinstance(value, dict):
            left.extend(value.items())
        elif isinstance(value, list):
            left.extend((name, each) for each in value)
        elif isinstance(value, int | float):
            yield name, value
