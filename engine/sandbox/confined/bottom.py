"""Bottom of a program's stack: no frame of the sandbox below it, and nothing of the sandbox within reach of `gc`.

A program is to run as by `python program.py`: the same stack, the same depth of recursion. Returning out of zygote and
host first would free their objects, and write to 80 more pages shared with them. Instead their frames are hidden, and
the chain of frames is cut below the zygote's. Where CPython's structures do not look as expected, nothing is changed:
the `-c` code of the cell is visible then.
"""

from __future__ import annotations

import _weakref
import ctypes
import gc
import opcode
import sys
from collections.abc import Callable
from itertools import pairwise
from types import CellType, FrameType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:  # programs would find it by `gc`
    _Function = TypeVar("_Function", bound=Callable[..., Any])

_forget = ctypes.pythonapi.PyObject_GC_UnTrack
_forget.argtypes = [ctypes.py_object]
_forget.restype = None
_clear_weakref: Any = getattr(ctypes.pythonapi, "_PyWeakref_ClearRef", None)  # no public part of CPython
if _clear_weakref is not None:
    _clear_weakref.argtypes = [ctypes.py_object]
    _clear_weakref.restype = None


def without_frame(function: _Function) -> _Function:
    """Hide the frames of `function` from f_back, inspect and tracebacks; return it.

    CPython takes a frame that has not reached its RESUME instruction for incomplete and skips it; here it never comes.
    """
    assert isinstance(function, FunctionType)
    code = bytearray(function.__code__.co_code)
    code[2 * code[::2].index(opcode.opmap["RESUME"])] = opcode.opmap["NOP"]
    function.__code__ = function.__code__.replace(co_code=bytes(code))
    return function


def forget_all(*things: object) -> None:
    """Take objects from the collector's lists. Only for those that live as long as the process."""
    for thing in things:
        _forget(thing)


def cut_below(frame: FrameType) -> None:
    """Make `frame` the last one of the stack. It must never return."""
    if _previous_at is not None:
        ctypes.c_void_p.from_address(_inner(frame) + _previous_at).value = None
    _forget(frame)


def reset_recursion() -> None:
    """Give the caller's caller, which starts a program by `exec`, the levels of recursion of an empty stack."""
    if _levels_left is not None:
        _levels_left.value = sys.getrecursionlimit() - 1


def _inner(frame: FrameType) -> int:
    """Return the address of the interpreter's frame: the field after f_back."""
    return ctypes.c_void_p.from_address(id(frame) + object.__basicsize__ + ctypes.sizeof(ctypes.c_void_p)).value or 0


def _find_previous() -> int | None:
    """Find the offset of a frame's link to the one below it; None where CPython keeps it otherwise."""
    frame = sys._getframe()
    below = frame.f_back
    assert below is not None
    offsets = range(0, 12 * ctypes.sizeof(ctypes.c_void_p), ctypes.sizeof(ctypes.c_void_p))
    links = (at for at in offsets if ctypes.c_void_p.from_address(_inner(frame) + at).value == _inner(below))
    return next(links, None)


def _find_levels_left() -> ctypes.c_int | None:
    """Find the levels of recursion left to this thread, in CPython's thread state; None where it looks otherwise.

    The counter stands before the limit, which is found by setting it to a number that occurs nowhere else.
    """
    thread_state = ctypes.pythonapi.PyThreadState_Get
    thread_state.restype = ctypes.c_void_p
    words = [ctypes.c_int.from_address(thread_state() + at * ctypes.sizeof(ctypes.c_int)) for at in range(40)]
    limit, sign = sys.getrecursionlimit(), 54_321
    sys.setrecursionlimit(sign)
    found = (left for left, at in pairwise(words) if at.value == sign and sign - 100 < left.value < sign)
    levels_left = next(found, None)
    sys.setrecursionlimit(limit)
    return levels_left


_OF_ANY_MODULE = dict, list, tuple, set, classmethod, staticmethod, property, CellType
_previous_at = _find_previous()
_levels_left = _find_levels_left()


def hide(package: str, *others: object) -> None:
    """Remove `package` from the modules, and make the collector and `__subclasses__` forget its objects, and `others`.

    They live as long as the process: the collector has nothing to do with them.
    """
    pending = [sys.modules.pop(name) for name in list(sys.modules) if _is_part(name, package)] + list(others)
    modules = [module for module in sys.modules.values() if isinstance(module, ModuleType)]
    seen = {id(pending), id(others), id(modules), id(sys.modules), *(id(vars(module)) for module in modules)}
    while pending:
        thing = pending.pop()
        if id(thing) in seen or not gc.is_tracked(thing) or _is_foreign(thing, package):
            continue
        seen.add(id(thing))
        pending += [type(thing), *gc.get_referents(thing)]
        for reference in _weakref.getweakrefs(thing) if isinstance(thing, type) else ():
            if _clear_weakref is not None and type(reference) is _weakref.ref:  # by which a class knows its subclasses
                _clear_weakref(reference)
        _forget(thing)


def _is_part(name: object, package: str) -> bool:
    return str(name).partition(".")[0] == package


def _is_foreign(thing: Any, package: str) -> bool:
    if isinstance(thing, ModuleType):
        return not _is_part(thing.__name__, package)
    if isinstance(thing, (type, FunctionType)):
        return not _is_part(thing.__module__, package)
    return not isinstance(thing, _OF_ANY_MODULE) and not _is_part(type(thing).__module__, package)
