"""CUDA cards that a process may use, in CUDA's order, and the one that a run trains on.

The driver's management library (NVML) lists every card in the order of the PCI bus. CUDA sees fewer of them, in another
order: `CUDA_VISIBLE_DEVICES` selects by number or UUID, `CUDA_DEVICE_ORDER` says what the numbers count. A run chooses
one card once and hands its UUID to all its processes, so that plan, trainer and vLLM mean the same one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

VISIBLE, ORDER = "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"


@dataclass(frozen=True)
class Gpu:
    """CUDA device, as its driver describes it; sizes in GiB."""

    name: str
    memory_gb: float
    free_gb: float
    uuid: str = ""
    index: int = 0
    """Number in the order of the PCI bus, which NVML and `nvidia-smi` count in."""
    capability: tuple[int, int] | None = None
    """Compute capability, such as (8, 9); None if unknown."""
    speed: float = 0.0
    """Cores times clock: an estimate of what CUDA orders by unless told otherwise."""
    mig_of: str = ""
    """UUID of the card that this is an instance of; empty for a whole card."""
    legacy_uuid: str = ""
    """Name of a MIG instance in the form of older drivers: MIG-<card>/<GPU instance>/<compute instance>."""


def visible_cards(cards: Sequence[Gpu], environment: Mapping[str, str]) -> tuple[Gpu, ...]:
    """Return the cards that CUDA shows to a process with these variables, in its order.

    cards: all of the machine, in the order of the PCI bus; of a card in MIG mode its instances.

    As in CUDA, a list ends before its first entry that names no card, and one that names a card twice shows none.
    CUDA's default order is documented as fastest first, without saying what it measures: here it is an estimate, which
    matters only for numbers on a machine with different cards.
    """
    cards = _in_cudas_order(cards, environment.get(ORDER, ""))
    listed = environment.get(VISIBLE)
    if listed is None:
        return tuple(cards)
    found: list[Gpu] = []
    for entry in listed.split(","):
        card = _named(entry.strip(), cards)
        if card is None:
            break
        if card in found:
            return ()
        found.append(card)
    return tuple(found)


def chosen_card(visible: Sequence[Gpu], environment: Mapping[str, str]) -> Gpu | None:
    """Return the card to train on: the first that the user has listed, else the largest, of equal ones the most free.

    Free memory counts in whole GiB, so that a desktop's small changes do not move a run from card to card.
    """
    if not visible:
        return None
    if environment.get(VISIBLE) is not None:
        return visible[0]
    return max(visible, key=lambda gpu: (round(gpu.memory_gb, 1), round(gpu.free_gb)))


def card_variables(card: Gpu) -> dict[str, str]:
    """Return the environment variables that make `card` the only one, number 0, of a process."""
    if card.uuid:
        return {VISIBLE: card.uuid}
    return {VISIBLE: str(card.index), ORDER: "PCI_BUS_ID"}


def _in_cudas_order(cards: Sequence[Gpu], order: str) -> list[Gpu]:
    by_bus = sorted(cards, key=lambda gpu: gpu.index)
    return by_bus if order.strip() == "PCI_BUS_ID" else sorted(by_bus, key=lambda gpu: -gpu.speed)


def _named(entry: str, cards: Sequence[Gpu]) -> Gpu | None:
    """Return the card that an entry of CUDA_VISIBLE_DEVICES names; a UUID may be cut short where it stays unique."""
    if entry.startswith(("GPU-", "MIG-")):
        exact = [gpu for gpu in cards if entry in (gpu.uuid, gpu.legacy_uuid)]
        begun = [gpu for gpu in cards if gpu.uuid.startswith(entry) or gpu.mig_of.startswith(entry)]
        devices = {gpu.mig_of or gpu.uuid for gpu in begun} if entry.startswith("GPU-") else {gpu.uuid for gpu in begun}
        found = exact or (begun if len(devices) == 1 else [])
        return found[0] if found else None
    number = re.match(r"\+?[0-9]+", entry)  # like C's strtoul, which CUDA reads numbers with
    # Numbers count whole cards; of a card in MIG mode CUDA takes the first instance.
    whole = list({gpu.mig_of or gpu.uuid or str(gpu.index): gpu for gpu in reversed(cards)}.values())[::-1]
    return whole[int(number.group())] if number and int(number.group()) < len(whole) else None
