"""Cards: a run means one card, the same in plan, trainer and vLLM, whatever CUDA's variables say."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.engine.machine.nvml_cards import DESKTOP, INSTANCES, SECOND, WORKER, with_cards

_ASK = """
import json, os
from engine.machine.probe import probe_machine, card_gb
from engine.machine.process_environment import claim_card
machine = probe_machine()
before, size = dict(os.environ), card_gb()
claim_card()
after = probe_machine()
print(json.dumps({
    "visible": [gpu.uuid for gpu in machine.gpus],
    "card": machine.card and machine.card.uuid,
    "size": size,
    "hidden": machine.hidden_gpus,
    "claimed": os.environ.get("CUDA_VISIBLE_DEVICES"),
    "order": os.environ.get("CUDA_DEVICE_ORDER"),
    "then": [gpu.uuid for gpu in after.gpus],
    "driver": [machine.driver.version, machine.driver.cuda, machine.driver.fault],
    "capability": machine.card and machine.card.capability,
}))
"""


def seen(*cards: dict[str, Any], **variables: str) -> Any:
    """Return what a fresh process on a machine with these cards sees, chooses, and sees once it has claimed it."""
    command = [sys.executable, "-P", "-c", _ASK]
    done = subprocess.run(command, env=with_cards(*cards, **variables), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


D, W, S = (str(card["uuid"]) for card in (DESKTOP, WORKER, SECOND))


def test_the_larger_of_two_cards_is_chosen_and_claimed_by_its_uuid_wherever_it_lies() -> None:
    for cards in ((DESKTOP, WORKER), (WORKER, DESKTOP)):
        found = seen(*cards)
        assert found["card"] == found["claimed"] == W
        assert found["then"] == [W]
        assert found["size"] == pytest.approx(23.99)
        assert found["driver"] == ["580.65.06", "13.0", ""]
        assert found["capability"] == [8, 9]


def test_of_equal_cards_the_one_that_is_free_is_chosen() -> None:
    assert seen(SECOND, WORKER)["card"] == W
    assert seen(WORKER, SECOND)["card"] == W
    barely = WORKER | {"uuid": S, "free": 23.7}
    assert seen(WORKER, barely)["card"] == W  # a tenth of a GiB moves nothing


@pytest.mark.parametrize(
    ("listed", "order", "visible"),
    [
        ("0", "PCI_BUS_ID", [D]),
        ("1", "PCI_BUS_ID", [W]),
        ("1,0", "PCI_BUS_ID", [W, D]),
        ("0", "", [W]),  # the fastest comes first unless CUDA is told otherwise
        ("1", "FASTEST_FIRST", [D]),
        (" 1 , 0 ", "PCI_BUS_ID", [W, D]),
        ("", "", []),
        ("-1", "", []),
        ("NoDevFiles", "", []),
        ("7", "", []),
        ("0,7,1", "PCI_BUS_ID", [D]),  # a list ends before what names no card
        ("0,-1,1", "PCI_BUS_ID", [D]),
        ("0,0", "", []),
        (D, "", [D]),
        (f"{D},{W}", "", [D, W]),
        ("GPU-aaaa", "", [D]),
        ("GPU-", "", []),  # names both
        ("GPU-ffff", "", []),
        ("MIG-ffff", "", []),
    ],
)
def test_the_list_of_visible_cards_is_read_as_cuda_reads_it(listed: str, order: str, visible: list[str]) -> None:
    ordered = {"CUDA_DEVICE_ORDER": order} if order else {}
    found = seen(DESKTOP, WORKER, CUDA_VISIBLE_DEVICES=listed, **ordered)
    assert found["visible"] == visible
    assert found["card"] == (visible[0] if visible else None)
    assert found["hidden"] == 2 - len(visible)
    assert found["claimed"] == (visible[0] if visible else listed)
    assert found["then"] == visible[:1]


def test_a_card_in_mig_mode_is_its_instances() -> None:
    small, large = "MIG-dddd1111-0", "MIG-dddd2222-0"
    assert seen(INSTANCES)["visible"] == [small, large]
    assert seen(INSTANCES)["card"] == large
    assert seen(INSTANCES, CUDA_VISIBLE_DEVICES="0")["visible"] == [small]
    assert seen(INSTANCES, CUDA_VISIBLE_DEVICES=large)["claimed"] == large
    assert seen(INSTANCES, CUDA_VISIBLE_DEVICES="MIG-GPU-cccc4444-0/2/0")["claimed"] == large
    assert seen(INSTANCES, CUDA_VISIBLE_DEVICES="GPU-cccc")["claimed"] == small
    ordered = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    assert seen(INSTANCES, WORKER, CUDA_VISIBLE_DEVICES="1", **ordered)["card"] == W
    assert seen(INSTANCES, WORKER, CUDA_VISIBLE_DEVICES="1", **ordered)["hidden"] == 1


def test_a_card_whose_driver_tells_no_uuid_is_claimed_by_its_place_on_the_bus() -> None:
    nameless = {name: value for name, value in WORKER.items() if name != "uuid"}
    found = seen(DESKTOP, nameless)
    assert (found["claimed"], found["order"]) == ("1", "PCI_BUS_ID")


def test_without_a_card_nothing_is_claimed() -> None:
    found = seen()
    assert (found["card"], found["claimed"], found["size"]) == (None, None, None)


def test_doctor_shows_every_card_with_total_and_free_memory_and_which_one_trains() -> None:
    text = doctor(DESKTOP, WORKER)
    assert "GPU 0      NVIDIA GeForce RTX 4090, 24.0 GiB (23.6 free), compute capability 8.9, trains\n" in text
    assert "GPU 1      NVIDIA GeForce GTX 1660, 6.0 GiB (4.6 free), compute capability 7.5\n" in text
    assert "driver     580.65.06, supports CUDA 13.0; 580 or newer needed\n" in text
    assert "Python.h (Triton builds kernels at run time)\n" in text
    assert "(downloads 8 GB)\n" in text
    assert "1 hidden by CUDA_VISIBLE_DEVICES\n" in doctor(DESKTOP, WORKER, CUDA_VISIBLE_DEVICES=W)
    assert "GPU        none (2 hidden by CUDA_VISIBLE_DEVICES)" in doctor(DESKTOP, WORKER, CUDA_VISIBLE_DEVICES="")


def test_doctor_plans_for_the_card_that_trains() -> None:
    command = ("doctor", "--preset", "qwen3-4b", "--json")
    sizes = [
        json.loads(cure_tui(command, DESKTOP, WORKER, **listed))["gpu_gib"]
        for listed in ({}, {"CUDA_VISIBLE_DEVICES": D})
    ]
    assert sizes == pytest.approx([23.99, 6.0])


def doctor(*cards: dict[str, Any], **variables: str) -> str:
    return cure_tui(("doctor",), *cards, **variables)


def cure_tui(arguments: tuple[str, ...], *cards: dict[str, Any], **variables: str) -> str:
    command = [sys.executable, "-P", "-m", "cure_tui", *arguments]
    hub = {"HF_HUB_CACHE": "/nonexistent"}
    environment = with_cards(*cards, **hub, **variables)
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout
