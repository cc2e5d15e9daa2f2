"""An adapter's archive of a server: unpacked safely, checked, and with an adapter_config.json of our own.

SkyRL writes `target_modules: null`, with which peft adapts two of seven kinds of layers without a word. The server may
be anybody's: of its archive two regular files are read, at most so many bytes, under names of our own.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, Any

from safetensors import SafetensorError, safe_open

from engine.errors import RunError
from engine.machine.model_folders import ADAPTER_CONFIG_FILE, ADAPTER_FILE
from engine.servers.replies import one_line

MAX_ADAPTER_BYTES = 16 * 2**30
_MAX_CONFIG_BYTES = 1 << 20
_MAX_MEMBERS = 1000
_FACTOR = re.compile(r"base_model\.model\.(?P<layer>[\w.]+)\.lora_(?P<side>[AB])\.weight")
_BUFFER = 1 << 20
_REMEDY = "look into the server's log; the run itself can be resumed"


class _Bounded(io.RawIOBase):
    """Reader that raises after so many bytes: a small archive may unpack to anything."""

    def __init__(self, inner: IO[bytes] | gzip.GzipFile, most: int) -> None:
        self._inner, self._left = inner, most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._inner.read(len(buffer))
        self._left -= len(piece)
        if self._left < 0:
            raise tarfile.TarError("it unpacks to more than an adapter can be")
        buffer[: len(piece)] = piece
        return len(piece)


def unpack_adapter(archive: Path, folder: Path, *, base: str, rank: int, alpha: float, most: int) -> None:
    """Write the adapter of `archive` into `folder` in peft's format.

    base: name for the config. most: bytes that it may unpack to. Raises RunError: no adapter, another rank or alpha.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / ADAPTER_FILE
    try:
        server_config = _extract(archive, weights, most)
        layers = _layers(weights, rank)
    except (OSError, EOFError, tarfile.TarError, zlib.error, SafetensorError, ValueError) as error:
        weights.unlink(missing_ok=True)
        raise RunError(f"the server's archive holds no adapter: {one_line(str(error))}", _REMEDY) from error
    said = server_config.get("lora_alpha", alpha)
    if said != alpha:
        weights.unlink()
        raise RunError(
            f"the server trains with lora_alpha {one_line(str(said))}, the run with {alpha:g}",
            "set policy.lora_alpha to the server's",
        )
    config = _config(base, rank, alpha, layers)
    (folder / ADAPTER_CONFIG_FILE).write_text(json.dumps(config, indent=2) + "\n")


def _extract(archive: Path, weights: Path, most: int) -> dict[str, Any]:
    """Write the adapter's weights into `weights`; return the server's config, {} for none that can be read."""
    config: dict[str, Any] = {}
    found = False
    with archive.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        plain: IO[bytes] | gzip.GzipFile = gzip.GzipFile(fileobj=raw) if packed else raw
        with tarfile.open(fileobj=io.BufferedReader(_Bounded(plain, most), _BUFFER), mode="r|") as members:
            for number, member in enumerate(members):
                if number >= _MAX_MEMBERS:
                    raise ValueError("it has thousands of files")
                content = members.extractfile(member) if member.isreg() else None
                name = PurePosixPath(member.name).name
                if content is None:
                    continue
                if name == ADAPTER_FILE and not found:
                    found = True
                    _copy(content, weights)
                elif name == ADAPTER_CONFIG_FILE and member.size <= _MAX_CONFIG_BYTES:
                    config = _json_object(content.read())
    if not found:
        raise ValueError(f"{ADAPTER_FILE} is not in it: a server that keeps merged models exports no adapters")
    return config


def _copy(content: IO[bytes], target: Path) -> None:
    with target.open("wb") as opened:
        while piece := content.read(_BUFFER):
            opened.write(piece)


def _json_object(content: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _layers(weights: Path, rank: int) -> list[str]:
    """Return the kinds of layers that a file adapts: q_proj, v_proj ... Raises ValueError: it is no LoRA of `rank`."""
    sides: dict[str, set[str]] = {}
    with safe_open(weights, framework="np") as tensors:
        for name in tensors.keys():  # noqa: SIM118 - it is no dict
            found = _FACTOR.fullmatch(name)
            shape = tensors.get_slice(name).get_shape()
            if found is None or len(shape) != 2:
                raise ValueError(f"{name} is no factor of LoRA")
            if shape[0 if found["side"] == "A" else 1] != rank:
                raise ValueError(f"{name} has shape {tuple(shape)}, which is none of rank {rank}")
            sides.setdefault(found["layer"], set()).add(found["side"])
    if not sides or any(pair != {"A", "B"} for pair in sides.values()):
        raise ValueError("it lacks factors of LoRA")
    return sorted({layer.rpartition(".")[2] for layer in sides})


def _config(base: str, rank: int, alpha: float, layers: list[str]) -> dict[str, Any]:
    return {
        "base_model_name_or_path": base,
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "init_lora_weights": True,
        "lora_alpha": int(alpha) if alpha == int(alpha) else alpha,
        "lora_dropout": 0.0,
        "modules_to_save": None,
        "peft_type": "LORA",
        "r": rank,
        "target_modules": layers,
        "task_type": "CAUSAL_LM",
        "use_dora": False,
        "use_rslora": False,
    }
