"""Cards by name: memory bandwidth, which bounds decoding, and dense bf16 throughput, from their data sheets."""

from __future__ import annotations

from dataclasses import dataclass

from engine.machine.cards import Gpu


@dataclass(frozen=True)
class Card:
    """Card of a data sheet: bandwidth in GB/s, dense bf16 with fp32 accumulation in TFLOP/s."""

    name: str
    bandwidth: float
    teraflops: float


CARDS = (
    Card("RTX 3060", 360, 26),
    Card("RTX 3080", 760, 60),
    Card("RTX 3090", 936, 71),
    Card("RTX 4060 Ti", 288, 44),
    Card("RTX 4060", 272, 30),
    Card("RTX 4070", 504, 58),
    Card("RTX 4080", 717, 97),
    Card("RTX 4090", 1008, 165),
    Card("RTX 5070", 672, 62),
    Card("RTX 5080", 960, 113),
    Card("RTX 5090", 1792, 210),
    Card("RTX A6000", 768, 155),
    Card("RTX 6000 Ada", 960, 182),
    Card("T4", 320, 65),
    Card("V100", 900, 125),
    Card("A10", 600, 125),
    Card("L4", 300, 121),
    Card("L40S", 864, 362),
    Card("L40", 864, 181),
    Card("A40", 696, 150),
    Card("A100-SXM4-40GB", 1555, 312),
    Card("A100", 2039, 312),
    Card("H100 PCIe", 2000, 756),
    Card("H100", 3350, 989),
    Card("H200", 4800, 989),
    Card("B200", 8000, 2250),
)

_BY_SIZE = (
    (9, "RTX 4060"), (13, "RTX 4070"), (17, "RTX 4080"), (26, "RTX 4090"), (34, "RTX 5090"), (50, "L40S"), (90, "A100"),
)  # fmt: skip
"""Largest size in GiB -> a usual card of up to that size."""
_LARGEST = "H200"


def card_of(gpu: Gpu) -> tuple[Card, bool]:
    """Return the card's line of the table, and whether its name was found; else a usual card of its size."""
    words = gpu.name.replace("-", " ").replace("_", " ").casefold()
    named = [card for card in CARDS if f" {card.name.replace('-', ' ').casefold()} " in f" {words} "]
    if named:
        return max(named, key=lambda card: len(card.name)), True
    usual = next((name for size, name in _BY_SIZE if gpu.memory_gb <= size), _LARGEST)
    return next(card for card in CARDS if card.name == usual), False
