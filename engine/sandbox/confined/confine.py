"""Irrevocable confinement of the calling process: Landlock, seccomp, capabilities. Linux only, through ctypes.

Two seccomp filters stack. The zygote's is an allow-list: system calls that syscalls.py does not name fail. Each program
adds a short one that also denies the calls that only zygote and host need (fork, kill, memfd_create, ...). On
installation the kernel evaluates a new filter once for every call that is still allowed, so short filters are cheap.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable, Sequence

from .syscalls import AUDIT_ARCH, numbers_for

_libc = ctypes.CDLL(None, use_errno=True)
_libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
_libc.syscall.argtypes = [ctypes.c_long] * 6
_libc.syscall.restype = ctypes.c_long

_machine = os.uname().machine
_CAPSET = {"x86_64": 126, "aarch64": 91}.get(_machine, -1)
_PRCTL = {"x86_64": 157, "aarch64": 167}.get(_machine, -1)
_SECCOMP = {"x86_64": 317, "aarch64": 277}.get(_machine, -1)

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NAME, PR_GET_NAME, PR_SET_NO_NEW_PRIVS = 1, 4, 15, 16, 38
SECCOMP_SET_MODE_FILTER = 1
EPERM, ENOSYS = 1, 38


class ConfineError(Exception):
    """The kernel refused a step of the confinement; the text says which and why."""


def _syscall(number: int, *arguments: int | bytes) -> int:
    """Make a raw system call; bytes are passed by address and live as long as the call. -1 on failure."""
    words = [_address(word) if isinstance(word, bytes) else word for word in arguments]
    return int(_libc.syscall(number, *words, *[0] * (5 - len(words))))


def _address(data: bytes) -> int:
    return ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value or 0


def _why() -> str:
    return os.strerror(ctypes.get_errno())


def prctl(option: int, value: int, what: str) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        raise ConfineError(f"{what}: {_why()}")


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel kill this process when its parent ends; exit at once if it already has."""
    if _libc.syscall(_PRCTL, PR_SET_PDEATHSIG, 9, 0, 0, 0) != 0:  # like the other calls of a program: the same pages
        raise ConfineError(f"PR_SET_PDEATHSIG: {_why()}")
    if os.getppid() != parent_pid:
        os._exit(1)


def give_up_privileges() -> None:
    """Drop all capabilities (as root) and forbid new privileges by exec, core dumps, and tracing by the same user."""
    prctl(PR_SET_NO_NEW_PRIVS, 1, "no_new_privs")
    prctl(PR_SET_DUMPABLE, 0, "PR_SET_DUMPABLE")
    header = struct.pack("<Ii", 0x20080522, 0)  # capability version 3, this process
    if _syscall(_CAPSET, header, bytes(24)) != 0:
        raise ConfineError(f"capset: {_why()}")


# Landlock ---------------------------------------------------------------------------------------------------

_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446  # the same numbers on every architecture
_FS_WRITE_FILE, _FS_READ_FILE, _FS_READ_DIR = 1 << 1, 1 << 2, 1 << 3
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


def landlock_abi() -> int:
    """Return the Landlock version of the running kernel; 0 where it is missing or disabled."""
    return max(0, _syscall(_LANDLOCK_CREATE, 0, 0, 1))


def landlock_ruleset(readable: Iterable[str]) -> int:
    """Create a ruleset (a descriptor): read below `readable`, read and write the harmless devices, nothing else.

    It restricts everything that the kernel's version can: every kind of file access, TCP bind and connect (version 4),
    abstract sockets and signals to processes outside (version 6).
    """
    abi = landlock_abi()
    if abi < 1:
        raise ConfineError("this kernel offers no Landlock")
    filesystem = (1 << 13) - 1
    for version, right in ((2, 1 << 13), (3, 1 << 14), (5, 1 << 15)):
        filesystem |= right if abi >= version else 0
    attributes = struct.pack("<Q", filesystem)
    if abi >= 4:
        attributes += struct.pack("<Q", 0b11)
    if abi >= 6:
        attributes += struct.pack("<Q", 0b11)
    ruleset = _syscall(_LANDLOCK_CREATE, attributes, len(attributes), 0)
    if ruleset < 0:
        raise ConfineError(f"landlock_create_ruleset: {_why()}")
    for path in readable:
        _allow_beneath(ruleset, path, _FS_READ_FILE | (_FS_READ_DIR if os.path.isdir(path) else 0))
    for path in _DEVICES:
        _allow_beneath(ruleset, path, _FS_READ_FILE | _FS_WRITE_FILE)
    return ruleset


def _allow_beneath(ruleset: int, path: str, rights: int) -> None:
    try:
        target = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # a missing path needs no rule
    rule = struct.pack("<Qi", rights, target)
    failed = _syscall(_LANDLOCK_ADD, ruleset, 1, rule, 0) != 0
    reason = _why()
    os.close(target)
    if failed:
        raise ConfineError(f"landlock_add_rule {path}: {reason}")


def landlock_restrict(ruleset: int) -> None:
    """Put the calling thread and its future children under `ruleset`, in addition to earlier ones."""
    if _libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0, 0, 0, 0) != 0:
        raise ConfineError(f"landlock_restrict_self: {_why()}")


# seccomp ----------------------------------------------------------------------------------------------------

_LOAD, _JUMP_EQ, _JUMP_GE, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER_AT, _ARCH_AT, _ARGS_AT = 0, 4, 16

Instruction = tuple[int, int, int, int]
"""code, jump if true, jump if false, constant: one struct sock_filter."""

_CLONE_THREAD = 0x10000
_CLONE_NEW_NAMESPACES = 0x7E020000
_AF_UNIX = 1
# F_DUPFD to F_SETFL, F_DUPFD_CLOEXEC and F_GETPIPE_SZ. Not F_SETLK: locks are a channel to other processes. Not
# F_SETOWN and F_SETSIG: they can send any signal to any process.
_FCNTL_COMMANDS = (0, 1, 2, 3, 4, 1030, 1032)
_IOCTL_REQUESTS = (
    0x5401,
    0x5413,
    0x541B,
    0x5421,
    0x5450,
    0x5451,
)  # TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FION/FIOCLEX


def _return(action: int) -> Instruction:
    return (_RETURN, 0, 0, action)


def _deny(error: int = EPERM) -> Instruction:
    return _return(_ERRNO | error)


def _load_argument(position: int, high: bool = False) -> Instruction:
    """Load half of an argument. Both architectures are little-endian, and the low half suffices for an int."""
    return (_LOAD, 0, 0, _ARGS_AT + 8 * position + (4 if high else 0))


def _case(number: int, body: Sequence[Instruction]) -> list[Instruction]:
    """Guard `body` by one system call number. It must end in a return: it overwrites the number under comparison."""
    return [(_JUMP_EQ, 0, len(body), number), *body]


def _if_argument_in(position: int, values: Iterable[int]) -> list[Instruction]:
    """Allow the call when the argument is one of `values`, deny it otherwise."""
    body = [_load_argument(position)]
    for value in values:
        body += [(_JUMP_EQ, 0, 1, value), _return(_ALLOW)]
    return [*body, _deny()]


def _filter_of_zygote(machine: str) -> list[Instruction]:
    calls = numbers_for(machine)
    program: list[Instruction] = [
        (_LOAD, 0, 0, _ARCH_AT),
        (_JUMP_EQ, 1, 0, AUDIT_ARCH[machine]),
        _return(_KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_JUMP_GE, 0, 1, 0x40000000),  # the x32 table of x86-64
        _return(_KILL_PROCESS),
    ]
    clone = [_load_argument(0), (_JUMP_SET, 0, 1, _CLONE_NEW_NAMESPACES), _deny(), _return(_ALLOW)]
    special = {
        "clone": clone,
        "clone3": [_deny(ENOSYS)],
        "fcntl": _if_argument_in(1, _FCNTL_COMMANDS),
        "ioctl": _if_argument_in(1, _IOCTL_REQUESTS),
        "socketpair": _if_argument_in(0, [_AF_UNIX]),  # asyncio wakes its loop through one
    }
    for name, body in special.items():
        program += _case(calls.pop(name), body)
    for number in calls.values():
        program += _case(number, [_return(_ALLOW)])
    return [*program, _deny()]


_OWN_PID = 0xFFFFFFFE  # stands for the program's process id until the filter is installed
_DENIED_TO_PROGRAMS = "fork vfork pidfd_open memfd_create sendmsg recvmsg setsid setpgid seccomp landlock_restrict_self"


def _filter_of_program(machine: str, deny_open: bool) -> list[Instruction]:
    calls = numbers_for(machine)
    no_address = [_load_argument(4), (_JUMP_EQ, 1, 0, 0), _deny(), _load_argument(4, high=True)]
    no_address += [(_JUMP_EQ, 1, 0, 0), _deny(), _return(_ALLOW)]
    special = {
        "clone": [_load_argument(0), (_JUMP_SET, 1, 0, _CLONE_THREAD), _deny(), _return(_ALLOW)],
        "kill": _if_argument_in(0, [_OWN_PID]),
        "tgkill": _if_argument_in(0, [_OWN_PID]),
        "prlimit64": _if_argument_in(0, [0, _OWN_PID]),
        "prctl": _if_argument_in(0, [PR_SET_NAME, PR_GET_NAME]),
        "sendto": no_address,
    }
    denied = [*_DENIED_TO_PROGRAMS.split(), *(["open", "openat"] if deny_open else [])]
    program: list[Instruction] = [(_LOAD, 0, 0, _NUMBER_AT)]
    for name, body in special.items():
        program += _case(calls[name], body)
    numbers = [calls[name] for name in denied if name in calls]
    for position, number in enumerate(numbers):
        program.append((_JUMP_EQ, len(numbers) - position, 0, number))
    return [*program, _return(_ALLOW), _deny()]


class SeccompFilter:
    """Assembled filter, ready to be installed by this process or one forked from it."""

    def __init__(self, program: Sequence[Instruction]) -> None:
        assembled = b"".join(struct.pack("<HBBI", *instruction) for instruction in program)
        self._template = assembled
        self._code = ctypes.create_string_buffer(assembled, len(assembled))
        self._code_address = ctypes.addressof(self._code)
        self._descriptor = ctypes.create_string_buffer(struct.pack("@HxxxxxxQ", len(program), self._code_address))
        self._descriptor_address = ctypes.addressof(self._descriptor)

    @classmethod
    def for_zygote(cls, machine: str) -> SeccompFilter:
        return cls(_filter_of_zygote(machine))

    @classmethod
    def for_program(cls, machine: str, deny_open: bool) -> SeccompFilter:
        return cls(_filter_of_program(machine, deny_open))

    def install(self) -> None:
        """Install the filter; no_new_privs must be set. The process can neither remove nor weaken it."""
        code = self._template.replace(_OWN_PID.to_bytes(4, "little"), os.getpid().to_bytes(4, "little"))
        ctypes.memmove(self._code_address, code, len(code))
        if _libc.syscall(_SECCOMP, SECCOMP_SET_MODE_FILTER, 0, self._descriptor_address, 0, 0) != 0:
            raise ConfineError(f"seccomp: {_why()}")
