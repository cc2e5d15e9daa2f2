"""Tests of an adapter's archive: null target_modules are replaced, and an archive of an attacker does no harm."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from engine.errors import RunError
from engine.policy.tinker.archive import unpack_adapter

LAYER = "base_model.model.model.layers.{}.{}.lora_{}.weight"
KINDS = ("mlp.down_proj", "self_attn.k_proj", "self_attn.q_proj")


def factors(rank: int = 2) -> dict[str, np.ndarray]:
    """Return factors of two layers of three kinds."""
    shapes = {"A": (rank, 4), "B": (4, rank)}
    return {
        LAYER.format(layer, kind, side): np.ones(shape, np.float32)
        for layer in range(2)
        for kind in KINDS
        for side, shape in shapes.items()
    }


def archive(path: Path, *members: tuple[str | tarfile.TarInfo, bytes], mode: str = "w:gz") -> Path:
    """Write a tar file."""
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, content in members:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


CONFIG = ("adapter_config.json", json.dumps({"target_modules": None, "r": 2, "lora_alpha": 32}).encode())
WEIGHTS = ("adapter_model.safetensors", save(factors()))


def unpack(file: Path, folder: Path, *, rank: int = 2, alpha: float = 32.0, most: int = 1 << 20) -> None:
    unpack_adapter(file, folder, base="served/model", rank=rank, alpha=alpha, most=most)


@pytest.mark.parametrize("mode", ["w:gz", "w"])
def test_null_target_modules_become_every_adapted_kind_of_layer(tmp_path: Path, mode: str) -> None:
    unpack(archive(tmp_path / "a", WEIGHTS, CONFIG, mode=mode), tmp_path / "out")
    config = json.loads((tmp_path / "out" / "adapter_config.json").read_text())
    assert config["target_modules"] == ["down_proj", "k_proj", "q_proj"]
    assert (config["r"], config["lora_alpha"], config["base_model_name_or_path"]) == (2, 32, "served/model")
    assert (tmp_path / "out" / "adapter_model.safetensors").read_bytes() == WEIGHTS[1]


def test_another_alpha_than_the_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="lora_alpha 32, the run with 64"):
        unpack(archive(tmp_path / "a", WEIGHTS, CONFIG), tmp_path / "out", alpha=64.0)
    assert not list((tmp_path / "out").iterdir())


def _link(name: str, target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    return info


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ([("model.safetensors", b"merged"), CONFIG], "merged models"),
        ([(_link("adapter_model.safetensors", "/etc/passwd"), b""), CONFIG], "is not in it"),
        ([("adapter_model.safetensors", b"no tensors")], "no adapter"),
        ([("adapter_model.safetensors", save(factors(3)))], "rank 2"),
        ([("adapter_model.safetensors", save({"lm_head.weight": np.ones((2, 2), np.float32)}))], "no factor of LoRA"),
        ([("adapter_model.safetensors", save({LAYER.format(0, KINDS[0], "A"): np.ones((2, 4), np.float32)}))], "lacks"),
        ([("bomb", bytes(1 << 21)), WEIGHTS], "more than an adapter"),
        ([(f"file-{number}", b"") for number in range(1001)], "thousands"),
    ],
)
def test_an_archive_of_anything_else_is_refused_and_nothing_is_left(
    tmp_path: Path, members: list[tuple[str, bytes]], reason: str
) -> None:
    with pytest.raises(RunError, match=reason):
        unpack(archive(tmp_path / "a", *members), tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_a_member_is_written_under_our_name_whatever_its_path(tmp_path: Path) -> None:
    evil = [("../../escaped", b"x"), ("/abs/adapter_model.safetensors", WEIGHTS[1])]
    unpack(archive(tmp_path / "a", *evil), tmp_path / "in" / "out")
    names = {each.name for each in tmp_path.rglob("*") if each.is_file()}
    assert names == {"a", "adapter_model.safetensors", "adapter_config.json"}


@pytest.mark.parametrize("content", [b"", b"\x1f\x8bbroken", b"plain text" * 100])
def test_a_broken_archive_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(RunError, match="holds no adapter"):
        unpack(tmp_path / "a", tmp_path / "out")
