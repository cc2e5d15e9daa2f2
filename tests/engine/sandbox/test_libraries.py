"""Libraries that programs may import: found by their metadata, warm in cells of their own, and read-only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from engine.errors import ConfigError, EnvironmentError_
from engine.sandbox import Executor, SandboxLevel, Status, check_libraries, found_libraries
from engine.sandbox.launch import Setup
from engine.sandbox.libraries import Offer, find_library, paths_of
from tests.engine.sandbox.bounds import LIMITS

PROGRAMS = {
    "sortedcontainers": (
        "from sortedcontainers import SortedList\ns = SortedList([3, 1])\ns.add(2)\nprint(*s)",
        "1 2 3\n",
    ),
    "networkx": (
        "import networkx as nx\ng = nx.path_graph(4)\nprint(nx.shortest_path_length(g, 0, 3))\n"
        "try: print(int(nx.to_numpy_array(g).sum()))\nexcept ImportError: print(6)",
        "3\n6\n",
    ),
    "sympy": (
        "from sympy import *\nx = Symbol('x')\nprint(solve(x**2 - 4, x), isprime(10**9 + 7), integrate(x * sin(x), x))",
        "[-2, 2] True -x*cos(x) + sin(x)\n",
    ),
    "mpmath": ("import mpmath\nmpmath.mp.dps = 20\nprint(mpmath.pi)", "3.1415926535897932385\n"),
    "scipy": (
        "import numpy as np\nfrom scipy.sparse.csgraph import shortest_path\n"
        "print(shortest_path(np.array([[0, 1, 0], [0, 0, 2], [0, 0, 0]]))[0])",
        "[0. 1. 3.]\n",
    ),
    "more-itertools": ("from more_itertools import chunked\nprint(list(chunked([1, 2, 3], 2)))", "[[1, 2], [3]]\n"),
    "ac-library-python": (
        "from atcoder.fenwicktree import FenwickTree\nf = FenwickTree(5)\nf.add(1, 3)\nprint(f.sum(0, 3))",
        "3\n",
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_an_installed_library_works_at_every_level(library_executor_at_level: Executor, name: str) -> None:
    if find_library(name) is None:
        pytest.skip(f"{name} is not installed")
    source, expected = PROGRAMS[name]
    (outcome,) = library_executor_at_level.run(source, [""])
    assert (outcome.status, outcome.stdout) == (Status.OK, expected), outcome


def test_a_library_costs_a_program_no_import(library_executor_at_level: Executor) -> None:
    library_executor_at_level.run("import sortedcontainers", [""])
    (outcome,) = library_executor_at_level.run("import sys, sortedcontainers\nprint(len(sys.modules))", [""])
    assert outcome.cpu_seconds < 0.1


def test_without_a_setting_only_numpy_is_found(executor_at_level: Executor) -> None:
    for name in ("sortedcontainers", "networkx", "sympy", "hypothesis"):
        (outcome,) = executor_at_level.run(f"import {name}", [""])
        assert f"No module named '{name}'" in outcome.stderr_tail, outcome


def test_only_the_chosen_libraries_are_found(library_executor_at_level: Executor) -> None:
    (outcome,) = library_executor_at_level.run("import sortedcontainers\nimport pytest", [""])
    assert "No module named 'pytest'" in outcome.stderr_tail, outcome


def test_a_program_learns_nothing_of_other_installed_packages(library_executor_at_level: Executor) -> None:
    source = """
import gc, sys, sortedcontainers
print([finder for finder in sys.meta_path if 'Finder' == getattr(finder, '__name__', '')])
print([path for path in (*sys.path, *sys.path_importer_cache) if 'site-packages' in path and 'sorted' not in path])
print([thing for thing in gc.get_objects() if isinstance(thing, (set, list)) and 'pydantic' in thing])
"""
    (outcome,) = library_executor_at_level.run(source, [""])
    assert outcome.stdout == "[]\n[]\n[]\n", outcome


WRITES = {
    "appends to a module": "open(sortedcontainers.__file__, 'a').write('#')",
    "opens it for update by os.open": "os.open(sortedcontainers.__file__, os.O_RDWR)",
    "truncates it": "os.truncate(sortedcontainers.__file__, 0)",
    "adds a module": "open(os.path.dirname(sortedcontainers.__file__) + '/new.py', 'w')",
    "adds a cached module": "os.mkdir(os.path.dirname(sortedcontainers.__file__) + '/new')",
    "deletes one": "os.unlink(sortedcontainers.__file__)",
    "changes its mode": "os.chmod(sortedcontainers.__file__, 0o777)",
}


@pytest.mark.parametrize("name", WRITES)
def test_a_library_is_read_only(library_executor_at_level: Executor, name: str) -> None:
    library = find_library("sortedcontainers")
    assert library is not None
    before = state(Path(library.paths[0]))
    (outcome,) = library_executor_at_level.run(f"import os, sortedcontainers\n{WRITES[name]}\nprint('BREACH')", [""])
    assert outcome.stdout == "", outcome
    assert state(Path(library.paths[0])) == before


def state(folder: Path) -> list[tuple[str, int, int]]:
    stats = [(str(path), path.stat()) for path in sorted(folder.rglob("*")) if "__pycache__" not in str(path)]
    return [(name, each.st_mode, each.st_size) for name, each in stats]


def test_what_lies_beside_a_library_cannot_be_read(library_executor_at_level: Executor) -> None:
    source = f"import sortedcontainers\nprint('BREACH', open({pytest.__file__!r}).read(9))"
    assert library_executor_at_level.run(source, [""])[0].stdout == ""


# Distributions made for these tests --------------------------------------------------------------------------


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    find_library.cache_clear()
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    find_library.cache_clear()


def install(site: Path, name: str, files: dict[str, str], requires: tuple[str, ...] = ()) -> None:
    info = f"{name.replace('-', '_')}-1.0.dist-info"
    lines = [f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0", *(f"Requires-Dist: {line}" for line in requires)]
    files = files | {f"{info}/METADATA": "\n".join(lines) + "\n"}
    files |= {f"{info}/RECORD": "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))}
    for path, text in files.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(text)


def test_a_library_brings_what_it_requires_and_no_stray_folders(site: Path) -> None:
    install(site, "Outer.Lib", {"outer/__init__.py": "import inner", "tests/__init__.py": ""}, ("inner-lib>=1",))
    install(
        site, "inner-lib", {"inner.py": "", "_fast.so": ""}, ("outer_lib; extra == 'all'", "absent; os_name == 'x'")
    )
    outer = find_library("outer-lib")
    assert outer is not None
    assert (outer.modules, outer.requires) == (("outer",), ("inner-lib",))
    real = Path(os.path.realpath(site))
    assert sorted(paths_of(["outer-lib"])) == [str(real / name) for name in ("_fast.so", "inner.py", "outer")]


def test_a_cell_has_the_libraries_that_a_program_names_and_the_offered_ones_that_those_use(site: Path) -> None:
    install(site, "graph-lib", {"graphs.py": ""}, ("matrix-lib; extra == 'default'", "unoffered; extra == 'default'"))
    install(site, "matrix-lib", {"matrices.py": ""})
    install(site, "unoffered", {"unoffered.py": ""})
    offer = Offer(["graph-lib", "matrix-lib"])
    assert offer.named_in(b"import graphs") == ("graph-lib", "matrix-lib")
    assert offer.named_in(b"import matrices") == ("matrix-lib",)
    assert offer.named_in(b"import unoffered") == offer.named_in(b"") == ()


def test_a_library_that_is_not_installed_is_refused_with_a_remedy() -> None:
    with pytest.raises(ConfigError, match="no-such-library") as refused:
        Executor(libraries=["no-such-library"])
    assert "pip install no-such-library" in refused.value.remedy
    assert "no-such-library" not in [library.name for library in found_libraries(["no-such-library"])]


def test_a_library_that_cannot_be_imported_in_a_cell_is_refused(site: Path, best_level: SandboxLevel) -> None:
    site.chmod(0o755)
    install(site, "needs-more", {"needs_more.py": "import pydantic"})
    with pytest.raises(EnvironmentError_, match="needs-more: ModuleNotFoundError: No module named 'pydantic'"):
        check_libraries(best_level, ["needs-more"])
    install(site, "is-enough", {"is_enough.py": "import json"})
    check_libraries(best_level, ["is-enough"])


def test_a_thread_keeps_few_cells_open(site: Path, best_level: SandboxLevel) -> None:
    site.chmod(0o755)
    names = [f"lib-{letter}" for letter in "abcdef"]
    for name in names:
        install(site, name, {f"{name.replace('-', '_')}.py": f"name = {name!r}"})
    before = set(psutil.Process().children())
    with Executor(LIMITS, cells=1, level=best_level, libraries=names) as executor:
        for name in [*names, *names]:
            module = name.replace("-", "_")
            assert executor.run(f"import {module}\nprint({module}.name)", [name])[0].stdout == f"{name}\n"
            assert len(set(psutil.Process().children()) - before) <= 4
        assert executor.cells_lost == 0


def test_plain_programs_share_one_cell_with_any_setting() -> None:
    assert Setup(Offer(["sortedcontainers"]).named_in(b"print(1)")) == Setup(Offer([]).named_in(b"print(1)")) == Setup()
