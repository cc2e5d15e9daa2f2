"""Zygote: the warm interpreter of a cell. It confines itself, then forks one host per request.

The trusted side starts it as `python -s -P -S -B -X utf8 -c ...` in a clean environment, with the control socket as
fd 0, and sends its settings; it exits when that socket closes. It is single-threaded and small on purpose: every fork
copies the page tables of all its mappings.
"""

from __future__ import annotations

import _sitebuiltins
import _socket
import array
import builtins
import contextlib
import gc
import importlib
import io
import os
import select
import signal
import sys
from collections.abc import Callable
from typing import Any, NoReturn, cast

from . import bottom, confine, host, wire
from .bottom import without_frame
from .program import FILE_NAME, Cage

READY = b"ready"
# Common imports of short programs. Each makes a fork 0.00-0.03 ms dearer (measured) and saves 0.1-10 ms of import.
WARM = """
    sys math collections itertools functools re heapq bisect string operator typing copy array time io
    os enum abc contextlib keyword types
"""
NUMPY_WHEN_CLOSED = "numpy.random numpy.fft numpy.polynomial numpy.ma"
# What the libraries themselves import late. A program that had to would spend 0.3 s of its limit on scipy's.
LIBRARY_PARTS = {
    "scipy": """
        scipy.sparse.csgraph scipy.sparse.linalg scipy.special scipy.linalg scipy.optimize scipy.spatial scipy.signal
        scipy.fft scipy.ndimage scipy.interpolate scipy.integrate scipy.stats
    """,
    "sympy": """
        sympy.assumptions.wrapper sympy.codegen.ast sympy.combinatorics sympy.integrals.heurisch
        sympy.integrals.manualintegrate sympy.integrals.risch sympy.physics.units sympy.sets.handlers.functions
        sympy.sets.handlers.issubset sympy.sets.setexpr sympy.tensor.tensor
    """,
    "atcoder": """
        atcoder.convolution atcoder.dsu atcoder.fenwicktree atcoder.lazysegtree atcoder.math atcoder.maxflow
        atcoder.mincostflow atcoder.modint atcoder.scc atcoder.segtree atcoder.string atcoder.twosat
    """,
}


@without_frame
def main() -> NoReturn:
    """Serve until the socket closes."""
    control = _socket.socket(fileno=os.dup(0))
    settings = wire.Settings.from_bytes(control.recv(1 << 16))
    confine.die_with_parent(os.getppid())
    _reset_signals()
    _make_standard_streams()
    _tidy_interpreter(settings)
    cage = _confine(settings)
    _offer_standard_paths(settings)
    bottom.cut_below(sys._getframe())
    bottom.hide(__name__.partition(".")[0], cage)
    gc.freeze()
    control.send(READY)
    while _serve_one(control, cage):
        pass
    os._exit(0)


def _reset_signals() -> None:
    """Undo what the parent has ignored or blocked: a process that ignores SIGCHLD cannot wait for its children."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:  # Python itself ignores these two
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _make_standard_streams() -> None:
    """Build the standard streams over memory files, once; each program replaces the files beneath them by dup2."""
    for number in (0, 1):
        empty = os.memfd_create("empty")
        os.dup2(empty, number)
        os.close(empty)
    raw = [io.FileIO(number, mode, closefd=False) for number, mode in enumerate(("r", "w", "w"))]
    read = io.TextIOWrapper(io.BufferedReader(raw[0]), "utf-8", "surrogateescape", "\n")
    write = io.TextIOWrapper(io.BufferedWriter(raw[1]), "utf-8", "surrogateescape", "\n")
    complain = io.TextIOWrapper(io.BufferedWriter(raw[2]), "utf-8", "backslashreplace", "\n", line_buffering=True)
    for stream, name, mode in ((read, "<stdin>", "r"), (write, "<stdout>", "w"), (complain, "<stderr>", "w")):
        stream.buffer.raw.name = name
        stream.mode = mode  # type: ignore[misc]
    sys.stdin = sys.__stdin__ = read  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = write  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = complain  # type: ignore[misc]


def _tidy_interpreter(settings: wire.Settings) -> None:
    """Import the warm modules and add the builtins that -S leaves out."""
    for name in (WARM + (host.LESS_COMMON if settings.deny_open else "")).split():
        importlib.import_module(name)
    if settings.libraries:
        _import_libraries(settings)
    if settings.swallow_prompts:
        builtins.input = _isolated(_INPUT, read=builtins.input)
    for name in ("exit", "quit"):
        setattr(builtins, name, _sitebuiltins.Quitter(name, "Ctrl-D (i.e. EOF)"))
    builtins.help = _sitebuiltins._Helper()
    for name, text in (
        ("copyright", sys.copyright),
        ("credits", "See www.python.org."),
        ("license", "See python.org."),
    ):
        setattr(builtins, name, _sitebuiltins._Printer(name, text))
    sys.argv, sys.orig_argv = [FILE_NAME], ["python", FILE_NAME]
    del sys.path[0]  # the folder of this package; the stdlib stays
    vars(sys.modules.pop("__main__")).clear()
    gc.collect()
    gc.disable()  # programs enable it again


def _import_libraries(settings: wire.Settings) -> None:
    """Import the libraries, and what they require, but nothing else that is installed beside them."""
    from importlib.machinery import ModuleSpec, PathFinder

    folders = list(dict.fromkeys(map(os.path.dirname, settings.library_paths)))
    names = {os.path.basename(path).partition(".")[0] for path in settings.library_paths}

    class Finder:
        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
            return PathFinder.find_spec(name, folders) if name in names else None

    sys.meta_path.append(Finder)
    parts = {**LIBRARY_PARTS, "numpy": NUMPY_WHEN_CLOSED if settings.deny_open else ""}
    for name in settings.libraries:
        importlib.import_module(name)
        for part in parts.get(name, "").split():
            with contextlib.suppress(ImportError):  # another version of the library
                importlib.import_module(part)
    sys.meta_path.remove(Finder)  # submodules are found through their packages' own paths
    for folder in folders:
        sys.path_importer_cache.pop(folder, None)  # it lists everything that is installed there


# In namespaces of their own: through `__globals__` of a function of this module programs would reach all of it.
_INPUT = """
def input(prompt='', /):
    return read()
"""
_OPEN = """
def open(file, *args, **kwargs):
    if isinstance(file, (str, PathLike)) and str(file) in numbers:
        file = dup(numbers[str(file)])
    return real(file, *args, **kwargs)
"""
_OS_OPEN = """
def open(path, *args, **kwargs):
    number = numbers.get(path) if path.__class__ is str else None
    return real(path, *args, **kwargs) if number is None else dup(number)
"""


def _isolated(source: str, **names: object) -> Callable[..., Any]:
    """Define the one function of `source` with `names` as its only globals."""
    before = set(names)
    exec(compile(source, "<sandbox>", "exec"), names)
    return cast(Callable[..., Any], names[(set(names) - before - {"__builtins__"}).pop()])


def _offer_standard_paths(settings: wire.Settings) -> None:
    """Have `open` take /dev/stdin and its like for descriptors where programs cannot open them: they need /proc."""
    if os.path.exists("/dev/stdin") and not settings.deny_open:
        return
    numbers = {f"/{place}": at for at in range(3) for place in (f"dev/fd/{at}", f"proc/self/fd/{at}")}
    numbers |= {f"/dev/{name}": at for at, name in enumerate(("stdin", "stdout", "stderr"))}
    builtins.open = io.open = _isolated(_OPEN, numbers=numbers, real=io.open, dup=os.dup, PathLike=os.PathLike)
    os.open = _isolated(_OS_OPEN, numbers=numbers, real=os.open, dup=os.dup)


def _confine(settings: wire.Settings) -> Cage:
    confine.give_up_privileges()
    ruleset = confine.landlock_ruleset(settings.readable) if settings.use_landlock else None
    if ruleset is not None:
        confine.landlock_restrict(ruleset)
    program_filter = None
    if settings.use_seccomp:
        machine = os.uname().machine
        program_filter = confine.SeccompFilter.for_program(machine, settings.deny_open)
        confine.SeccompFilter.for_zygote(machine).install()
    return Cage(settings, program_filter, ruleset)


@without_frame
def _serve_one(control: _socket.socket, cage: Cage) -> bool:
    """Serve one request and answer with the host's wait status; return False when the trusted side has closed."""
    message, ancillary, _, _ = control.recvmsg(1 << 17, _socket.CMSG_LEN(2 * array.array("i").itemsize))
    if not message:
        return False
    payload, results = array.array("i", ancillary[0][2])
    request = wire.Request.from_bytes(message)
    zygote_pid = os.getpid()
    pid = os.fork()
    if pid == 0:
        control.close()
        try:
            host.serve(request, payload, results, cage, zygote_pid)
        except BaseException as error:  # noqa: BLE001 - reported by exit status and log
            print(f"host: {type(error).__name__}: {error}", file=sys.stderr)
            os._exit(1)
        os._exit(0)
    os.close(payload)
    os.close(results)
    ended = os.pidfd_open(pid)
    poller = select.poll()
    poller.register(ended, select.POLLIN)
    poller.register(control, select.POLLIN)
    events = dict(poller.poll())
    os.close(ended)
    if control.fileno() in events:  # a busy cell receives nothing, so the socket was closed
        os.kill(pid, signal.SIGKILL)
        return False
    _, status = os.waitpid(pid, 0)
    control.send(b"%d" % status)
    return True
