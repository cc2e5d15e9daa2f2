"""Installation: versions, what the presets lack, and one real use of each library on the card."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable

import torch

from engine.machine.probe import probe_machine
from engine.machine.requirements import missing_for
from engine.presets import load_preset
from tests.gpu import workbench as bench


def _torch(device: torch.device) -> str:
    left = torch.randn(1024, 1024, device=device, dtype=torch.bfloat16)
    float((left @ left).float().sum())
    return f"CUDA {torch.version.cuda}" if device.type == "cuda" else "no CUDA"


def _packed_attention(device: torch.device) -> str:
    from engine.policy.packed.attention import kernels_for

    kernels = kernels_for(device, torch.bfloat16)
    return ", ".join(getattr(kernel, "name", str(kernel)) for kernel in kernels)


def _compiled_kernel(device: torch.device) -> str:
    began = time.perf_counter()
    compiled = torch.compile(lambda x: torch.nn.functional.silu(x) * 2 + 1)
    compiled(torch.ones(4096, device=device)).sum().item()
    return f"{time.perf_counter() - began:.1f} s with its compiler"


def _nf4(device: torch.device) -> str:
    from bitsandbytes.functional import dequantize_4bit, quantize_4bit

    weight = torch.randn(512, 512, device=device, dtype=torch.bfloat16)
    packed, state = quantize_4bit(weight, quant_type="nf4")
    error = (dequantize_4bit(packed, state) - weight).abs().mean() / weight.abs().mean()
    return f"mean error {float(error):.1%}"


def _vllm(device: torch.device) -> str:
    command = [sys.executable, "-c", "import vllm; print(vllm.__version__)"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["it does not load"])[-1])
    return done.stdout.strip().splitlines()[-1]


CHECKS: dict[str, Callable[[torch.device], str]] = {
    "torch: a product in bf16": _torch,
    "kernels of packed attention, fastest first": _packed_attention,
    "a kernel compiled at run time": _compiled_kernel,
    "bitsandbytes: NF4 and back": _nf4,
    "vLLM loads": _vllm,
}


def report(arguments: argparse.Namespace) -> None:
    device, machine = bench.start(arguments), probe_machine()
    for preset in ("nano", *arguments.models):
        chosen = load_preset(preset, gpu_memory_gb=arguments.cap_gib)
        missing = missing_for(chosen, machine)
        print(f"- `{preset}`: {'runs here' if not missing else '; '.join(map(str, missing))}")
    print()
    rows = []
    for name, check in CHECKS.items():
        bench.say(name)
        try:
            rows.append([name, "yes", check(device)])
        except Exception as fault:  # noqa: BLE001  (whatever fails here is the finding)
            rows.append(
                [name, "**no**", " ".join(f"{type(fault).__name__}: {fault}".split())[:200].replace("|", "\\|")]
            )
    bench.table(["on this card", "works", ""], rows)
