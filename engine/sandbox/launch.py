"""Command line, environment and readable files of a cell."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from engine.sandbox.confined import wire
from engine.sandbox.libraries import find_library, paths_of
from engine.sandbox.limits import Limits

_CONFINED = Path(__file__).with_name("confined")
_MOUNTED_AT = "/cell"
_LIBRARIES_AT = "/cell/libraries"
_LIBRARY_BYTES = 192 << 20
"""Address space that a library maps before a program starts (measured: numpy 150 MiB), above the program's limit."""
_BOOT = "import sys; sys.path.insert(0, {!r}); from confined.zygote import main; main()"
# Not -E or -I: they ignore PYTHONHASHSEED, so set order would differ between cells. The environment is clean anyway.
_PYTHON_FLAGS = ("-s", "-P", "-S", "-B", "-X", "utf8")


@dataclass(frozen=True, slots=True)
class Confinement:
    """Mechanisms that confine a cell, besides resource limits and separate processes, which every level has."""

    bubblewrap: bool
    landlock: bool
    seccomp: bool

    @property
    def deny_open(self) -> bool:
        """True where programs may open no file at all, because no mechanism can tell allowed files from others."""
        return self.seccomp and not self.landlock and not self.bubblewrap


@dataclass(frozen=True, slots=True)
class Setup:
    """Libraries that a cell offers its programs besides the standard one.

    `libraries`: names of distributions of the environment that runs the engine, imported before a program starts.
    `swallow_prompts`: input("n? ") prints no prompt, as in the executor published with CURE.
    `hash_seed`: decides the order of sets of strings; a program whose output depends on it has no certain output.
    """

    libraries: tuple[str, ...] = ()
    swallow_prompts: bool = False
    hash_seed: int = 0


PLAIN = Setup()


def bubblewrap_path() -> str | None:
    """Find the system's bwrap; the package of that name on PyPI is something else."""
    return shutil.which("bwrap")


def environment(hash_seed: int = 0) -> dict[str, str]:
    """Return the environment of a cell: fixed, without any variable of the user.

    MALLOC_ARENA_MAX: each arena reserves 64 MB of address space, so 21 threads would exhaust the memory limit.
    LD_BIND_NOW: functions resolved later would be resolved, and their table's pages copied, in every program.
    OPENBLAS_NUM_THREADS: numpy's threads would not survive the fork, and their buffers count as memory.
    """
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": "/",
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": str(hash_seed),
        "MALLOC_ARENA_MAX": "2",
        "LD_BIND_NOW": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


def interpreter() -> str:
    """Return the real interpreter below any virtual environment: programs get the standard library only."""
    return os.path.realpath(getattr(sys, "_base_executable", "") or sys.executable)


def readable_paths() -> tuple[str, ...]:
    """List the paths a program may read: the interpreter, its libraries, and the system's shared libraries."""
    python_library = os.path.dirname(os.path.realpath(os.__file__))
    prefix_library = os.path.join(os.path.realpath(sys.base_prefix), "lib")
    paths = [interpreter(), prefix_library, python_library]
    paths += ["/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", "/lib", "/lib64"]
    paths += ["/etc/ld.so.cache", "/etc/localtime"]
    if interpreter().startswith("/nix/store"):
        paths.append("/nix/store")
    return tuple(dict.fromkeys(path for path in paths if os.path.exists(path)))


def command(confinement: Confinement, setup: Setup = PLAIN) -> list[str]:
    """Build the command line of a cell; fd 0 is its control socket, fd 2 its log. The limits are not in it."""
    libraries = paths_of(setup.libraries)
    folder = _MOUNTED_AT if confinement.bubblewrap else str(_CONFINED.parent)
    python = [interpreter(), *_PYTHON_FLAGS, "-c", _BOOT.format(folder)]
    return [*_bubblewrap_arguments(libraries), *python] if confinement.bubblewrap else python


def settings(limits: Limits, confinement: Confinement, setup: Setup = PLAIN) -> wire.Settings:
    """Build the zygote's settings. Threads are limited only with bubblewrap: the kernel counts them per user."""
    libraries = paths_of(setup.libraries)
    if confinement.bubblewrap:
        mounted = tuple(f"{_LIBRARIES_AT}/{os.path.basename(path)}" for path in libraries)
    else:
        mounted = libraries
    return wire.Settings(
        use_landlock=confinement.landlock,
        use_seccomp=confinement.seccomp,
        deny_open=confinement.deny_open,
        count_threads=confinement.bubblewrap,
        readable=(*readable_paths(), *mounted),
        libraries=tuple(module for each in map(find_library, setup.libraries) if each for module in each.modules),
        library_paths=mounted,
        library_bytes=_LIBRARY_BYTES * len(libraries),
        swallow_prompts=setup.swallow_prompts,
        sticky_after=limits.sticky_after,
        compile_seconds=limits.compile_seconds,
        memory_bytes=limits.memory_mb << 20,
        address_bytes=limits.address_mb << 20,
        output_bytes=limits.output_kb << 10,
        stderr_bytes=limits.stderr_kb << 10,
        stack_bytes=limits.stack_mb << 20,
        open_files=limits.open_files,
        threads=limits.threads,
    )


def _bubblewrap_arguments(libraries: tuple[str, ...]) -> list[str]:
    namespaces = "--unshare-user --unshare-ipc --unshare-pid --unshare-net --unshare-uts --unshare-cgroup-try"
    identity = "--uid 65534 --gid 65534 --hostname cell --die-with-parent --cap-drop ALL --chdir /"
    arguments = [bubblewrap_path() or "bwrap", *namespaces.split(), *identity.split()]
    for path in readable_paths():
        if os.path.islink(path):  # /lib -> usr/lib
            arguments += ["--symlink", os.readlink(path), path]
        else:
            arguments += ["--ro-bind", path, path]
    for device in ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"):
        arguments += ["--dev-bind-try", device, device]
    arguments += ["--ro-bind", str(_CONFINED), f"{_MOUNTED_AT}/confined"]
    for path in libraries:
        arguments += ["--ro-bind", path, f"{_LIBRARIES_AT}/{os.path.basename(path)}"]
    return [*arguments, "--remount-ro", "/", "--"]
