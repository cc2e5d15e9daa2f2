"""End of a program's process: the shutdown steps of CPython that a program can see, and no others.

CPython also frees everything that the interpreter itself holds. That would write to every page shared with the zygote
and cost several times what a short program does. The functions below call code of the program (atexit, `flush`,
`__del__`), which sees no frame of theirs.
"""

from __future__ import annotations

import _signal
import atexit
import contextlib
import io
import os
import resource
import sys
from gc import collect, get_objects, isenabled
from os import _exit  # like those above, by its own name: a program may replace the attribute
from typing import NoReturn

from .bottom import without_frame

_ORIGINALS = tuple((name, f"__{name}__") for name in ("stdin", "stdout", "stderr", "excepthook", "displayhook"))
_HANDLED = (_signal.SIGALRM, _signal.SIGTERM, _signal.SIGUSR1, _signal.SIGUSR2)
_CANNOT_FLUSH = 120  # the exit status of CPython when it cannot flush


@without_frame
def flush_quietly() -> None:
    """Flush the standard streams when the code has ended, before an exception is printed. Errors come up later."""
    for name in ("stderr", "stdout"):
        with contextlib.suppress(BaseException):
            getattr(sys, name).flush()


@without_frame
def report(error: BaseException) -> int:
    """Print an uncaught exception as an interpreter would; return the exit status, -2 for death by SIGINT."""
    if isinstance(error, SystemExit):
        return _status_of(error)
    if isinstance(error, MemoryError):
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    kind, trace = type(error), error.__traceback__
    sys.last_type, sys.last_value, sys.last_traceback = kind, error, trace
    try:
        sys.excepthook(kind, error, trace)
    except SystemExit as leaving:
        return _status_of(leaving)
    except BaseException as fault:  # noqa: BLE001 - the program may have set its own hook
        with contextlib.suppress(BaseException):
            print("Error in sys.excepthook:", file=sys.stderr)
            sys.__excepthook__(type(fault), fault, fault.__traceback__)
            print("\nOriginal exception was:", file=sys.stderr)
            sys.__excepthook__(kind, error, trace)
    return -_signal.SIGINT if kind is KeyboardInterrupt else 1


@without_frame
def leave(status: int) -> NoReturn:
    """Shut down in CPython's order: threads, atexit, flush, `__main__` and its objects, flush; exit with `status`."""
    try:
        # Not imported by us: once loaded, `threading` makes every fork 0.3 ms dearer (100 page faults in its hooks).
        threading = sys.modules.get("threading")
        if threading is not None:
            threading._shutdown()  # joins the threads that are not daemons
            sys.setswitchinterval(1000.0)  # CPython lets daemon threads run no further
    except BaseException as error:  # noqa: BLE001
        _complain(f"Exception ignored in: {threading!r}", error)
    atexit._run_exitfuncs()
    status = _flush(status)
    if isenabled():
        _collect()
    _drop_main()
    _collect()
    _flush_forgotten_files()
    flush_quietly()
    if status == -_signal.SIGINT:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
        os.kill(os.getpid(), _signal.SIGINT)
    _exit(status & 0xFF)


def _status_of(error: SystemExit) -> int:
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF if -(1 << 63) <= error.code < 1 << 63 else 0xFF
    with contextlib.suppress(BaseException):  # a closed or replaced stderr is the program's own choice
        print(error.code, file=sys.stderr)
    return 1


@without_frame
def _flush(status: int) -> int:
    """Flush the standard streams that the program has not closed; return 120 where that fails."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name, None)
        try:
            if stream is not None and not getattr(stream, "closed", False):
                stream.flush()
        except BaseException as error:  # noqa: BLE001
            status = _CANNOT_FLUSH
            if name == "stdout":
                _complain(f"Exception ignored in: {stream!r}", error)
    return status


@without_frame
def _collect() -> None:
    """Collect all garbage. A full collection also frees the free lists, so it waits until there are old objects."""
    collect(2 if get_objects(2) else 1 if get_objects(1) else 0)


@without_frame
def _drop_main() -> None:
    """Drop the last references to the program's globals, so that they go as in CPython: files close, `__del__` runs."""
    names = vars(sys)
    for name, original in _ORIGINALS:
        if names.get(name) is not names.get(original):  # each write here would copy a shared page
            names[name] = names.get(original)
    if "last_value" in names:
        sys.last_type = sys.last_value = sys.last_traceback = None
    for number in _HANDLED:
        if callable(_signal.getsignal(number)):
            _signal.signal(number, _signal.SIG_DFL)
    sys.modules.pop("__main__", None)


@without_frame
def _flush_forgotten_files() -> None:
    """Flush files that something else than `__main__` still holds, such as an attribute of a module."""
    files = [thing for thing in get_objects() if issubclass(type(thing), (io.TextIOWrapper, io.BufferedWriter))]
    for file in sorted(files, key=lambda file: isinstance(file, io.BufferedWriter)) if files else ():  # text goes first
        with contextlib.suppress(BaseException):
            file.flush()


@without_frame
def _complain(where: str, error: BaseException) -> None:
    with contextlib.suppress(BaseException):
        print(where, file=sys.stderr)
        sys.__excepthook__(type(error), error, error.__traceback__)
