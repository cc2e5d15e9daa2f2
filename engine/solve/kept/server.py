"""Kept process: solves one request after the other with the models that it has loaded, until its time unused is over.

The main thread solves, as `python -m engine.solve` does. A thread accepts connections, and each connection has one that
reads it to its end: a client that concludes, leaves or dies interrupts its own solve. Loading is never interrupted: the
model stays for the next solve, and half an import of torch would be of no use to anyone.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

from engine.errors import RunError
from engine.printable import printable
from engine.runs.lock import RunLock
from engine.sampling import Completion, OnDelta, Request, Sampler, SamplingParams
from engine.solve.events import EventStream
from engine.solve.kept.identity import Identity, differing, identity_of
from engine.solve.kept.place import Place, listen, peer
from engine.solve.opening import LoadedModel, Wishes, load_model, open_writer
from engine.solve.request import SolveRequest
from engine.solve.writers import Account, Writer
from engine.solve.writers.spec import WriterSpec

LISTENING = "listening"
_FIRST_LINE_SECONDS = 5.0
_LEFT_SECONDS = 30.0
"""Patience with a solve that does not end although its client has left."""
_TICK_SECONDS = 1.0  # a machine that slept wakes up to a clock that has gone on
_USABLE = (0, 2, 130)
"""Exit statuses after which the models are kept: a solve that failed otherwise may have broken them."""

Answer = Callable[[SolveRequest, EventStream, Callable[..., Writer]], int]


def serve(socket_path: Path, answer: Answer) -> int:
    """Serve at `socket_path` until the time unused is over; tell on stdout once the socket listens."""
    place = Place(socket_path)
    try:
        lock = RunLock(place.lock)
    except RunError as error:
        print(printable(str(error)), file=sys.stderr)
        return error.exit_status
    with lock, listen(place) as listener:
        try:
            _KeptProcess(listener, answer).run()
        finally:
            for path in (place.socket, place.lock, place.log):
                path.unlink(missing_ok=True)
    return 0


@dataclass(eq=False)
class _Job:
    """Request of one client, and the line to it."""

    connection: socket.socket
    out: TextIO
    asked: Mapping[str, Any]
    pid: int
    interrupted: bool = False
    over: threading.Event = field(default_factory=threading.Event)


class _KeptProcess:
    """State of the process. `_changed` guards the jobs; the models belong to the main thread."""

    def __init__(self, listener: socket.socket, answer: Answer) -> None:
        self._listener, self._answer = listener, answer
        self._changed = threading.Condition()
        self._jobs: deque[_Job] = deque()
        self._current: _Job | None = None
        self._solving = False  # and so may be interrupted
        self._ending = False
        self._keep_seconds, self._used = 60.0, _now()
        self._loaded: dict[WriterSpec, tuple[LoadedModel, Sampler, list[str]]] = {}
        self._identity: Identity | None = None

    # Main thread ---------------------------------------------------------------------------------------------

    def run(self) -> None:
        signal.signal(signal.SIGINT, self._interrupt)
        signal.signal(signal.SIGTERM, _leave)
        threading.Thread(target=self._accept, daemon=True).start()
        try:
            print(LISTENING, flush=True)
            with open(os.devnull, "w") as nowhere:
                os.dup2(nowhere.fileno(), sys.stdout.fileno())
            while (job := self._next_job()) is not None:
                status = 0
                with contextlib.suppress(ConnectionError, TimeoutError, KeyboardInterrupt):  # its client has left
                    status = self._solve(job)
                self._solving = False
                self._put_away(job, status)
        finally:
            for _, sampler, _ in self._loaded.values():
                sampler.close()

    def _next_job(self) -> _Job | None:
        with self._changed:
            while not self._jobs and not self._ending and self._left_seconds() > 0:
                self._changed.wait(min(self._left_seconds(), _TICK_SECONDS))
            if not self._jobs or self._ending:
                self._ending = True  # a client that connects from now on is not taken: it starts a process of its own
                return None
            self._current = self._jobs.popleft()
            return self._current

    def _solve(self, job: _Job) -> int:
        """Solve in the environment and the folder of the client, which may name files and hold keys of servers."""
        os.environ.clear()
        os.environ.update(job.asked["environment"])
        with contextlib.suppress(OSError):
            os.chdir(job.asked["folder"])
        events = _JobEvents(job, self._set_solving)
        events.tell("accepted")
        return self._answer(SolveRequest.from_json(job.asked["solve"]), events, self._open)

    def _put_away(self, job: _Job, status: int) -> None:
        with self._changed:
            self._current = None
            self._used = _now()
            self._ending = self._ending or status not in _USABLE
        job.over.set()
        with contextlib.suppress(OSError):
            job.connection.shutdown(socket.SHUT_RDWR)
        os.chdir("/")  # the client's folder may be unmounted or removed

    def _open(self, spec: WriterSpec, wishes: Wishes, tell: Callable[[str], None], account: Account) -> Writer:
        """Open a writer as `open_writer` does, over a model that stays loaded if it is a local one."""
        if spec.kind == "openai":
            return open_writer(spec, wishes, tell, account)
        if spec not in self._loaded:
            said: list[str] = []
            model = load_model(spec, wishes.max_tokens, said.append)
            shared = replace(model, sampler=_SharedSampler(model.sampler))
            self._loaded[spec] = shared, model.sampler, said
            self._identity = identity_of(list(self._loaded))
        model, _, said = self._loaded[spec]
        for text in said:
            tell(text)
        return model.writer(wishes)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self._solving and self._current is not None and self._current.interrupted:
            self._current.interrupted = False
            raise KeyboardInterrupt

    def _set_solving(self, job: _Job, solving: bool) -> None:
        self._solving = solving
        if solving and job.interrupted:
            job.interrupted = False
            raise KeyboardInterrupt

    # Threads of the connections ------------------------------------------------------------------------------

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._converse, args=(connection,), daemon=True).start()
        self._end()

    def _converse(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, ValueError):
            pid, uid = peer(connection)
            if uid != os.geteuid():
                return
            connection.settimeout(_FIRST_LINE_SECONDS)
            lines = connection.makefile("r", encoding="utf-8")
            asked = json.loads(lines.readline())
            out = connection.makefile("w", encoding="utf-8")
            if "solve" not in asked:
                _say(out, event="status", **self._status())
                if "end" in asked:
                    self._end()
                return
            job = _Job(connection, out, asked, pid)
            if self._take(job):
                # A client that stops reading, such as one stopped by Ctrl-Z, holds the process about as long.
                connection.settimeout(max(_LEFT_SECONDS, self._keep_seconds))
                self._listen_to(job, lines)

    def _take(self, job: _Job) -> bool:
        """Put the job into the queue; tell the client to wait, or that the models are no longer what it asks for."""
        with self._changed:
            differs = differing(self._identity, job.asked["identity"]) if self._identity is not None else []
            before = self._jobs[-1] if self._jobs else self._current
            if differs and not self._ending:
                self._ending = before is None
                _say(job.out, event="refused", differs=differs, ending=self._ending)
                self._changed.notify_all()
            if differs or self._ending:
                return False
            if before is not None:
                _say(job.out, event="waiting", pid=before.pid)
            self._keep_seconds = job.asked["keep"] or self._keep_seconds
            self._jobs.append(job)
            self._changed.notify_all()
            return True

    def _listen_to(self, job: _Job, lines: TextIO) -> None:
        """Interrupt the job for every line of its client, and once more when the client has left."""
        is_there = True
        while is_there:
            try:
                is_there = bool(lines.readline())
            except TimeoutError:
                if not job.over.is_set():
                    lines = job.connection.makefile("r", encoding="utf-8")
                    continue
            except OSError:
                is_there = False
            with self._changed:
                job.interrupted = True
                if job in self._jobs:
                    self._jobs.remove(job)
                    with contextlib.suppress(OSError):
                        _say(job.out, event="fault", message="interrupted while waiting", remedy="", status=130)
                    return
                if self._current is job:
                    _wake_main_thread()
        if not job.over.wait(_LEFT_SECONDS) and self._solving:
            print("a solve did not end after its client had left", file=sys.stderr, flush=True)
            os._exit(1)

    def _end(self) -> None:
        with self._changed:
            self._ending = True
            self._changed.notify_all()
            if self._current is not None:
                self._current.interrupted = True
                _wake_main_thread()

    def _status(self) -> dict[str, object]:
        with self._changed:
            return {
                "pid": os.getpid(),
                "models": [str(spec) for spec in self._loaded],
                "busy": self._current is not None,
                "keep_seconds": self._keep_seconds,
                "left_seconds": max(0.0, self._left_seconds()),
            }

    def _left_seconds(self) -> float:
        return self._used + self._keep_seconds - _now()


class _JobEvents(EventStream):
    """Events of one job. A solve may be interrupted between `problem` and its solution: outside it loads or closes."""

    def __init__(self, job: _Job, set_solving: Callable[[_Job, bool], None]) -> None:
        super().__init__(job.out)
        self._job, self._set_solving = job, set_solving

    def tell(self, event: str, **fields: object) -> None:
        if event in ("solution", "fault"):
            self._set_solving(self._job, False)
        super().tell(event, **fields)
        if event == "problem":
            self._set_solving(self._job, True)


class _SharedSampler:
    """Sampler that outlives its writers, for one of them at a time: an interrupted one ends with its next answer."""

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler
        self._turn = threading.Lock()

    def sample(
        self, requests: Sequence[Request], params: SamplingParams, on_delta: OnDelta | None = None
    ) -> Iterator[Completion]:
        with self._turn:
            yield from self._sampler.sample(requests, params, on_delta)

    def rest(self) -> None:
        self._sampler.rest()

    def close(self) -> None:
        """Keep the sampler: the process closes it."""


def _now() -> float:
    """Return seconds since the start of the machine, those of its sleep included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _say(out: TextIO, **message: object) -> None:
    out.write(json.dumps(message) + "\n")
    out.flush()


def _wake_main_thread() -> None:
    # To the thread itself: a signal to the process may reach another one, and then breaks no wait of the main thread.
    main = threading.main_thread().ident
    assert main is not None
    signal.pthread_kill(main, signal.SIGINT)


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
