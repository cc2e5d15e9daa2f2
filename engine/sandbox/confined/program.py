"""One execution of an untrusted program in its own process: confine, run, exit as an interpreter would."""

from __future__ import annotations

import _signal  # without the enums of `signal`, which cost every execution more than the call
import gc
import os
import resource
import sys
from os import _exit  # a program may replace the attribute
from types import CodeType, ModuleType
from typing import Any, NamedTuple, NoReturn

from . import bottom, confine, ending
from .bottom import without_frame
from .wire import Settings

FILE_NAME = "program.py"
_MEMORY_FOR_TRACEBACK = 64 << 20
_CPU_OF_HOST = 5
"""Seconds of CPU for the host of a request itself."""


class Cage(NamedTuple):
    """Confinement prepared by the zygote for its programs; None where the level lacks the mechanism."""

    settings: Settings
    program_filter: confine.SeccompFilter | None
    ruleset: int | None


def prepare(cpu_seconds: float, settings: Settings) -> None:
    """Do once in the host what all its programs inherit: each step in a program's process copies a dozen pages."""
    os.setsid()
    _signal.signal(_signal.SIGXFSZ, _signal.SIG_DFL)  # Python ignores it; here it must kill the program
    spent = resource.getrusage(resource.RUSAGE_SELF)
    whole = int(cpu_seconds + spent.ru_utime + spent.ru_stime) + _CPU_OF_HOST  # a backstop: the host kills in time
    limit = resource.setrlimit
    limit(resource.RLIMIT_CPU, (whole, whole + 1))
    memory = settings.address_bytes + settings.library_bytes
    limit(resource.RLIMIT_AS, (memory, memory + _MEMORY_FOR_TRACEBACK))
    limit(resource.RLIMIT_NOFILE, (settings.open_files, settings.open_files))
    limit(resource.RLIMIT_CORE, (0, 0))
    # Of the main thread: allows deep C recursion, as judges do. The hard limit stays, so that programs may raise it.
    _, ceiling = resource.getrlimit(resource.RLIMIT_STACK)
    limit(resource.RLIMIT_STACK, (settings.stack_bytes if ceiling < 0 else min(settings.stack_bytes, ceiling), ceiling))
    if settings.count_threads:
        limit(resource.RLIMIT_NPROC, (settings.threads, settings.threads))


@without_frame
def run(code: CodeType, cage: Cage, stdio: tuple[int, int, int], host_pid: int, trouble: int) -> NoReturn:
    """Confine this process, run the program on the files `stdio` and exit. Reports a failure to confine to `trouble`.

    Takes no object that lives for one execution alone: the program would find it by `gc`.
    """
    try:
        confine.die_with_parent(host_pid)
        os.dup2(stdio[0], 0)
        os.dup2(stdio[1], 1)
        os.dup2(stdio[2], 2)
        largest = cage.settings.output_bytes + 1  # not in the host, which appends all outputs to one file
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
        if cage.ruleset is not None:
            confine.landlock_restrict(cage.ruleset)  # a second layer: no signals to host and zygote
        if cage.program_filter is not None:
            cage.program_filter.install()
    except BaseException as error:  # noqa: BLE001 - after any failure the program must not start
        os.write(trouble, f"{type(error).__name__}: {error}".encode())
        os._exit(1)
    os.closerange(3, 1 << 20)
    _run_as_main(code)


@without_frame
def _run_as_main(code: CodeType) -> NoReturn:
    """Run `code` as `__main__` at the bottom of the stack, then shut down and exit."""
    namespace = _enter()
    try:
        exec(code, namespace)
        ending.flush_quietly()
        status = 0
    except BaseException as raised:  # noqa: BLE001 - a program may raise anything
        ending.flush_quietly()
        status = ending.report(raised)
    del namespace
    try:
        ending.leave(status)
    finally:
        _exit(1)  # there is no frame to return to


def _enter() -> dict[str, Any]:
    """Make a fresh `__main__` and return its globals."""
    main = ModuleType("__main__")
    namespace = main.__dict__
    namespace["__annotations__"] = {}
    namespace["__builtins__"] = sys.modules["builtins"]
    namespace["__file__"] = FILE_NAME
    namespace["__cached__"] = None
    sys.modules["__main__"] = main
    gc.enable()
    bottom.reset_recursion()
    return namespace
