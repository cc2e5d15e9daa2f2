"""Names of the models that a run holds on its server: what a killed run has written, and nothing else, is unloaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.policy.tinker.held_models import FILE, HeldModels

URL = "http://127.0.0.1:8000"


def test_the_names_that_were_written_last_are_read_on_the_same_server_alone(tmp_path: Path) -> None:
    held = HeldModels(tmp_path, URL)
    assert held.read() == ()
    held.write(["model_1", "model_2"])
    assert HeldModels(tmp_path, URL).read() == ("model_1", "model_2")
    assert HeldModels(tmp_path, "http://other:8000").read() == ()
    held.write([])
    assert held.read() == ()


@pytest.mark.parametrize(
    "content",
    [
        "", "[]", "nonsense", "{}", '{"url": "http://127.0.0.1:8000"}', '{"url": "http://127.0.0.1:8000", "models": 3}',
        '{"url": "http://127.0.0.1:8000", "models": [3]}',
        '{"url": "http://127.0.0.1:8000", "models": ["../../delete", "a b", ""]}',
    ],
)  # fmt: skip
def test_a_corrupt_list_names_no_model(content: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(content)
    assert HeldModels(tmp_path, URL).read() == ()


def test_a_list_that_cannot_be_written_ends_nothing(tmp_path: Path) -> None:
    HeldModels(tmp_path / "gone", URL).write(["model_1"])
