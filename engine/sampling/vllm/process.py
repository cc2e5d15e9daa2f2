"""The vLLM process seen from the trainer: started, asked, listened to with a limit of patience, ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from multiprocessing.connection import Pipe
from pathlib import Path
from typing import Any

import engine
from engine.sampling.vllm.wire import Done, Failed, Order, Ready, Reply, Start, StepOutput, Stop

START_SECONDS = 3600.0
"""Reading a large model from a slow disk and capturing graphs may take long; a process that dies is noticed at once."""

WORKER = "engine.sampling.vllm.worker"
_POLL_SECONDS = 1.0
_STOP_SECONDS = 10.0


class VllmGone(Exception):
    """The process died, hung or gave up. reason: one line; kind: vLLM's own exception, where it raised one."""

    def __init__(self, reason: str, kind: str = "") -> None:
        super().__init__(reason)
        self.reason, self.kind = reason, kind


def environment(inherited: Mapping[str, str], threads: int | None) -> dict[str, str]:
    """The worker's environment variables; the only place where any are set.

    VLLM_ENABLE_V1_MULTIPROCESSING=0  the engine runs in the worker itself: one process to watch, and to kill
    VLLM_NO_USAGE_STATS, DO_NOT_TRACK nothing is reported to anybody
    VLLM_LOGGING_COLOR=0              the log is a file
    PYTHONPATH                        the worker finds the same `engine` as its parent
    OMP_NUM_THREADS                   on a CPU: the sandbox needs the other cores
    PYTORCH_*ALLOC_CONF               left out where they ask for expandable_segments, which sleep mode cannot have
    """
    variables = {
        name: value
        for name, value in inherited.items()
        if not (name.endswith("ALLOC_CONF") and "expandable_segments" in value)
    }
    paths = [str(Path(next(iter(engine.__path__))).parent), *filter(None, [inherited.get("PYTHONPATH")])]
    variables |= {
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "VLLM_LOGGING_COLOR": "0",
        "PYTHONPATH": os.pathsep.join(paths),
    }
    if threads is not None:
        variables["OMP_NUM_THREADS"] = str(threads)
    return variables


class VllmProcess:
    """One worker with its engine. Every method but `close` raises VllmGone, after which only `close` may be called."""

    def __init__(self, arguments: dict[str, Any], *, threads: int | None, log: Path, hang_seconds: float) -> None:
        self._hang_seconds = hang_seconds
        self._connection, theirs = Pipe()
        command = [sys.executable, "-P", "-m", WORKER, str(theirs.fileno()), str(os.getpid())]
        with log.open("ab") as output, theirs:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[theirs.fileno()],
                env=environment(os.environ, threads),
                start_new_session=True,  # Ctrl-C in a terminal is for the trainer
            )
        with contextlib.ExitStack() as otherwise:
            otherwise.callback(self.close, at_once=True)
            self.send(Start(arguments))
            answer = self._receive(START_SECONDS)
            if not isinstance(answer, Ready):
                raise VllmGone(f"it answered {answer!r} at its start")
            otherwise.pop_all()  # it has started
        self.version = answer.version

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, order: Order) -> None:
        """Give an order and wait until it is carried out. What is left of samples under way is thrown away."""
        self.send(order)
        while not isinstance(self._receive(self._hang_seconds), Done):
            pass

    def send(self, order: Order) -> None:
        try:
            self._connection.send(order)
        except OSError as error:
            raise VllmGone(self._how_it_ended()) from error

    def next_step(self) -> StepOutput:
        """What the engine's next step that brings tokens has brought; waits for it.

        An engine that goes on without any for `hang_seconds` hangs.
        """
        answer = self._receive(self._hang_seconds)
        if not isinstance(answer, StepOutput):
            raise VllmGone(f"it answered {type(answer).__name__} while sampling")
        return answer

    def close(self, *, at_once: bool = False) -> None:
        """End the process and all that it started; politely unless `at_once`."""
        if not at_once:
            with contextlib.suppress(VllmGone, subprocess.TimeoutExpired):
                self.send(Stop())
                self._process.wait(_STOP_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._connection.close()

    def _receive(self, patience: float) -> Reply:
        until = time.monotonic() + patience
        try:
            while not self._connection.poll(min(_POLL_SECONDS, max(0.0, until - time.monotonic()))):
                # A socket that a forked child holds open would hide the death.
                if self._process.poll() is not None and not self._connection.poll():
                    raise VllmGone(self._how_it_ended())
                if time.monotonic() >= until:
                    raise VllmGone(f"nothing came from it for {patience:g} s")
            answer: Reply = self._connection.recv()
        except (EOFError, OSError) as error:
            raise VllmGone(self._how_it_ended()) from error
        if isinstance(answer, Failed):
            raise VllmGone(f"{answer.kind}: {answer.reason}", answer.kind)
        return answer

    def _how_it_ended(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = self._process.wait(_POLL_SECONDS)
            return f"killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        return "closed its connection"
