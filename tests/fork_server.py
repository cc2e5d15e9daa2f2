"""Server of forked commands: it does the imports of the command line once, and forks for each command.

    python -P tests/fork_server.py DESCRIPTOR

The descriptor is a socket of sequenced packets. A packet asks for one command and brings five descriptors: the socket
of that command, its request in a file, and its three streams. The server sends the command's PID there, and at its
end the exit status. `tests/forked.py` is the client.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import sys
import time
from types import ModuleType
from typing import NoReturn

from engine.sandbox.confined.ending import flush_quietly, leave, report


def main() -> None:
    """Serve until the tests end; a forked command ends here, too, as if it had been started anew."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests, whose end is the server's
    import_interface()
    atexit.unregister(gc.unfreeze)  # of engine.machine.process_memory
    gc.collect()
    gc.freeze()  # a collection in a child would copy every page
    asked = fork_for_each(socket.socket(fileno=int(sys.argv[1])))
    if asked:
        become(*asked)


def import_interface() -> None:
    import cure_tui

    for module in pkgutil.walk_packages(cure_tui.__path__, "cure_tui."):
        if not module.name.endswith("__main__"):
            with contextlib.suppress(ImportError):  # of an extra that is not installed
                importlib.import_module(module.name)


def fork_for_each(control: socket.socket) -> list[int]:
    """Serve; return the descriptors of a request in each child, and none in the server at its end."""
    selector = selectors.DefaultSelector()
    selector.register(control, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.data is not None:
                selector.unregister(key.fd)
                os.close(key.fd)
                report_end(*key.data)
                continue
            packet, descriptors, *_ = socket.recv_fds(control, 1, 5)
            if not packet:
                return []
            pid = os.fork()
            if pid == 0:
                return descriptors
            for descriptor in descriptors[1:]:
                os.close(descriptor)
            command = socket.socket(fileno=descriptors[0])
            command.send(str(pid).encode())
            selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, command))


def report_end(pid: int, command: socket.socket) -> None:
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with command, contextlib.suppress(OSError):  # a test may have given it up
        command.send(str(status).encode())


def become(_: int, request: int, *streams: int) -> None:
    """Take on the surroundings of a command and run it to its end."""
    asked = json.loads(os.pread(request, os.fstat(request).st_size, 0))
    os.environ.clear()
    os.environ.update(asked["environment"])
    time.tzset()
    os.umask(asked["umask"])
    os.chdir(asked["folder"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if asked["terminal"]:
        streams = (lead_session(asked["terminal"], streams[0]),) * 3
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    open_standard_streams()
    run_to_the_end(asked["command"])


def open_standard_streams() -> None:
    """Open the streams as a starting Python does: the old ones know what they were opened on."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        old = getattr(sys, name)
        new = open(  # noqa: SIM115
            number, old.mode, encoding=old.encoding, errors=old.errors, newline="\n" if number else None, closefd=False
        )
        if number == 2:
            new.reconfigure(line_buffering=True)
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)


def lead_session(terminal: str, keeper: int) -> int:
    """Lead a session in a terminal as a shell does; return the terminal in the command, and nowhere else.

    The leader tells the status through the terminal, behind all output, and stays until it can read from `keeper`.
    """
    os.setsid()
    descriptor = os.open(terminal, os.O_RDWR)  # a new session's first terminal is its own
    signal.signal(signal.SIGINT, lambda number, frame: None)
    signal.signal(signal.SIGQUIT, lambda number, frame: None)
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGQUIT, signal.SIG_DFL)
        return descriptor
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.write(descriptor, b"\033_status %d\033\\" % (status if status >= 0 else 128 - status))
    os.read(keeper, 1)
    os._exit(0)


def run_as_main(command: list[str]) -> None:
    """Run `-m MODULE` or `-c CODE` with its arguments, as Python does at its start."""
    if command[0] == "-P":
        command = command[1:]
    else:
        sys.path.insert(0, os.getcwd() if command[0] == "-m" else "")
    how, what, *arguments = command
    sys.argv = [how, *arguments]
    if how == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        sys.modules["__main__"] = module = ModuleType("__main__")
        exec(compile(what, "<string>", "exec"), vars(module))


def run_to_the_end(command: list[str]) -> NoReturn:
    """Run a command and end as Python does, but leave alone what the server has loaded: that is most of the memory."""
    status = 0
    try:
        run_as_main(command)
    except BaseException as error:  # noqa: BLE001
        flush_quietly()
        status = report(error)
    leave(status)


if __name__ == "__main__":
    main()
