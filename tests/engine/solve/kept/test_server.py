"""Kept process over real sockets, with a stand-in for solving that loads for `seed` and solves for `budget` seconds."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import pytest

from engine.errors import EnvironmentError_
from engine.problems import IOExample, Problem
from engine.solve.kept.place import Place, connect, kept_folder, own_folder, peer, place_of
from engine.solve.request import SolveRequest, Task

ROOT = Path(__file__).parents[4]
STAND_IN = """
import os, sys, time
from pathlib import Path
from engine.solve.kept.server import serve

def answer(request, events, opened):
    time.sleep(request.seed)
    events.tell("ready", variable=os.environ.get("MINE"), folder=os.getcwd())
    ended = ""
    try:
        events.problem(0, request.tasks[0].problem)
        end = time.monotonic() + float(request.budget or 0)
        while time.monotonic() < end:
            time.sleep(0.05)  # as solving polls: a signal on the way into a long sleep would not end it
    except KeyboardInterrupt:
        ended = "interrupted"
    events.tell("solution", solution={"ended": ended})
    return int(request.coder)

sys.exit(serve(Path(sys.argv[1]), answer))
"""
SECONDS = 60.0
PROBLEM = Problem(id="p", statement="Add.", public=(IOExample("1", "1"),), hidden=(), solutions=(), time_limit=None)
QUICK = SolveRequest((Task(PROBLEM, "Add."),), coder="0", tester="0", n=1, m=1, seed=0, strategy="bon")
LONG = replace(QUICK, budget="600")


@contextmanager
def kept(place: Place) -> Iterator[subprocess.Popen[str]]:
    own_folder(place.socket.parent)
    command = [sys.executable, "-c", STAND_IN, str(place.socket)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "listening\n"
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def place(own_home: Path) -> Place:
    return place_of("x")


class Client:
    """Connection to a kept process, with the messages that it sent."""

    def __init__(self, place: Place, **message: Any) -> None:
        self.connection = connect(place, SECONDS)
        self.lines: TextIO = self.connection.makefile("r", encoding="utf-8")
        if message:
            self.send(**message)

    @classmethod
    def solving(cls, place: Place, request: SolveRequest = QUICK, keep: float = 60.0, **fields: Any) -> Client:
        asked = {"identity": {}, "keep": keep, "environment": dict(os.environ), "folder": "/"} | fields
        return cls(place, solve=request.to_json(), **asked)

    def send(self, **message: Any) -> None:
        self.connection.sendall(json.dumps(message).encode() + b"\n")

    def next(self) -> dict[str, Any]:
        return dict(json.loads(self.lines.readline()))

    def names(self, last: str = "") -> list[str]:
        """Return the names of the messages up to `last`, or to the end."""
        names: list[str] = []
        while (line := self.lines.readline()) and (not names or names[-1] != last):
            names.append(json.loads(line)["event"])
            if names[-1] == last:
                break
        return names

    def leave(self) -> None:
        self.connection.shutdown(socket.SHUT_RDWR)


WHOLE = ["accepted", "ready", "problem", "solution"]


def test_one_solve_after_another_is_answered_in_its_client_s_environment_and_folder(place: Place) -> None:
    with kept(place):
        for value, folder in (("one", "/tmp"), ("two", "/")):
            client = Client.solving(place, environment={"MINE": value}, folder=folder)
            assert client.next()["event"] == "accepted"
            ready = client.next()
            assert (ready["variable"], ready["folder"]) == (value, folder)
            assert client.names() == ["problem", "solution"]


def test_it_ends_itself_when_it_was_unused_for_its_time_and_leaves_nothing(place: Place) -> None:
    with kept(place) as process:
        started = time.monotonic()
        assert Client.solving(place, keep=1.5).names() == WHOLE
        assert process.wait(SECONDS) == 0
        assert time.monotonic() - started >= 1.5
        assert list(place.socket.parent.iterdir()) == []


def test_a_solve_restarts_the_time(place: Place) -> None:
    with kept(place):
        Client.solving(place, keep=100.0).names()
        status = Client(place, status=True).next()
        assert (status["busy"], status["keep_seconds"]) == (False, 100.0)
        assert 90 < status["left_seconds"] <= 100
        Client.solving(place, keep=None).names()  # type: ignore[arg-type]  # as from a solve without --keep
        assert Client(place, status=True).next()["keep_seconds"] == 100.0


def test_ctrl_c_concludes_the_solve_and_not_the_process(place: Place) -> None:
    with kept(place):
        client = Client.solving(place, LONG)
        assert client.names("problem") == WHOLE[:3]
        client.send(conclude=True)
        assert client.next()["solution"] == {"ended": "interrupted"}
        assert client.names() == []
        assert Client.solving(place).names() == WHOLE


def test_a_ctrl_c_while_it_loads_takes_effect_when_the_problem_begins(place: Place) -> None:
    with kept(place):
        client = Client.solving(place, replace(LONG, seed=1))
        assert client.next()["event"] == "accepted"
        client.send(conclude=True)
        assert client.names() == WHOLE[1:]
        assert Client.solving(place).names() == WHOLE


@pytest.mark.parametrize("how", ["closed", "killed"])
def test_a_client_that_is_gone_ends_its_solve_alone(place: Place, how: str) -> None:
    with kept(place) as process:
        if how == "closed":
            client = Client.solving(place, LONG)
            client.names("problem")
            client.leave()
        else:
            code = "from tests.engine.solve.kept.test_server import *; c = Client.solving(place_of('x'), LONG)\n"
            code += "c.names('problem'); print('there', flush=True); time.sleep(600)"
            other = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
            assert other.stdout is not None
            assert other.stdout.readline() == "there\n"
            other.kill()
            other.communicate()
        following = Client.solving(place)
        assert following.names()[-len(WHOLE) :] == WHOLE
        assert process.poll() is None


def test_a_second_solve_waits_for_the_first_and_is_told_so(place: Place) -> None:
    with kept(place):
        first = Client.solving(place, LONG)
        first.names("problem")
        second = Client.solving(place)
        assert second.next() == {"event": "waiting", "pid": os.getpid()}
        assert Client(place, status=True).next()["busy"] is True
        first.send(conclude=True)
        assert second.names() == WHOLE


def test_a_waiting_solve_can_be_interrupted(place: Place) -> None:
    with kept(place):
        first = Client.solving(place, LONG)
        first.names("problem")
        second = Client.solving(place)
        second.next()
        second.send(conclude=True)
        assert second.next()["status"] == 130
        first.send(conclude=True)
        assert first.names() == ["solution"]
        assert Client.solving(place).names() == WHOLE


def test_asked_to_end_it_ends_even_in_the_middle_of_a_solve(place: Place) -> None:
    with kept(place) as process:
        client = Client.solving(place, LONG)
        client.names("problem")
        assert Client(place, end=True).next()["pid"] == process.pid
        assert client.next()["solution"] == {"ended": "interrupted"}
        assert process.wait(SECONDS) == 0


def test_a_solve_that_failed_is_the_last(place: Place) -> None:
    with kept(place) as process:
        Client.solving(place, replace(QUICK, coder="2")).names()
        Client.solving(place, replace(QUICK, coder="6")).names()
        assert process.wait(SECONDS) == 0


@pytest.mark.parametrize("line", [b"\n", b"GET / HTTP/1.1\n\n", b"{}\n", b'{"solve": 3}\n', b"\xff\xfe\n", b"", b"7\n"])
def test_a_client_of_another_tongue_disturbs_nobody(place: Place, line: bytes) -> None:
    with kept(place):
        connection = connect(place, SECONDS)
        connection.sendall(line)
        connection.close()
        assert Client.solving(place).names() == WHOLE


def test_a_second_process_at_the_same_place_gives_way(place: Place) -> None:
    with kept(place) as process:
        command = [sys.executable, "-c", STAND_IN, str(place.socket)]
        second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)
        assert (second.returncode, second.stdout) == (6, "")
        assert Client(place, status=True).next()["pid"] == process.pid


def test_a_process_takes_the_place_of_a_killed_one(place: Place) -> None:
    with kept(place) as process:
        process.kill()
        process.wait()
        assert place.socket.exists()
        with pytest.raises(ConnectionRefusedError):
            connect(place, SECONDS)
        with kept(place):
            assert Client.solving(place).names() == WHOLE


def test_folder_and_socket_are_their_owner_s_alone(place: Place) -> None:
    with kept(place) as process:
        assert stat.S_IMODE(place.socket.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(place.socket.stat().st_mode) == 0o600
        assert peer(connect(place, SECONDS)) == (process.pid, os.geteuid())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_is_refused_even_where_the_file_s_mode_is_not(place: Place, tmp_path: Path) -> None:
    with kept(place):
        for folder in (place.socket.parent, *place.socket.parent.parents):
            if folder.is_relative_to(Path("/tmp")) and folder != Path("/tmp"):
                folder.chmod(0o755)
        place.socket.chmod(0o666)
        code = (
            "import os, socket, sys; os.setuid(65534); s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
            "s.sendall(b'{\"status\": true}\\n'); print(s.recv(1000))"
        )
        with contextlib.chdir(place.socket.parent):
            command = [sys.executable, "-c", code, place.socket.name]
            other = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        assert other.stdout == "b''\n" or "BrokenPipe" in other.stderr or "ConnectionReset" in other.stderr, (
            other.stderr
        )
        assert Client.solving(place).names() == WHOLE


def test_a_link_in_place_of_the_folder_is_refused(own_home: Path, tmp_path: Path) -> None:
    own_home.mkdir()
    kept_folder().symlink_to(tmp_path)
    with pytest.raises(EnvironmentError_, match="not a folder of your own"):
        own_folder(kept_folder())


def test_a_home_folder_of_any_length_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURE_TUI_HOME", str(tmp_path / ("long" * 40) / ("way" * 40)))
    place = place_of("x")
    with kept(place):
        assert Client.solving(place).names() == WHOLE


def test_sigterm_ends_it_in_order(place: Place) -> None:
    with kept(place) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 128 + signal.SIGTERM
        assert not place.socket.exists()
