"""NVIDIA's management library (NVML): the cards and the driver of this machine, without starting CUDA."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from engine.machine.cards import Gpu

T = TypeVar("T")


@dataclass(frozen=True)
class Driver:
    """NVIDIA driver. fault: its own error message if it cannot be queried."""

    version: str = ""
    cuda: str = ""
    """Newest CUDA version that it supports, such as "12.8"; empty without a driver."""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class CardUse:
    """Use of a card by all programs, as shares: of the last second that it was busy, and of its memory."""

    busy: float
    memory: float


def open_card(uuid: str) -> Callable[[], CardUse | None] | None:
    """Return a reader of the use of a card; None where the driver does not tell it, as of a MIG instance.

    It keeps NVML open until the process ends: opening it takes some tenths of a second.
    """
    try:
        import pynvml

        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByUUID(uuid)
    except Exception:  # noqa: BLE001  (an old binding raises errors of its own: a run must not end for a curve)
        return None

    def read() -> CardUse | None:
        try:
            busy = pynvml.nvmlDeviceGetUtilizationRates(handle).gpu
            memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
        except pynvml.NVMLError:
            return None
        return CardUse(busy / 100, memory.used / memory.total)

    return read if read() is not None else None


def cards_and_driver() -> tuple[tuple[Gpu, ...], Driver]:
    """Query the driver's management library (NVML) for all CUDA devices, in the order of the bus; none without one."""
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
        return tuple(gpu for index in range(count) for gpu in _devices_of_card(index)), driver
    except pynvml.NVMLError as error:
        return (), Driver(fault=str(error))
    finally:
        pynvml.nvmlShutdown()


def _devices_of_card(index: int) -> Iterator[Gpu]:
    """Yield the card, or its instances if it is in MIG mode: CUDA computes on nothing else then."""
    import pynvml

    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    card = _gpu(handle, index)
    mode = _if_supported(lambda: pynvml.nvmlDeviceGetMigMode(handle)[0], pynvml.NVML_DEVICE_MIG_DISABLE)
    if mode != pynvml.NVML_DEVICE_MIG_ENABLE:
        yield card
        return
    for number in range(pynvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
        try:
            instance = pynvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, number)
        except pynvml.NVMLError_NotFound:
            continue
        places = (pynvml.nvmlDeviceGetGpuInstanceId(instance), pynvml.nvmlDeviceGetComputeInstanceId(instance))
        yield replace(
            _gpu(instance, index),
            capability=card.capability,
            speed=card.speed,
            mig_of=card.uuid,
            legacy_uuid=f"MIG-{card.uuid}/{places[0]}/{places[1]}",
        )


def _gpu(handle: Any, index: int) -> Gpu:
    import pynvml

    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    cores = _if_supported(lambda: int(pynvml.nvmlDeviceGetNumGpuCores(handle)), 0)
    clock = _if_supported(lambda: int(pynvml.nvmlDeviceGetMaxClockInfo(handle, pynvml.NVML_CLOCK_SM)), 0)
    return Gpu(
        _text(pynvml.nvmlDeviceGetName(handle)),
        memory.total / 2**30,
        memory.free / 2**30,
        uuid=_text(_if_supported(lambda: pynvml.nvmlDeviceGetUUID(handle), "")),
        index=index,
        capability=_if_supported(lambda: tuple(pynvml.nvmlDeviceGetCudaComputeCapability(handle)), None),
        speed=float(cores * clock),
    )


def _if_supported(query: Callable[[], T], otherwise: T) -> T:
    """Return the answer, or `otherwise` where card or driver do not give it."""
    import pynvml

    try:
        return query()
    except pynvml.NVMLError:
        return otherwise


def _text(answer: str | bytes) -> str:
    """Decode an answer of NVML, which older versions of the binding return as bytes."""
    return answer if isinstance(answer, str) else answer.decode()
