"""Machines with cards that are not there, for the tests: environments in which a fake NVML describes them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

FAKE = Path(__file__).parent / "fake_nvml"
ROOT = Path(__file__).parents[3]

DESKTOP = {
    "name": "NVIDIA GeForce GTX 1660", "memory": 6.0, "free": 4.6, "uuid": "GPU-aaaa1111-0", "capability": [7, 5],
    "cores": 1408, "clock": 2100,
}  # fmt: skip
WORKER = {
    "name": "NVIDIA GeForce RTX 4090", "memory": 23.99, "free": 23.6, "uuid": "GPU-bbbb2222-0", "capability": [8, 9],
    "cores": 16384, "clock": 3120,
}  # fmt: skip
SECOND = WORKER | {"uuid": "GPU-bbbb3333-0", "free": 9.0}
INSTANCES = {
    "name": "NVIDIA A100 80GB", "memory": 80.0, "free": 79.0, "uuid": "GPU-cccc4444-0", "capability": [8, 0],
    "mig": [
        {"name": "NVIDIA A100 MIG 2g.20gb", "memory": 19.5, "free": 19.4, "uuid": "MIG-dddd1111-0", "gi": 3, "ci": 0},
        None,
        {"name": "NVIDIA A100 MIG 3g.40gb", "memory": 39.5, "free": 39.4, "uuid": "MIG-dddd2222-0", "gi": 2, "ci": 0},
    ],
}  # fmt: skip


def with_cards(*cards: dict[str, Any], **variables: str) -> dict[str, str]:
    """Return the environment of a process on a machine with these cards, in the order of the bus."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CUDA_", "PYTORCH_"))}
    paths = os.pathsep.join([str(FAKE), str(ROOT)])
    return kept | {"FAKE_NVML": json.dumps({"cards": list(cards)}), "PYTHONPATH": paths} | variables
