"""Hostile programs: each attacks, and a check from outside confirms that it reached nothing."""

from __future__ import annotations

import os
import select
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.sandbox import Executor, Outcome, Status
from tests.engine.sandbox.bounds import SHORT_CPU

# Targets that a program is told; after BREACH it prints what it reached.
PRELUDE = "SECRET, FOLDER, TCP, UDP, PATH_SOCKET, ABSTRACT, VICTIM = {!r}\n"

REACHING_OUT = {
    "reads a file of the user": "print('BREACH', open(SECRET).read())",
    "reads it by os.open": "import os\nprint('BREACH', os.read(os.open(SECRET, os.O_RDONLY), 99))",
    "reads it through /proc/self/root": "print('BREACH', open('/proc/self/root' + SECRET).read())",
    "reads it by open_by_handle_at": (
        "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\nh = ctypes.create_string_buffer(136)\n"
        "h[0] = 128\nm = ctypes.c_int()\n"
        "assert libc.name_to_handle_at(-100, SECRET.encode(), h, ctypes.byref(m), 0) == 0\nprint('BREACH')"
    ),
    "lists a folder of the user": "import os\nprint('BREACH', os.listdir(FOLDER))",
    "reads /etc/passwd": "print('BREACH', open('/etc/passwd').read())",
    "reads /etc/shadow": "print('BREACH', open('/etc/shadow').read())",
    "writes a file": "open(FOLDER + '/new', 'w').write('x')\nprint('BREACH')",
    "writes to /tmp": "import os\nopen('/tmp/cure-hostile', 'w').write('x')\nprint('BREACH')",
    "writes to shared memory": "open('/dev/shm/cure-hostile', 'w').write('x')\nprint('BREACH')",
    "truncates a file": "import os\nos.truncate(SECRET, 0)\nprint('BREACH')",
    "deletes a file": "import os\nos.unlink(SECRET)\nprint('BREACH')",
    "renames a file": "import os\nos.rename(SECRET, FOLDER + '/b')\nprint('BREACH')",
    "changes a mode": "import os\nos.chmod(SECRET, 0o777)\nprint('BREACH')",
    "changes a time": "import os\nos.utime(SECRET, (0, 0))\nprint('BREACH')",
    "makes a folder": "import os\nos.mkdir(FOLDER + '/d')\nprint('BREACH')",
    "links a file": "import os\nos.link(SECRET, FOLDER + '/l')\nprint('BREACH')",
    "symlinks a file": "import os\nos.symlink(SECRET, FOLDER + '/s')\nprint('BREACH')",
    "writes into the standard library": "import os\nopen(os.__file__, 'a').write('#')\nprint('BREACH')",
    "reads the parent's memory": "import os\nopen(f'/proc/{os.getppid()}/mem', 'rb').read(1)\nprint('BREACH')",
    "reads the parent's environment": "import os\nprint('BREACH', open(f'/proc/{os.getppid()}/environ').read())",
    "opens the parent's files": (
        "import os\nfor n in range(3, 40):\n  try: open(f'/proc/{os.getppid()}/fd/{n}', 'rb')\n"
        "  except OSError: continue\n  print('BREACH', n)"
    ),
    "TCP": "import socket\nsocket.create_connection(('127.0.0.1', TCP)).send(b'x')\nprint('BREACH')",
    "UDP": (
        "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', UDP))\n"
        "print('BREACH')"
    ),
    "path socket": "import socket\nsocket.socket(socket.AF_UNIX).connect(PATH_SOCKET)\nprint('BREACH')",
    "abstract socket": "import socket\nsocket.socket(socket.AF_UNIX).connect(ABSTRACT)\nprint('BREACH')",
    "datagram through a socket pair": (
        "import socket\na, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
        "a.sendto(b'x', PATH_SOCKET)\nprint('BREACH')"
    ),
    "netlink": "import socket\nsocket.socket(socket.AF_NETLINK, socket.SOCK_RAW)\nprint('BREACH')",
    "raw socket": "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_RAW, 1)\nprint('BREACH')",
    "listens": "import socket\nsocket.create_server(('127.0.0.1', 0))\nprint('BREACH')",
    "fork": "import os\nif os.fork(): print('BREACH')",
    "fork bomb": "import os\nwhile True: os.fork(); print('BREACH')",
    "daemon": "import os\nif not os.fork():\n  os.setsid()\n  import time; time.sleep(99)\nprint('BREACH')",
    "subprocess": "import subprocess\nprint('BREACH', subprocess.run(['/bin/true']))",
    "os.system": "import os\nif os.system('true') == 0: print('BREACH')",
    "exec": "import os\nos.execv('/bin/echo', ['echo', 'BREACH'])",
    "exec of the interpreter": "import os, sys\nos.execv(sys.executable, ['p', '-c', 'print(\"BREACH\")'])",
    "posix_spawn": "import os\nos.posix_spawn('/bin/true', ['true'], {})\nprint('BREACH')",
    "multiprocessing": (
        "import multiprocessing\np = multiprocessing.Process(target=print, args=('BREACH',))\np.start(); p.join()"
    ),
    "raw vfork": "import ctypes\nif ctypes.CDLL(None).syscall(58) >= 0: print('BREACH')",
    "raw clone": "import ctypes\nif ctypes.CDLL(None).syscall(56, 17, 0, 0, 0, 0) >= 0: print('BREACH')",
    "32-bit system calls": (
        "import ctypes, mmap\nm = mmap.mmap(-1, 4096, prot=7)\n"
        "m.write(bytes.fromhex('b802000000cd80c3'))\n"  # mov eax, 2 (fork of i386); int 0x80; ret
        "f = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))\n"
        "if f() >= 0: print('BREACH')"
    ),
    "signals its parent": "import os\nos.kill(os.getppid(), 9)\nprint('BREACH')",
    "signals a process of the user": "import os\nos.kill(VICTIM, 9)\nprint('BREACH')",
    "signals everybody": "import os\nos.kill(-1, 9)\nprint('BREACH')",
    "signals its group": "import os\nos.killpg(os.getppid(), 9)\nprint('BREACH')",
    "signals by pidfd": (
        "import os, signal\nsignal.pidfd_send_signal(os.pidfd_open(os.getppid()), 9)\nprint('BREACH')"
    ),
    "signals by file owner": (
        "import fcntl, os, socket\na, b = socket.socketpair()\nfcntl.fcntl(a, fcntl.F_SETOWN, os.getppid())\n"
        "fcntl.fcntl(a, 10, 9)\nfcntl.fcntl(a, fcntl.F_SETFL, os.O_ASYNC)\nb.send(b'x')\nprint('BREACH')"
    ),
    "locks a library file": "import fcntl, os\nfcntl.flock(open(os.__file__), fcntl.LOCK_SH)\nprint('BREACH')",
    "locks a range of a library file": (
        "import fcntl, os\nfcntl.lockf(open(os.__file__), fcntl.LOCK_SH)\nprint('BREACH')"
    ),
    "ptrace": "import ctypes, os\nif ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) == 0: print('BREACH')",
    "process_vm_readv": (
        "import ctypes, os\nb = ctypes.create_string_buffer(16)\n"
        "v = (ctypes.c_void_p * 2)(ctypes.addressof(b), 8)\n"
        "if ctypes.CDLL(None).process_vm_readv(os.getppid(), v, 1, v, 1, 0) > 0: print('BREACH')"
    ),
    "limits of another process": (
        "import os, resource\nresource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (5, 5))\nprint('BREACH')"
    ),
    "raises its own limits": ("import resource\nresource.setrlimit(resource.RLIMIT_CPU, (99, 99))\nprint('BREACH')"),
    "priority of another process": "import os\nos.setpriority(os.PRIO_PROCESS, os.getppid(), 5)\nprint('BREACH')",
    "affinity": "import os\nos.sched_setaffinity(0, {0})\nprint('BREACH')",
    "user namespace": "import ctypes\nif ctypes.CDLL(None).unshare(0x10000000) == 0: print('BREACH')",
    "io_uring": "import ctypes\nif ctypes.CDLL(None).syscall(425, 4, bytes(120)) >= 0: print('BREACH')",
    "keyring": "import ctypes\nif ctypes.CDLL(None).syscall(250, 0, -3, 1) >= 0: print('BREACH')",
    "System V shared memory": "import ctypes\nif ctypes.CDLL(None).shmget(77, 4096, 0o1600) >= 0: print('BREACH')",
    "memory file": "import os\nos.memfd_create('x')\nprint('BREACH')",
    "becomes root": "import os\nos.setresuid(0, 0, 0)\nprint('BREACH')",
    "looser filter": "import ctypes\nif ctypes.CDLL(None).prctl(22, 2, 0, 0, 0) == 0: print('BREACH')",
    "takes a tracer": "import ctypes\nif ctypes.CDLL(None).prctl(0x59616D61, -1, 0, 0, 0) == 0: print('BREACH')",
    "secrets in the environment": (
        "import os\nif any('token' in k.lower() or 'token' in v for k, v in os.environ.items()): print('BREACH')"
    ),
    "control descriptors": (
        "import os\nfor n in range(3, 64):\n  try: os.fstat(n)\n  except OSError: continue\n  print('BREACH', n)"
    ),
    "walks the frames": (
        "import sys\nf = sys._getframe()\nwhile f:\n  if 'EXPECTED' in repr(f.f_locals) + repr(f.f_globals.keys()):\n"
        "    print('BREACH')\n  f = f.f_back"
    ),
    "searches the heap": (
        "import gc\nif any(isinstance(o, dict) and 'expected_output' in o for o in gc.get_objects()): print('BREACH')"
    ),
}

BOMBS = {
    "memory": ("x = []\nwhile True: x.append(bytearray(10**7))", {Status.MEMORY_LIMIT, Status.TIME_LIMIT}),
    "anonymous maps": (
        "import mmap\nx = []\nwhile True: x.append(mmap.mmap(-1, 10**7))",
        {Status.RUNTIME_ERROR},
    ),
    "one gigabyte of output": ("for _ in range(1024): print('x' * (1 << 20))", {Status.OUTPUT_LIMIT}),
    "sparse output": (
        "import os\nos.lseek(1, 10**12, 0)\nos.write(1, b'x')",
        {Status.OUTPUT_LIMIT, Status.RUNTIME_ERROR},
    ),
    "writes into its input": ("import os\nwhile True: os.write(0, bytes(10**6))", {Status.OUTPUT_LIMIT}),
    "threads": (
        "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(99,), daemon=True).start()",
        {Status.RUNTIME_ERROR, Status.TIME_LIMIT},
    ),
    "small threads": (
        "import threading, time\nthreading.stack_size(32768)\n"
        "for _ in range(10000): threading.Thread(target=time.sleep, args=(99,), daemon=True).start()",
        {Status.RUNTIME_ERROR, Status.TIME_LIMIT, Status.MEMORY_LIMIT},
    ),
    "descriptors": ("import os\nwhile True: os.dup(0)", {Status.RUNTIME_ERROR}),
    "pipes": ("import os\nx = []\nwhile True: x.append(os.pipe())", {Status.RUNTIME_ERROR}),
    "deep recursion in C": (
        "import sys\nsys.setrecursionlimit(10**9)\nclass A:\n  def __getattr__(s, n): return getattr(s, n)\nA().x",
        {Status.CRASH, Status.TIME_LIMIT, Status.MEMORY_LIMIT, Status.RUNTIME_ERROR},
    ),
    "big integer": ("print(len(str(9 ** 9 ** 9)))", {Status.TIME_LIMIT, Status.MEMORY_LIMIT}),
    "ignores every signal": (
        "import signal\nfor n in range(1, 65):\n  try: signal.signal(n, signal.SIG_IGN)\n"
        "  except (OSError, ValueError): pass\nwhile True: pass",
        {Status.TIME_LIMIT},
    ),
    "ends in an endless atexit": (
        "import atexit, time\natexit.register(time.sleep, 1e6)",
        {Status.TIME_LIMIT},
    ),
    "thread that never ends": (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(1e6,)).start()",
        {Status.TIME_LIMIT},
    ),
    "loop in a destructor": (
        "class A:\n  def __del__(s):\n    while True: pass\nA()",
        {Status.TIME_LIMIT},
    ),
    "endless regular expression": ("import re\nre.match(r'(a+)+$', 'a' * 64 + 'b')", {Status.TIME_LIMIT}),
}


@dataclass(frozen=True)
class Prey:
    """Files, sockets and processes of the user outside the sandbox, and checks whether a program touched them."""

    folder: Path
    secret: Path
    listeners: tuple[socket.socket, ...]
    victim: subprocess.Popen[bytes]
    names: tuple[object, ...]

    def signs(self) -> list[str]:
        found = []
        if sorted(os.listdir(self.folder)) != ["secret", "socket"]:
            found.append("the folder changed")
        state = self.secret.stat()
        changed = stat.S_IMODE(state.st_mode) != 0o600 or state.st_mtime < 1e9
        if changed or self.secret.read_text() != "EXPECTED token":
            found.append("the secret changed")
        if self.victim.poll() is not None:
            found.append("the victim is dead")
        for listener in self.listeners:
            if select.select([listener], [], [], 0)[0]:
                found.append(f"{listener} was reached")
        if Path("/tmp/cure-hostile").exists() or Path("/dev/shm/cure-hostile").exists():
            found.append("a file was left")
        return found


@pytest.fixture(scope="module")
def prey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prey]:
    folder = tmp_path_factory.mktemp("prey")
    secret = folder / "secret"
    secret.write_text("EXPECTED token")
    secret.chmod(0o600)
    tcp = socket.create_server(("127.0.0.1", 0))
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    path, abstract = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    path.bind(str(folder / "socket"))
    abstract.bind(f"\0cure-hostile-{os.getpid()}")
    for listener in (path, abstract):
        listener.listen()
    listeners = (tcp, udp, path, abstract)
    for listener in listeners:
        listener.setblocking(False)
    victim = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    names = (str(secret), str(folder), tcp.getsockname()[1], udp.getsockname()[1])
    names += (str(folder / "socket"), f"\0cure-hostile-{os.getpid()}", victim.pid)
    yield Prey(folder, secret, listeners, victim, names)
    victim.kill()
    victim.wait()
    for listener in listeners:
        listener.close()


def processes_below(pid: int) -> set[int]:
    """Return the process ids of all descendants, read from /proc."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found |= {child} | processes_below(child)
    return found


def check_still_sound(executor: Executor) -> None:
    (outcome,) = executor.run("print(int(input()) + 1)", [str(executor.executions)])
    assert outcome.stdout == f"{executor.executions}\n"


@pytest.mark.parametrize("name", REACHING_OUT)
def test_nothing_outside_is_reached(executor_at_level: Executor, prey: Prey, name: str) -> None:
    check_still_sound(executor_at_level)
    before = processes_below(os.getpid())
    (outcome,) = executor_at_level.run(PRELUDE.format(prey.names) + REACHING_OUT[name], [""])
    assert "BREACH" not in outcome.stdout, outcome
    assert outcome.status in (Status.OK, Status.RUNTIME_ERROR, Status.CRASH), outcome
    assert prey.signs() == []
    check_still_sound(executor_at_level)
    assert executor_at_level.cells_lost == 0
    assert processes_below(os.getpid()) == before


@pytest.mark.parametrize("name", REACHING_OUT)
def test_nothing_outside_is_reached_from_a_cell_with_libraries(
    library_executor_at_level: Executor, prey: Prey, name: str
) -> None:
    imports = "import sys, sortedcontainers\nassert 'sortedcontainers' in sys.modules\n"
    (outcome,) = library_executor_at_level.run(imports + PRELUDE.format(prey.names) + REACHING_OUT[name], [""])
    assert "BREACH" not in outcome.stdout, outcome
    assert outcome.status in (Status.OK, Status.RUNTIME_ERROR, Status.CRASH), outcome
    assert prey.signs() == []
    assert library_executor_at_level.cells_lost == 0


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_end_in_bound_and_the_batch_goes_on(executor_at_level: Executor, name: str) -> None:
    source, statuses = BOMBS[name]
    cpu_seconds = SHORT_CPU if Status.TIME_LIMIT in statuses else None
    (outcome,) = executor_at_level.run(source, [""], cpu_seconds)
    if executor_at_level.level.confinement.deny_open and "import" in outcome.stderr_tail:
        statuses = statuses | {Status.RUNTIME_ERROR}  # there a module that is not preloaded cannot be read
    assert outcome.status in statuses, outcome
    assert outcome.cpu_seconds < 3, outcome
    assert outcome.wall_seconds < 10, outcome  # a busy machine gives it a share of a core
    check_still_sound(executor_at_level)
    assert executor_at_level.cells_lost == 0


def test_nothing_of_one_execution_is_left_for_the_next(executor_at_level: Executor) -> None:
    dirty = "import builtins, sys\nbuiltins.print = None\nsys.path.append('x')\nsys.modules['math'] = 3"
    clean = "import builtins, sys, math\nprint(sys.path[-1:] == ['x'], math.sqrt(4))"
    executor_at_level.run(dirty, ["1", "2"])
    (outcome,) = executor_at_level.run(clean, [""])
    assert outcome.stdout == "False 2.0\n"


def test_other_inputs_are_not_in_a_programs_memory(executor_at_level: Executor) -> None:
    source = """
import gc, sys
mine = input()
found, f = [], sys._getframe()
while f:
    found.append(repr(f.f_locals)); f = f.f_back
found += [o for o in gc.get_objects() if isinstance(o, str)]
print(any({'1': '2', '2': '1'}[mine[-1]] * 9 in text for text in found))
"""
    outcomes = executor_at_level.run(source, ["1" * 9, "2" * 9])
    assert [outcome.stdout for outcome in outcomes] == ["False\n", "False\n"], outcomes


def test_the_verdict_on_a_hostile_program_is_the_same_every_time(executor_at_level: Executor) -> None:
    def outcome_of(attempt: int) -> Outcome:
        return executor_at_level.run(f"# {attempt}\nimport os\nos.fork()", [""])[0]

    assert {outcome_of(attempt).status for attempt in range(3)} == {Status.RUNTIME_ERROR}
