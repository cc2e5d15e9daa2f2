"""Requests of rewards: the body of a POST to `cure-tui reward serve`, read and measured, without executing anything."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from engine.presets import load_preset
from engine.rewarding.serving.request import MOST_PROGRAMS, Refusal, bytes_needed, read_request
from engine.sandbox import Limits
from tests.fuzz.kind import Kind
from tests.fuzz.mutations import changed_bytes, changed_tree, json_bytes

_FILE = "request.json"
_ANSWER = "**Test Input:**\n```\n1\n```\n**Test Output:**\n```\n2\n```\n"
_REQUEST: Any = {
    "tasks": [
        {
            "programs": ["print(int(input()) * 2)", None, ""],
            "tests": [{"input": "1", "output": "2"}, None],
            "truth": [{"input": "3", "output": "6"}],
            "time_limit": 1.5,
            "compare": "tokens",
        },
        {"coder": ["```python\nprint(1)\n```", "none"], "tester": [_ANSWER, "none"], "truth": []},
    ]
}


def _prepare(place: Path) -> None:
    (place / _FILE).write_text(json.dumps(_REQUEST))


def _mutate(chance: random.Random, place: Path) -> str:
    tree = _REQUEST
    for _ in range(chance.choice((0, 1, 1, 2, 5))):
        tree = changed_tree(chance, tree)
    data = json_bytes(chance, tree)
    data = changed_bytes(chance, data) if chance.random() < 0.2 else data
    (place / _FILE).write_bytes(data)
    return f"{len(data)} bytes"


def _read(place: Path) -> None:
    config = load_preset("nano")
    tasks, refused = [], None
    try:
        tasks = read_request((place / _FILE).read_bytes(), config)
    except Refusal as refusal:
        refused = refusal
    if refused is not None:
        assert refused.status == 400
        assert refused.reason.isprintable()
        assert 0 < len(refused.reason) <= 300
    for task in tasks:
        assert 1 <= len(task.programs) <= MOST_PROGRAMS
        assert task.problem.time_limit > 0
    assert bytes_needed(tasks, Limits.of(config.sandbox)) >= 0


REWARD_REQUEST = Kind(_prepare, _mutate, _read)
