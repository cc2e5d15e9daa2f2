"""A program finds nothing of the sandbox: not on the stack, nor through the collector, in locals or in arguments."""

from __future__ import annotations

import pytest

from engine.sandbox import Executor, Status

LOOKS = {
    "frames": (
        "import inspect, sys, traceback\n"
        "print(sys._getframe().f_back, len(inspect.stack()), len(traceback.extract_stack()))\n"
        "print([f.f_back for f in sys._current_frames().values()])",
        "None 1 1\n[None]\n",
    ),
    "frames of a callback": (
        "import sys\ndef f():\n  n, frame = 0, sys._getframe()\n"
        "  while frame: n, frame = n + 1, frame.f_back\n  return n\n"
        "class A:\n  def __del__(s): print(f())\nA()\nprint(f(), max([1], key=lambda _: f() and print(f())))",
        "3\n3\n2 1\n",
    ),
    "frames in a traceback": (
        "def f(): 1/0\ntry: f()\nexcept ZeroDivisionError as e:\n  t, n = e.__traceback__, 0\n"
        "  while t: t, n = t.tb_next, n + 1\n  print(n)",
        "2\n",
    ),
    "frames at exit": (
        "import atexit, sys\natexit.register(lambda: print(sys._getframe().f_back))\n"
        "class A:\n  def __del__(s): print(sys._getframe().f_back)\na = A()\n"
        "class W:\n  write = sys.stdout.write\n  def flush(s): print(sys._getframe().f_back, file=sys.__stdout__)\n"
        "sys.stdout = W()",
        "None\n" * 4,
    ),
    "recursion": (
        "n = 0\ndef f():\n  global n\n  n += 1\n  f()\ntry: f()\nexcept RecursionError: print(n)",
        "999\n",
    ),
    "locals": ("print(sorted(k for k in {**locals(), **globals()} if not k.startswith('__')))", "[]\n"),
    "arguments": (
        "import ctypes, sys\nargc, argv = ctypes.c_int(), ctypes.POINTER(ctypes.c_wchar_p)()\n"
        "ctypes.pythonapi.Py_GetArgcArgv(ctypes.byref(argc), ctypes.byref(argv))\n"
        "told = ' '.join(argv[n] for n in range(argc.value))\n"
        "print(sys.argv, any(word in told for word in ('memory', 'seconds', 'bytes', 'limit', '{')))",
        "['program.py'] False\n",
    ),
    "modules": ("import sys\nprint([m for m in sys.modules if 'confined' in m or 'zygote' in m])", "[]\n"),
    "subclasses": (
        "def below(c):\n  for s in type.__subclasses__(c):\n    yield s\n    yield from below(s)\n"
        "print([c for c in below(object) if 'confined' in str(c.__module__)])",
        "[]\n",
    ),
}
BY_COLLECTOR = """
import gc
lengths = {int('1111'), int('2222')}  # of the inputs of this batch
frozen = input().startswith('unfreeze')
if frozen: gc.unfreeze()
def names(thing):
    for holder in (thing, type(thing)):
        for attribute in ('__module__', '__name__', '__qualname__'):
            yield str(getattr(holder, attribute, ''))
found = []
things = gc.get_objects()
for thing in things:
    if any(name.partition('.')[0] == 'confined' for name in names(thing)):
        found.append(repr(thing)[:80])
    elif isinstance(thing, dict) and len(thing) < 1000 and thing is not globals():
        found += {'sticky_after', 'strikes', 'input_bytes', 'cpu_limit', 'host_pid'} & set(thing)
    elif isinstance(thing, (tuple, list)) and lengths & set(n for n in thing if n.__class__ is int):
        found.append(repr(thing)[:80])
print(found)
"""


@pytest.mark.parametrize("name", LOOKS)
def test_nothing_of_the_sandbox_is_in_sight(executor_at_level: Executor, name: str) -> None:
    source, expected = LOOKS[name]
    (outcome,) = executor_at_level.run(source, ["1"])
    assert (outcome.status, outcome.stdout) == (Status.OK, expected), outcome


@pytest.mark.parametrize("first_line", ["as it is", "unfreeze"])
def test_the_collector_knows_nothing_of_the_sandbox(executor_at_level: Executor, first_line: str) -> None:
    inputs = [first_line + "\n" + "x" * (size - len(first_line) - 1) for size in (1111, 2222)]
    outcomes = executor_at_level.run(BY_COLLECTOR, inputs)
    assert [outcome.stdout for outcome in outcomes] == ["[]\n", "[]\n"], outcomes
