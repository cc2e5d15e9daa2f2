"""Finds a model's folder (given, cached, downloaded) and says what is wrong with it before it is loaded."""

from __future__ import annotations

import urllib.error
import urllib.request
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
from engine.machine.model_folders import cache_fault, folder_fault
from engine.models.download_progress import SECONDS_BETWEEN_REPORTS, OnProgress, lines_on_stderr, progress_bars
from engine.models.faults import first_line

_FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")  # no pickles, no code
_REACH_SECONDS = 10.0


def locate_model(
    name: str,
    allow_download: bool = True,
    on_progress: OnProgress | None = None,
    report_seconds: float = SECONDS_BETWEEN_REPORTS,
) -> Path:
    """The folder that holds model `name`: a folder's path, or a hub name such as `Qwen/Qwen3-4B`.

    A hub name is answered from the local cache where the model is complete there, without asking the network.
    `on_progress` hears of a download every `report_seconds`; by default each report is a line on stderr.

    Raises:
        EnvironmentError_: no such folder; a hub name that is neither cached nor reachable, that does not exist or is
            not open to this user; a download that broke off; a folder without configuration, weights or tokenizer;
            weights that cannot be read. Each with the command that mends it.
    """
    folder = Path(name).expanduser()
    from_hub = not (folder.exists() or _looks_like_path(name))
    if from_hub:
        folder = _from_hub(name, allow_download, on_progress or lines_on_stderr(), report_seconds)
    elif not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise EnvironmentError_(f"model folder {folder} {what}", "check model.source in the preset")
    fault = folder_fault(folder)
    if fault and from_hub:
        raise EnvironmentError_(f"model {name} on the hub {fault}", "name a model with weights in safetensors")
    if fault:
        raise EnvironmentError_(f"model folder {folder} {fault}", "point model.source at a complete model folder")
    _check_weights(folder, f"run `hf download {name} --force-download`" if from_hub else "fetch the file again")
    return folder


def _looks_like_path(name: str) -> bool:
    return name.startswith((".", "~", "/")) or name.count("/") > 1


def _from_hub(name: str, allow_download: bool, on_progress: OnProgress, report_seconds: float) -> Path:
    try:
        # Without the patterns the hub's client misses the files that were left out on purpose.
        cached = Path(snapshot_download(name, local_files_only=True, allow_patterns=list(_FILES)))
        if not folder_fault(cached):
            return cached
    except LocalEntryNotFoundError:
        pass
    except HFValidationError as error:
        raise EnvironmentError_(f"{name!r} is neither a folder nor a hub name", "check model.source") from error
    fault = cache_fault(name)
    absent = f"of model {name} the local cache {fault}" if fault else f"model {name} is not in the local cache"
    remedy = f"connect this machine and run `hf download {name}`, or give the path of a model folder"
    if not allow_download:
        raise EnvironmentError_(absent, remedy)
    _check_reachable(absent, remedy)
    return _download(name, on_progress, report_seconds)


def _check_reachable(absent: str, remedy: str) -> None:
    """One request without retries: the hub's client takes 23 s to find that there is no network."""
    if hub_constants.HF_HUB_OFFLINE:
        raise EnvironmentError_(f"{absent} and HF_HUB_OFFLINE is set", f"unset HF_HUB_OFFLINE; {remedy}")
    try:
        with urllib.request.urlopen(hub_constants.ENDPOINT, timeout=_REACH_SECONDS):
            pass
    except urllib.error.HTTPError:
        pass  # whatever it answered, it is there; the download says what is wrong
    except OSError as error:
        raise EnvironmentError_(f"{absent} and {hub_constants.ENDPOINT} cannot be reached", remedy) from error


def _download(name: str, on_progress: OnProgress, report_seconds: float) -> Path:
    page = f"{hub_constants.ENDPOINT}/{name}"
    try:
        with progress_bars(name, on_progress, report_seconds) as bars:
            return Path(snapshot_download(name, allow_patterns=list(_FILES), tqdm_class=bars))
    except GatedRepoError as error:
        raise EnvironmentError_(
            f"model {name} is gated: its owner wants terms accepted first",
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
                f"the hub refuses model {name} to this user (HTTP {status})",
                f"run `hf auth login` with an account that may read {page}",
            ) from error
        raise EnvironmentError_(
            f"the download of {name} broke off: {first_line(error)}",
            f"start again, or run `hf download {name}`: files that are complete are kept",
        ) from error


def _check_weights(folder: Path, remedy: str) -> None:
    """Read each file's header, which holds its length: a cut-off download shows here, with its name."""
    for file in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(file, framework="pt"):
                pass
        except (SafetensorError, OSError) as error:
            raise EnvironmentError_(f"weights {file} cannot be read: {first_line(error)}", remedy) from error
