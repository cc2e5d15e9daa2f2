"""Import graph of a synthetic package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.import_graph import circles, entries, import_graph, room_graph

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(**files: str) -> Path:
        """Write a module for each: `top__low="import x"` becomes top/low.py, in packages."""
        for name, source in files.items():
            path = tmp_path / "house" / (name.replace("__", "/") + ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source)
        for folder in {tmp_path / "house", *(path.parent for path in (tmp_path / "house").rglob("*.py"))}:
            (folder / "__init__.py").touch()
        return tmp_path

    return write


def targets(root: Path, name: str) -> set[str]:
    return set(import_graph(root, "house")[name])


@pytest.mark.parametrize(
    "source",
    [
        "import house.b.low",
        "import os, house.b.low as low",
        "from house.b import low",
        "from house.b.low import anything",
        "from .b import low",
        "from .b.low import anything",
        "def later():\n    from house.b import low",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import house.b.low",
        "try:\n    import house.b.low\nexcept ImportError:\n    pass",
    ],
)
def test_every_way_to_import_a_file_counts(write: Write, source: str) -> None:
    assert targets(write(a=source, b__low=""), "house.a") == {"house.b.low"}


def test_a_name_of_a_package_is_an_import_of_the_package(write: Write) -> None:
    assert targets(write(a="from house.b import VALUE", b__low=""), "house.a") == {"house.b"}
    assert targets(write(b__low="from . import VALUE\nfrom .. import a"), "house.b.low") == {"house.b", "house.a"}


def test_what_others_wrote_is_not_in_the_graph(write: Write) -> None:
    assert targets(write(a="import os, rich.live\nfrom numpy import linalg"), "house.a") == set()


def test_a_circle_of_files_is_told_with_its_places(write: Write) -> None:
    root = write(a="\nimport house.b", b="from house.c import x", c="def f():\n    import house.a", d="import house.a")
    (circle,) = circles(import_graph(root, "house"))
    assert set(circle.split(", ")) == {
        "house.a -> house.b (house/a.py:2)",
        "house.b -> house.c (house/b.py:1)",
        "house.c -> house.a (house/c.py:2)",
    }


def test_each_of_several_circles_is_told(write: Write) -> None:
    root = write(a="import house.b", b="import house.a", c="import house.d", d="import house.c")
    assert len(circles(import_graph(root, "house"))) == 2


def test_rooms_form_a_circle_where_no_file_does(write: Write) -> None:
    root = write(a__one="import house.b.one", b__one="", b__two="import house.a.two", a__two="import house.a.one")
    graph = import_graph(root, "house")
    assert circles(graph) == []
    (circle,) = circles(room_graph(graph))
    assert set(circle.split(", ")) == {
        "house.a -> house.b (house/a/one.py:1)",
        "house.b -> house.a (house/b/two.py:1)",
    }


def test_rooms_of_a_room_form_a_circle(write: Write) -> None:
    root = write(
        top__a__one="import house.top.b.one", top__b__one="",
        top__b__two="import house.top.c", top__c="import house.top.a.two", top__a__two="",
    )  # fmt: skip
    graph = import_graph(root, "house")
    assert circles(graph) == []
    (circle,) = circles(room_graph(graph))
    assert set(circle.split(", ")) == {
        "house.top.a -> house.top.b (house/top/a/one.py:1)",
        "house.top.b -> house.top.c (house/top/b/two.py:1)",
        "house.top.c -> house.top.a (house/top/c.py:1)",
    }


def test_a_folder_and_a_module_of_one_folder_form_a_circle(write: Write) -> None:
    root = write(
        top__packed__check="import house.top.adapter", top__adapter="import house.top.packed.low", top__packed__low=""
    )
    (circle,) = circles(room_graph(import_graph(root, "house")))
    assert set(circle.split(", ")) == {
        "house.top.packed -> house.top.adapter (house/top/packed/check.py:1)",
        "house.top.adapter -> house.top.packed (house/top/adapter.py:1)",
    }


def test_a_package_may_hand_on_its_own_files(write: Write) -> None:
    root = write(a____init__="from house.a.one import x", a__one="import house.a.two", a__two="")
    assert circles(import_graph(root, "house")) == []


def test_entries_are_files_and_folders_of_python(write: Write) -> None:
    root = write(a="", b__one="")
    (root / "house" / "__pycache__").mkdir()
    (root / "house" / "static").mkdir()
    (root / "house" / "py.typed").touch()
    assert entries(root / "house") == ["__init__.py", "a.py", "b"]
