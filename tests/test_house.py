"""The plan of the house: no circles of imports, and few things at the top of a package."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.import_graph import circles, entries, import_graph, room_graph

ROOT = Path(__file__).parents[1]


def test_no_files_import_each_other_in_a_circle() -> None:
    found = circles(import_graph(ROOT, "engine", "cure_tui"))
    assert not found, "\n".join(found)


def test_no_rooms_import_each_other_in_a_circle() -> None:
    found = circles(room_graph(import_graph(ROOT, "engine", "cure_tui")))
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("package", "most"), [("engine", 24), ("cure_tui", 14)])
def test_few_things_stand_at_the_top_of_a_package(package: str, most: int) -> None:
    found = entries(ROOT / package)
    assert len(found) <= most, f"{len(found)}: {', '.join(found)}"
