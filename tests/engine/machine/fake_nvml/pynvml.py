"""Fake of NVIDIA's management library: the cards that FAKE_NVML describes in JSON, in the order of the PCI bus.

A card: name, memory and free in GiB, uuid, capability, cores, clock, and `mig`: a list of instances (name, memory,
free, uuid, gi, ci), with empty places as null. A query that a card does not describe is not supported. With this folder
on PYTHONPATH any process sees the fake in place of the binding.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

NVML_DEVICE_MIG_DISABLE, NVML_DEVICE_MIG_ENABLE, NVML_CLOCK_SM = 0, 1, 1


class NVMLError(Exception):
    pass


class NVMLError_LibraryNotFound(NVMLError):
    pass


class NVMLError_DriverNotLoaded(NVMLError):
    pass


class NVMLError_NotSupported(NVMLError):
    pass


class NVMLError_NotFound(NVMLError):
    pass


@dataclass
class Memory:
    total: int
    free: int


def _described() -> Any:
    return json.loads(os.environ["FAKE_NVML"])


def nvmlInit() -> None:
    if "FAKE_NVML" not in os.environ:
        raise NVMLError_LibraryNotFound


def nvmlShutdown() -> None:
    pass


def nvmlSystemGetCudaDriverVersion_v2() -> int:
    return int(_described().get("cuda", 13000))


def nvmlSystemGetDriverVersion() -> bytes:
    return str(_described().get("driver", "580.65.06")).encode()


def nvmlDeviceGetCount() -> int:
    return len(_described()["cards"])


def nvmlDeviceGetHandleByIndex(index: int) -> Any:
    return _described()["cards"][index]


def nvmlDeviceGetMemoryInfo(handle: Any) -> Memory:
    return Memory(int(handle["memory"] * 2**30), int(handle["free"] * 2**30))


def nvmlDeviceGetMigMode(handle: Any) -> tuple[int, int]:
    if "mig" not in handle:
        raise NVMLError_NotSupported
    return NVML_DEVICE_MIG_ENABLE, NVML_DEVICE_MIG_ENABLE


def nvmlDeviceGetMaxMigDeviceCount(handle: Any) -> int:
    return len(handle["mig"])


def nvmlDeviceGetMigDeviceHandleByIndex(handle: Any, index: int) -> Any:
    if handle["mig"][index] is None:
        raise NVMLError_NotFound
    return handle["mig"][index]


def _asked(name: str, handle: Any) -> Any:
    if name not in handle:
        raise NVMLError_NotSupported
    return handle[name]


def nvmlDeviceGetName(handle: Any) -> str:
    return str(handle["name"])


def nvmlDeviceGetUUID(handle: Any) -> str:
    return str(_asked("uuid", handle))


def nvmlDeviceGetCudaComputeCapability(handle: Any) -> list[int]:
    return list(_asked("capability", handle))


def nvmlDeviceGetNumGpuCores(handle: Any) -> int:
    return int(_asked("cores", handle))


def nvmlDeviceGetMaxClockInfo(handle: Any, kind: int) -> int:
    return int(_asked("clock", handle))


def nvmlDeviceGetGpuInstanceId(handle: Any) -> int:
    return int(_asked("gi", handle))


def nvmlDeviceGetComputeInstanceId(handle: Any) -> int:
    return int(_asked("ci", handle))
