"""One execution of an untrusted program in its own process: confine, run, exit as an interpreter would."""

from __future__ import annotations

import _signal  # without the enums of `signal`, which cost every execution more than the call
import atexit
import contextlib
import gc
import os
import resource
import sys
from types import CodeType, ModuleType
from typing import NamedTuple, NoReturn

from . import confine
from .wire import Settings

FILE_NAME = "program.py"
_MEMORY_FOR_TRACEBACK = 64 << 20


class Cage(NamedTuple):
    """Confinement prepared by the zygote for its programs; None where the level lacks the mechanism."""

    settings: Settings
    program_filter: confine.SeccompFilter | None
    ruleset: int | None


class Execution(NamedTuple):
    """One execution, prepared by its host. `stdio`: files that become fd 0, 1 and 2. `trouble`: pipe for failures."""

    stdio: tuple[int, int, int]
    cpu_seconds: float
    host_pid: int
    trouble: int


def run(code: CodeType, execution: Execution, cage: Cage) -> NoReturn:
    """Confine this process, run the program and exit. Reports a failure to confine to the pipe `trouble`."""
    trouble = execution.trouble
    try:
        _confine(execution, cage)
    except BaseException as error:  # noqa: BLE001 - after any failure the program must not start
        os.write(trouble, f"{type(error).__name__}: {error}".encode())
        os._exit(1)
    os.close(trouble)
    os._exit(_run_as_main(code))


def _confine(execution: Execution, cage: Cage) -> None:
    settings, trouble = cage.settings, execution.trouble
    confine.die_with_parent(execution.host_pid)
    os.setsid()
    for number, descriptor in enumerate(execution.stdio):
        os.dup2(descriptor, number)
    _set_limits(execution.cpu_seconds, settings)
    _signal.signal(_signal.SIGXFSZ, _signal.SIG_DFL)  # Python ignores it; here it must kill the program
    if cage.ruleset is not None:
        confine.landlock_restrict(cage.ruleset)  # a second layer: no signals to host and zygote
    os.closerange(3, trouble)
    os.closerange(trouble + 1, 1 << 20)
    if cage.program_filter is not None:
        cage.program_filter.install()
    gc.enable()


def _set_limits(cpu_seconds: float, settings: Settings) -> None:
    limit = resource.setrlimit
    whole = int(cpu_seconds) + 2  # a backstop: the host kills to the millisecond while it lives
    limit(resource.RLIMIT_CPU, (whole, whole + 1))
    memory = settings.memory_bytes + settings.library_bytes
    limit(resource.RLIMIT_AS, (memory, memory + _MEMORY_FOR_TRACEBACK))
    limit(resource.RLIMIT_FSIZE, (settings.output_bytes + 1, settings.output_bytes + 1))
    limit(resource.RLIMIT_NOFILE, (settings.open_files, settings.open_files))
    limit(resource.RLIMIT_CORE, (0, 0))
    _, stack_ceiling = resource.getrlimit(resource.RLIMIT_STACK)
    stack = settings.stack_bytes if stack_ceiling < 0 else min(settings.stack_bytes, stack_ceiling)
    limit(resource.RLIMIT_STACK, (stack, stack))  # of the main thread: allows deep C recursion, as judges do
    if settings.count_threads:
        limit(resource.RLIMIT_NPROC, (settings.threads, settings.threads))


def _run_as_main(code: CodeType) -> int:
    """Run `code` as `__main__` and return its exit status, after the shutdown steps of a real interpreter."""
    main = ModuleType("__main__")
    main.__dict__["__file__"] = FILE_NAME
    main.__dict__["__builtins__"] = sys.modules["builtins"]
    sys.modules["__main__"] = main
    try:
        exec(code, main.__dict__)
        status = 0
    except BaseException as error:  # noqa: BLE001 - a program may raise anything
        status = _report(error)
    try:
        # Not imported by us: once loaded, `threading` makes every fork 0.3 ms dearer (100 page faults in its hooks).
        threading = sys.modules.get("threading")
        if threading is not None:
            threading._shutdown()  # joins the threads that are not daemons
        atexit._run_exitfuncs()
    except BaseException as error:  # noqa: BLE001
        _report(error)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except ValueError:
            pass  # closed by the program, as it may
        except BaseException:  # noqa: BLE001
            status = status or 120  # what CPython exits with when it cannot flush
    return status


def _report(error: BaseException) -> int:
    """Print an uncaught exception as an interpreter would; return the exit status."""
    if isinstance(error, SystemExit):
        if error.code is None:
            return 0
        if isinstance(error.code, int):
            return error.code & 0xFF
        _complain(str(error.code))
        return 1
    if isinstance(error, MemoryError):
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    trace = error.__traceback__.tb_next if error.__traceback__ else None  # without our own frame
    try:
        sys.excepthook(type(error), error.with_traceback(trace), trace)
    except BaseException:  # noqa: BLE001 - the program may have set its own hook
        _complain(type(error).__name__)
    return 1


def _complain(text: str) -> None:
    with contextlib.suppress(BaseException):  # a closed or replaced stderr is the program's own choice
        print(text, file=sys.stderr)
