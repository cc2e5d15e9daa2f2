"""Handle of the vLLM process in the trainer: start, send orders, receive answers with a timeout, end."""

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

import engine
from engine.machine.process_environment import model_environment
from engine.machine.regular_files import open_regular
from engine.sampling.vllm import compat
from engine.sampling.vllm.settings import VllmSettings
from engine.sampling.vllm.wire import Done, Failed, Order, Ready, Reply, Start, StepOutput, Stop

START_SECONDS = 3600.0
"""Loading a large model from a slow disk and capturing graphs may take long; a dead process is noticed at once."""

WORKER = "engine.sampling.vllm.worker"
_POLL_SECONDS = 1.0
_STOP_SECONDS = 10.0


class VllmGone(Exception):
    """The process died, hung or failed. reason: one line; kind: class of vLLM's exception, where it raised one."""

    def __init__(self, reason: str, kind: str = "") -> None:
        super().__init__(reason)
        self.reason, self.kind = reason, kind


def environment(inherited: Mapping[str, str], settings: VllmSettings) -> dict[str, str]:
    """Return the worker's environment variables; they are set nowhere else.

    VLLM_ENABLE_V1_MULTIPROCESSING=0  the engine runs in the worker itself: one process to watch, and to kill
    VLLM_NO_USAGE_STATS, DO_NOT_TRACK no usage statistics leave the machine
    VLLM_LOGGING_COLOR=0              the log is a file
    VLLM_USE_V2_MODEL_RUNNER          `vllm.model_runner`, unless it is "auto": then the user's own value stays
    PYTHONPATH                        the worker imports the same `engine` as its parent
    OMP_NUM_THREADS                   on a CPU: the sandbox needs the other cores
    CUDA_VISIBLE_DEVICES              the card of `vllm.device`
    PYTORCH_ALLOC_CONF                the user's options, pinned memory without rounding up, and in sleep mode no
                                      expandable segments, which its memory pool cannot have
    """
    on_gpu = settings.device == "cuda"
    variables = dict(inherited)
    if on_gpu:
        variables = model_environment(inherited, settings.card, expandable=None if settings.sleeps else False)
    paths = [str(Path(next(iter(engine.__path__))).parent), *filter(None, [inherited.get("PYTHONPATH")])]
    variables |= {
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "VLLM_LOGGING_COLOR": "0",
        "PYTHONPATH": os.pathsep.join(paths),
    }
    if settings.model_runner != "auto":
        variables[compat.MODEL_RUNNER_VARIABLE] = "1" if settings.model_runner == "v2" else "0"
    if not on_gpu and settings.threads is not None:
        variables["OMP_NUM_THREADS"] = str(settings.threads)
    return variables


class VllmProcess:
    """One worker with its engine. Every method but `close` may raise VllmGone; afterwards call only `close`."""

    def __init__(self, settings: VllmSettings, log: Path) -> None:
        self._hang_seconds = settings.hang_seconds
        self._connection, theirs = Pipe()
        command = [sys.executable, "-P", "-m", WORKER, str(theirs.fileno()), str(os.getpid())]
        appended = open_regular(str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        with open(appended, "ab") as output, theirs:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[theirs.fileno()],
                env=environment(os.environ, settings),
                start_new_session=True,  # Ctrl-C in a terminal is for the trainer
            )
        with contextlib.ExitStack() as otherwise:
            otherwise.callback(self.close, at_once=True)
            self.send(Start(settings.engine_arguments()))
            answer = self._receive(START_SECONDS)
            if not isinstance(answer, Ready):
                raise VllmGone(f"it answered {answer!r} at its start")
            otherwise.pop_all()  # it has started: keep it
        self.version = answer.version

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, order: Order) -> str:
        """Send an order and wait until it is done; return its notice. Late output of abandoned samples is dropped."""
        self.send(order)
        while not isinstance(answer := self._receive(self._hang_seconds), Done):
            pass
        return answer.notice

    def send(self, order: Order) -> None:
        try:
            self._connection.send(order)
        except OSError as error:
            raise VllmGone(self._how_it_ended()) from error

    def next_step(self) -> StepOutput:
        """Wait for the next engine step that produced tokens and return its output.

        Without one for `hang_seconds` the engine counts as hung: raises VllmGone.
        """
        answer = self._receive(self._hang_seconds)
        if not isinstance(answer, StepOutput):
            raise VllmGone(f"it answered {type(answer).__name__} while sampling")
        return answer

    def close(self, *, at_once: bool = False) -> None:
        """End the process and its children: by order first, by SIGKILL at once where `at_once`."""
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
                # Poll the process too: a forked child that holds the socket open would hide its death.
                if self._process.poll() is not None and not self._connection.poll():
                    raise VllmGone(self._how_it_ended())
                if time.monotonic() >= until:
                    raise VllmGone(f"it sent nothing for {patience:g} s")
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
