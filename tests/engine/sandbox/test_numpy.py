"""Programs that use numpy: confined like all others, at no cost to programs without it."""

from __future__ import annotations

import pytest

from engine.sandbox import Executor, Status

PROGRAMS = {
    "arrays": ("import numpy as np\nprint(np.arange(6).reshape(2, 3).sum(axis=0))", "[3 5 7]\n"),
    "linear algebra": ("import numpy\nprint(round(float(numpy.linalg.det(numpy.eye(3) * 2))))", "8\n"),
    "a large product": ("import numpy as np\nprint(int((np.ones((300, 300)) @ np.ones((300, 300)))[0, 0]))", "300\n"),
    "random numbers": ("import numpy as np\nprint(np.random.default_rng(0).integers(10) < 10)", "True\n"),
    "import by name": ("m = __import__('numpy')\nprint(m.int64(3))", "3\n"),
    "reading input": ("import sys, numpy as np\nprint(np.array(sys.stdin.read().split(), int).max())", "9\n"),
    "polynomials": ("import numpy as np\nprint(np.polynomial.Polynomial([1, 2])(3))", "7.0\n"),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_numpy_works_at_every_level(executor_at_level: Executor, name: str) -> None:
    source, expected = PROGRAMS[name]
    (outcome,) = executor_at_level.run(source, ["4 9 2\n"])
    assert (outcome.status, outcome.stdout) == (Status.OK, expected), outcome


def test_no_other_installed_package_is_found(executor_at_level: Executor) -> None:
    (outcome,) = executor_at_level.run("import numpy\nimport pytest", [""])
    assert outcome.status is Status.RUNTIME_ERROR
    assert "ModuleNotFoundError" in outcome.stderr_tail, outcome.stderr_tail


def test_a_numpy_array_over_the_memory_limit_is_a_memory_limit(executor: Executor) -> None:
    (outcome,) = executor.run("import numpy as np\nx = np.ones(10**9)", [""])
    assert outcome.status in (Status.MEMORY_LIMIT, Status.RUNTIME_ERROR), outcome
    assert "MemoryError" in outcome.stderr_tail


def test_a_numpy_program_may_use_its_whole_memory_limit(executor: Executor) -> None:
    (outcome,) = executor.run(
        "import numpy as np\nx = np.ones(200 << 17)\nprint(x.nbytes >> 20)", [""], cpu_seconds=5.0
    )
    assert outcome.stdout == "200\n", outcome


def test_programs_without_numpy_start_as_small_as_ever(executor: Executor) -> None:
    plain, with_numpy = (executor.run(f"{start}\nprint(1)", [""])[0] for start in ("import math", "import numpy"))
    assert plain.peak_mb < 16 < with_numpy.peak_mb


HOSTILE = {
    "reads the user's files": "print('BREACH', open('/etc/passwd').read())",
    "starts a process": "import os\nos.fork()\nprint('BREACH')",
    "opens a socket": "import socket\nsocket.socket()\nprint('BREACH')",
    "writes beside numpy": "open(numpy.__file__, 'a')\nprint('BREACH')",
    "unpickles a call": (
        "import os, pickle, io\nclass A:\n  def __reduce__(s): return os.system, ('true',)\n"
        "b = io.BytesIO(); numpy.save(b, numpy.array([A()], object)); b.seek(0)\n"
        "if numpy.load(b, allow_pickle=True)[0] == 0: print('BREACH')"
    ),
    "reads by memory map": "print('BREACH', numpy.memmap('/etc/passwd', mode='r')[:9])",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_numpy_opens_no_way_out(executor_at_level: Executor, name: str) -> None:
    (outcome,) = executor_at_level.run(f"import numpy\n{HOSTILE[name]}", [""])
    assert "BREACH" not in outcome.stdout, outcome
    assert outcome.status in (Status.OK, Status.RUNTIME_ERROR), outcome
