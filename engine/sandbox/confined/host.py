"""Host of one request, in its own process: compiles the program once, then forks one execution per input."""

from __future__ import annotations

import contextlib
import gc
import importlib
import math
import opcode
import os
import resource
import select
import signal
import time
import warnings
from types import CodeType

from . import bottom, confine, program, wire
from .bottom import without_frame
from .wire import Record, Request

_WINDOW_SECONDS = 0.5
_HALVINGS = 2  # of the time of a sticky program's inputs; an input that it answers restores it
# Modules that the zygote does not hold ready, as each would make every fork dearer. Where programs may not open files
# (level C without bubblewrap) it has to: nothing else can be imported there.
LESS_COMMON = """
    cmath random decimal fractions datetime statistics dataclasses json queue textwrap struct traceback inspect
    numbers collections.abc calendar hashlib zlib base64 binascii pprint timeit uuid secrets warnings asyncio
    encodings.idna encodings.ascii encodings.latin_1 unicodedata concurrent.futures.thread logging graphlib
    pickle fileinput tempfile shutil glob fnmatch pathlib ast dis tokenize argparse csv difflib html urllib.parse shlex
    bz2 lzma gzip zipfile contextvars threading selectors platform doctest unittest unittest.main sched cProfile pstats
    zoneinfo sqlite3 xml.etree.ElementTree runpy getpass symtable code pyexpat multiprocessing
"""
_AHEAD = tuple(LESS_COMMON.split())
_IMPORT_NAME = opcode.opmap["IMPORT_NAME"]


@without_frame
def serve(request: Request, payload: int, results: int, cage: program.Cage, zygote_pid: int) -> None:
    """Execute `request` and append all its results to the file `results`."""
    confine.die_with_parent(zygote_pid)
    try:
        code = _compile(os.pread(payload, request.source_bytes, 0), cage.settings)
    except (SyntaxError, ValueError, MemoryError, RecursionError, OverflowError) as error:
        message = f"{type(error).__name__}: {error}".encode(errors="replace")[:4096]
        os.write(results, wire.COMPILE_HEADER.pack(wire.NOT_COMPILED, len(message)) + message)
        return
    os.write(results, wire.COMPILE_HEADER.pack(wire.COMPILED, 0))
    _import_ahead(code)
    _execute_all(code, request, payload, results, cage)


def _compile(source: bytes, settings: wire.Settings) -> CodeType:
    """Compile under limits that are lifted afterwards: each execution sets its own."""
    spent = resource.getrusage(resource.RUSAGE_SELF)
    cpu, memory = resource.getrlimit(resource.RLIMIT_CPU), resource.getrlimit(resource.RLIMIT_AS)
    seconds = math.ceil(spent.ru_utime + spent.ru_stime + settings.compile_seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, cpu[1]))
    resource.setrlimit(resource.RLIMIT_AS, (settings.memory_bytes + settings.library_bytes, memory[1]))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return compile(source, program.FILE_NAME, "exec", dont_inherit=True)
    finally:
        resource.setrlimit(resource.RLIMIT_CPU, cpu)
        resource.setrlimit(resource.RLIMIT_AS, memory)


def _import_ahead(code: CodeType) -> None:
    """Import what the program's own statements import, once for all its executions: `dataclasses` takes 6 ms."""
    for operation, argument in zip(code.co_code[::2], code.co_code[1::2], strict=True):
        if operation == _IMPORT_NAME and code.co_names[argument] in _AHEAD:
            with contextlib.suppress(ImportError):  # an interpreter built without it
                importlib.import_module(code.co_names[argument])


@without_frame
def _execute_all(code: CodeType, request: Request, payload: int, results: int, cage: program.Cage) -> None:
    settings, host_pid = cage.settings, os.getpid()
    strikes, cut_short, position = request.strikes, 0, request.source_bytes
    bottom.forget_all(request, request.input_bytes, request.limit, request.sticky_limit)
    program.prepare(request.limit.cpu, settings)
    gc.freeze()  # programs collect their own objects only
    trouble_seen, trouble = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    for number in range(len(request.input_bytes)):  # `enumerate` would keep a tuple that programs find by `gc`
        length = request.input_bytes[number]
        sticky = 0 < settings.sticky_after <= strikes
        limit = request.sticky_limit if sticky else request.limit
        cpu_limit = limit.cpu / 2 ** min(cut_short, _HALVINGS) if sticky else limit.cpu
        stdio = (_input_file(payload, position, length), os.memfd_create("stdout"), os.memfd_create("stderr"))
        position += length
        started = time.monotonic()
        pid = os.fork()
        if pid == 0:
            program.run(code, cage, stdio, host_pid, trouble)
        killed_by = _watch(pid, cpu_limit, limit.wall)
        _, status, usage = os.wait4(pid, 0)
        wall = time.monotonic() - started
        _raise_trouble(trouble_seen)
        cpu = usage.ru_utime + usage.ru_stime
        over_time = killed_by == wire.KILLED_CPU or cpu > cpu_limit
        strikes += over_time and not sticky
        cut_short = cut_short + 1 if over_time and sticky else 0
        _append(
            results,
            Record(number, status, killed_by, cpu_limit, cpu, wall, usage.ru_maxrss, b"", b""),
            stdio,
            settings,
        )


def _input_file(payload: int, position: int, length: int) -> int:
    """Copy one input into a file of its own, inside the kernel: other inputs never enter a program's memory."""
    target = os.memfd_create("stdin")
    end = position + length
    while position < end:
        position += os.sendfile(target, payload, position, end - position)
    os.lseek(target, 0, os.SEEK_SET)
    return target


def _watch(pid: int, cpu_limit: float, idle_limit: float) -> int:
    """Wait for `pid`, kill it after `cpu_limit` seconds of CPU or `idle_limit` of idling; return one of wire.KILLED_*.

    Wall time alone says nothing on a busy machine. A window of it counts as idle only when the program's CPU clock has
    all but stood still, and only as far as this process itself was woken in time.
    """
    ended = os.pidfd_open(pid)
    poller = select.poll()
    poller.register(ended, select.POLLIN)
    cpu_clock = (~pid << 3) | 2  # as clock_getcpuclockid(3) makes it
    used = used_before = window = idle = 0.0
    verdict = wire.KILLED_NOT
    while True:
        if used >= cpu_limit or idle >= idle_limit:
            verdict = wire.KILLED_CPU if used >= cpu_limit else wire.KILLED_WALL
            os.kill(pid, signal.SIGKILL)
            break
        pause = max(0.002, min(cpu_limit - used, _WINDOW_SECONDS - window))
        asked = time.monotonic()
        if poller.poll(1000 * pause):
            break
        window += min(time.monotonic() - asked, pause)
        try:
            used = time.clock_gettime(cpu_clock)
        except OSError:
            break  # it has just ended
        if window >= _WINDOW_SECONDS - 0.001:
            idle += window if used - used_before < wire.BUSY_SHARE * window else 0.0
            used_before, window = used, 0.0
    os.close(ended)
    return verdict


def _raise_trouble(trouble_seen: int) -> None:
    """Raise ConfineError if the program could not be confined: it did not run, and another cell will try."""
    try:
        trouble = os.read(trouble_seen, 4096)
    except BlockingIOError:
        return
    raise confine.ConfineError(trouble.decode(errors="replace"))


def _append(results: int, record: Record, stdio: tuple[int, int, int], settings: wire.Settings) -> None:
    """Append the record, then its outputs, copied by the kernel."""
    _, stdout, stderr = stdio
    out_bytes = min(os.fstat(stdout).st_size, settings.output_bytes + 1)
    err_size = os.fstat(stderr).st_size
    err_bytes = min(err_size, settings.stderr_bytes)
    os.write(results, wire.pack_record_header(record, out_bytes, err_bytes))
    _copy(results, stdout, 0, out_bytes)
    _copy(results, stderr, err_size - err_bytes, err_bytes)
    for descriptor in stdio:
        os.close(descriptor)


def _copy(target: int, source: int, position: int, length: int) -> None:
    while length > 0:
        copied = os.sendfile(target, source, position, length)
        position += copied
        length -= copied
