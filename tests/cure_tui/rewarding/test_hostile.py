"""Hostile programs through `cure-tui reward serve`: held, judged, and no harm to the server or to honest neighbours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psutil
import pytest

from tests.cure_tui.rewarding.served import DOUBLE, Served

TRUTH = [{"input": "1", "output": "2"}, {"input": "3", "output": "6"}]
ATTACKS = {
    "fork bomb": "import os\nwhile True: os.fork()",
    "threads": "import threading\nwhile True: threading.Thread(target=input, daemon=True).start()",
    "memory": "hold = []\nwhile True: hold.append(bytearray(1 << 24))",
    "10 MB of output": "import sys\nsys.stdout.write('x' * (10 << 20))\nprint(2)",
    "output without end": "while True: print('é' * 4096)",
    "10 MB of errors": "import sys\nsys.stderr.write('x' * (10 << 20))\nsys.exit(1)",
    "reads the key": "print(open({key!r}).read())",
    "writes beside the key": "open({folder!r} + '/written', 'w').write('x')\nprint(2)",
    "removes the key": "import os\nos.unlink({key!r})\nprint(2)",
    "asks the server": "import socket\nsocket.create_connection(('127.0.0.1', {port}))\nprint(2)",
    "listens": "import socket\nsocket.create_server(('127.0.0.1', 0))\nprint(2)",
    "kills its parent": "import os\nos.kill(os.getppid(), 9)\nprint(2)",
    "kills the server": "import os\nos.kill({server}, 9)\nprint(2)",
    "kills a process of the user": "import os\nos.kill({victim}, 9)\nprint(2)",
    "kills all": "import os\nos.kill(-1, 9)\nprint(2)",
    "stops its parent": "import os, signal\nos.kill(os.getppid(), signal.SIGSTOP)\nprint(2)",
    "runs a command": "import subprocess\nsubprocess.run(['/bin/echo', '2'])",
    "endless loop": "while True: pass",
    "sleeps": "import time\ntime.sleep(1000)",
    "closes its pipes": "import os\nfor n in range(64):\n  try: os.close(n)\n  except OSError: pass\nos._exit(0)",
    "deep brackets": "(" * 100_000,
    "compiles for ever": "x = " + "+".join(["1"] * 30_000) + "\nprint(2**10**9)",
    "segmentation fault": "import ctypes\nctypes.string_at(0)",
}


@dataclass(frozen=True)
class Targets:
    """Things that an attack is told of."""

    key: str
    folder: str
    port: int
    server: int
    victim: int


@pytest.fixture(scope="module")
def targets(served: Served) -> Iterator[Targets]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as victim:
        file = served.key_file
        yield Targets(str(file), str(file.parent), served.netloc[1], served.process.pid, victim.pid)
        assert victim.poll() is None
        victim.kill()


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_held_and_its_honest_neighbours_keep_their_rewards(
    served: Served, targets: Targets, name: str
) -> None:
    attack = ATTACKS[name] if "{" not in ATTACKS[name] else ATTACKS[name].format(**vars(targets))
    key, files = served.key, sorted(os.listdir(targets.folder))
    tests = [{"input": "1", "output": "2"}, {"input": "7", "output": "14"}]
    (answer,) = served.ask({"programs": [DOUBLE, attack, DOUBLE], "tests": tests, "truth": TRUTH, "time_limit": 0.5})
    assert answer["matrix"]["truth"][0] == answer["matrix"]["truth"][2] == [True, True]
    assert answer["rewards"]["coder"] == [1.0, 0.0, 1.0]
    assert answer["right"] == [True, True]
    assert served.process.poll() is None
    assert psutil.pid_exists(targets.victim)
    assert served.key == key
    assert sorted(os.listdir(targets.folder)) == files
    (again,) = served.ask({"programs": [DOUBLE], "truth": TRUTH})
    assert again["rewards"]["coder"] == [1.0]


def test_attacks_leave_no_process_behind(served: Served) -> None:
    bombs = ["import os, time\nos.setsid()\n", "import os\nif not os.fork(): os.setsid()\nwhile True: pass"]
    served.ask({"programs": bombs, "truth": TRUTH, "time_limit": 0.3})
    below = served.family()[1:]
    # nano's two cells, each bubblewrap's two processes and a zygote; executions have ended
    assert len(below) <= 10, [process.cmdline() for process in below]


@pytest.mark.slow
def test_two_hundred_requests_at_once_are_bounded_in_memory(served: Served) -> None:
    noisy = [f"print('x' * (10 << 20))  # {at}" for at in range(2)]
    padding = "#" * 100_000
    task = {"programs": [*[f"{DOUBLE}  {padding} {at}" for at in range(2)], *noisy], "truth": TRUTH}
    server = psutil.Process(served.process.pid)
    before, done = server.memory_info().rss, False

    def watch() -> int:
        most = 0
        while not done:
            most = max(most, server.memory_info().rss)
            time.sleep(0.02)
        return most

    with ThreadPoolExecutor(201) as pool:
        watching = pool.submit(watch)
        answers = list(pool.map(lambda at: served.send(_body(task, at)), range(200)))
        done = True
        peak = watching.result()
    assert {status for status, _ in answers} == {200}
    assert all(answer["tasks"][0]["rewards"]["coder"] == [1.0, 1.0, 0.0, 0.0] for _, answer in answers)
    assert peak - before < 400 << 20, f"{(peak - before) >> 20} MiB"


def _body(task: dict[str, object], number: int) -> bytes:
    """Return a request that no other has sent: its programs are executed, not remembered."""
    programs = [f"{source}\n# {number}" for source in task["programs"]]  # type: ignore[attr-defined]
    return json.dumps({"tasks": [task | {"programs": programs}]}).encode()
