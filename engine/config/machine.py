"""What this machine has: cores, memory, disk, GPUs, library versions. Loads none of those libraries."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

LIBRARIES = ("torch", "transformers", "peft", "textual", "vllm", "bitsandbytes")
"""The libraries whose versions decide what can run here."""


@dataclass(frozen=True)
class Gpu:
    """One CUDA device, as its driver describes it."""

    name: str
    memory_gb: float
    free_gb: float


@dataclass(frozen=True)
class Machine:
    """A snapshot; sizes in GiB."""

    python: str
    system: str
    cores: int
    memory_gb: float
    free_memory_gb: float
    disk_free_gb: float
    gpus: tuple[Gpu, ...]
    libraries: tuple[tuple[str, str], ...]
    """Name and version of each of LIBRARIES that is installed."""

    def version_of(self, library: str) -> str | None:
        return dict(self.libraries).get(library)


def probe_machine(folder: Path | None = None) -> Machine:
    """Look at this machine. `folder`: whose disk to look at (default: the working directory)."""
    import psutil

    memory = psutil.virtual_memory()
    return Machine(
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        cores=_usable_cores(),
        memory_gb=memory.total / 2**30,
        free_memory_gb=memory.available / 2**30,
        disk_free_gb=psutil.disk_usage(str(_existing(folder or Path.cwd()))).free / 2**30,
        gpus=_gpus(),
        libraries=tuple((name, version) for name in LIBRARIES if (version := _version(name)) is not None),
    )


def _usable_cores() -> int:
    """Cores that this process may use, which a container may have restricted."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _existing(folder: Path) -> Path:
    """`folder`, or the nearest one above it that exists."""
    folder = folder.expanduser().resolve()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _version(library: str) -> str | None:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None


def _gpus() -> tuple[Gpu, ...]:
    """CUDA devices by way of the driver's management library; none where there is no driver."""
    try:
        import pynvml
    except ImportError:
        return ()
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return ()
    try:
        return tuple(_gpu(pynvml.nvmlDeviceGetHandleByIndex(index)) for index in range(pynvml.nvmlDeviceGetCount()))
    except pynvml.NVMLError:
        return ()
    finally:
        pynvml.nvmlShutdown()


def _gpu(handle: object) -> Gpu:
    import pynvml

    name = pynvml.nvmlDeviceGetName(handle)
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    return Gpu(name if isinstance(name, str) else name.decode(), memory.total / 2**30, memory.free / 2**30)
