"""Running `cure-tui reward serve`, and clients that ask it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from tests.cure_tui.command_line import Cli

SECONDS = 120.0
WITH_BOUNDS = """\
import engine.rewarding.serving.server as server
from cure_tui.cli import main

server.MOST_REQUESTS, server.SECONDS_FOR_BODY, server.MOST_AT_WORK = {requests}, {seconds}, 1
main()
"""
DOUBLE = "print(int(input()) * 2)"
TASK = {
    "programs": [DOUBLE, "print(1)", None],
    "tests": [{"input": "1", "output": "2"}, {"input": "1", "output": "3"}, None],
    "truth": [{"input": "3", "output": "6"}],
}


@dataclass(frozen=True)
class Served:
    """Running `cure-tui reward serve`."""

    process: subprocess.Popen[str]
    address: str
    key_file: Path

    @property
    def key(self) -> str:
        return self.key_file.read_text().strip()

    @property
    def netloc(self) -> tuple[str, int]:
        parts = urlsplit(self.address)
        assert parts.hostname is not None
        assert parts.port is not None
        return parts.hostname, parts.port

    def send(self, body: bytes | None, path: str = "", **headers: str) -> tuple[int, Any]:
        """Return status and JSON of an answer. Headers replace the right ones; those that are "" are left out."""
        own = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"} | headers
        given = {name.replace("_", "-"): value for name, value in own.items() if value}
        url = self.address if not path else f"http://{self.netloc[0]}:{self.netloc[1]}{path}"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, given), timeout=SECONDS) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, json.loads(refusal.read())

    def ask(self, *tasks: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the answers to some tasks."""
        status, answer = self.send(json.dumps({"tasks": tasks}).encode())
        assert status == 200, answer
        found: list[dict[str, Any]] = answer["tasks"]
        return found

    def request(self, body: bytes, *headers: str) -> bytes:
        """Return a request as its bytes, to be sent in parts; the length is that of `body` unless headers say more."""
        own = [f"Host: {self.netloc[0]}:{self.netloc[1]}", f"Authorization: Bearer {self.key}"]
        length = [] if any(each.startswith("Content-Length") for each in headers) else [f"Content-Length: {len(body)}"]
        return "\r\n".join(["POST /v1/rewards HTTP/1.1", *own, *length, *headers, "", ""]).encode() + body

    def family(self) -> list[psutil.Process]:
        """Return the server's process and all below it."""
        server = psutil.Process(self.process.pid)
        return [server, *server.children(recursive=True)]


def cpu_seconds(process: psutil.Process) -> float:
    """Return the CPU time of a process, 0 for one that has just ended."""
    try:
        return float(process.cpu_times().user)
    except psutil.NoSuchProcess:
        return 0.0


def start(cli: Cli, *arguments: str, **bounds: float) -> Served:
    """Start a server and wait until it answers. bounds: `requests` at once and `seconds` for a body."""
    code = ["-m", "cure_tui"]
    if bounds:
        code = ["-c", WITH_BOUNDS.format(**{"requests": 256, "seconds": 30.0} | bounds)]
    command = [sys.executable, *code, "reward", "serve", "--port", "0", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(command, cwd=cli.folder, env=cli.environment, text=True, **pipes)
    assert process.stdout is not None
    assert process.stderr is not None
    address = process.stdout.readline().strip()
    said = process.stderr.readline() if address else process.communicate(timeout=SECONDS)[1]
    assert said.startswith("key: "), said
    return Served(process, address, Path(said.removeprefix("key: ").strip()))


def end(served: Served) -> str:
    """End a server; return what it has said since it was ready."""
    served.process.terminate()
    return "".join(served.process.communicate(timeout=SECONDS))
