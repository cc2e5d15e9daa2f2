"""`cure-tui reward serve` for its clients: rewards, refusals, the key's file, the end."""

from __future__ import annotations

import json
import signal
import socket
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from engine.problems import IOExample, Problem
from engine.rewarding import Rewarder, TaskAnswers
from tests.cure_tui.command_line import Cli
from tests.cure_tui.rewarding.served import DOUBLE, SECONDS, TASK, Served, cpu_seconds, end, start
from tests.engine.scripted_sampler import CODER, TESTER

TRUTH = [{"input": "1\n", "output": "2\n"}, {"input": "3\n", "output": "6\n"}]


def test_programs_and_tests_become_matrix_and_rewards(served: Served) -> None:
    assert served.ask(TASK) == [
        {
            "matrix": {
                "truth": [[True], [False], [False]],
                "generated": [[True, False, False], [False, False, False], [False, False, False]],
            },
            "rejected": [False, False, True],
            "malformed": [False, False, True],
            "right": [True, False, False],
            "rewards": {"coder": [1.0, 0.0, 0.0], "tester": [1.0, 0.0, -1.0]},
        }
    ]


def test_whole_answers_get_the_rewards_of_the_rewarder(served: Served) -> None:
    (answer,) = served.ask({"coder": CODER, "tester": TESTER, "truth": TRUTH})
    problem = Problem("double", "", (), tuple(IOExample(test["input"], test["output"]) for test in TRUTH))
    with Rewarder.of_preset("nano") as rewarder:
        (expected,) = rewarder.reward([TaskAnswers.read(problem, CODER, TESTER)])
    assert expected.tester_m is not None
    assert answer["rewards"] == {"coder": expected.coder_n.tolist(), "tester": expected.tester_m.tolist()}
    assert answer["matrix"]["generated"] == expected.matrix.generated_nm.tolist()


def test_tasks_of_one_request_keep_their_order_limits_and_comparison(served: Served) -> None:
    slow = "import time\nwhile time.process_time() < 1: pass\n" + DOUBLE
    halves = "print(int(input()) * 2.0)"
    tasks = [{"programs": [slow], "truth": TRUTH[:1], "time_limit": limit} for limit in (0.3, 20.0)] + [
        {"programs": [halves], "truth": TRUTH[:1], "compare": compare} for compare in ("", "numbers")
    ]
    answers = served.ask(*tasks)
    assert [answer["rewards"]["coder"] for answer in answers] == [[0.0], [1.0], [0.0], [1.0]]
    assert served.ask() == []


def test_without_ground_truth_nothing_is_told_apart(served: Served) -> None:
    (answer,) = served.ask({"programs": [DOUBLE], "tests": TASK["tests"]})
    assert answer["rewards"] == {"coder": [0.0], "tester": None}
    assert answer["right"] == [None, None, False]


def test_more_ground_truth_than_a_run_would_use_is_used(served: Served) -> None:
    truth = [{"input": f"{at}", "output": f"{2 * at}"} for at in range(40)]
    (answer,) = served.ask({"programs": [DOUBLE], "truth": truth})
    assert answer["matrix"]["truth"] == [[True] * 40]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "Invalid JSON"),
        (b"{", "Invalid JSON"),
        (b"\xff\xfe", "Invalid JSON"),
        (b'"\\ud800"', "Invalid JSON"),
        (b"[" * 100_000, "Invalid JSON"),
        (b"[]", "object"),
        (b"{}", "tasks: Field required"),
        (b'{"tasks": [], "x": 1}', "x: Extra"),
        (b'{"tasks": [{}]}', "tasks.0: give either programs or coder"),
        (b'{"tasks": [{"programs": ["1"], "coder": ["1"]}]}', "tasks.0: give either programs or coder"),
        (b'{"tasks": [{"programs": ["1"], "tests": [], "tester": []}]}', "tasks.0: give either tests or tester"),
        (b'{"tasks": [{"programs": []}]}', "tasks.0.programs: List should have at least 1"),
        (b'{"tasks": [{"programs": [1]}]}', "tasks.0.programs.0: Input should be a valid string"),
        (b'{"tasks": [{"programs": ["1"], "tests": [{"input": "1"}]}]}', "tasks.0.tests.0.output: Field required"),
        (b'{"tasks": [{"programs": ["1"], "truth": [null]}]}', "tasks.0.truth.0"),
        (b'{"tasks": [{"programs": ["1"], "time_limit": 0}]}', "tasks.0.time_limit"),
        (b'{"tasks": [{"programs": ["1"], "time_limit": 1e999}]}', "tasks.0.time_limit"),
        (b'{"tasks": [{"programs": ["1"], "time_limit": NaN}]}', "time_limit"),
        (b'{"tasks": [{"programs": ["1"], "compare": "luck"}]}', "tasks.0.compare"),
        (json.dumps({"tasks": [{"programs": ["1"] * 513}]}).encode(), "tasks.0.programs: List should have at most 512"),
        (json.dumps({"tasks": [{"programs": ["1"]}] * 257}).encode(), "tasks: List should have at most 256"),
        (json.dumps({"tasks": [{"\x1b[31m" + "x" * 9999: 1}]}).encode(), "tasks.0"),
    ],
)
def test_what_is_no_request_is_refused_in_one_line(served: Served, body: bytes, said: str) -> None:
    status, answer = served.send(body)
    assert status == 400
    assert said in answer["error"]
    assert answer["error"].isprintable()
    assert len(answer["error"]) <= 300


def test_what_is_too_large_is_refused_before_it_is_taken(served: Served) -> None:
    with socket.create_connection(served.netloc, SECONDS) as client:
        client.sendall(served.request(b"", f"Content-Length: {1 << 40}"))
        assert b" 413 " in client.recv(4096)
    large = {"programs": [DOUBLE] * 512, "truth": [{"input": str(at), "output": "1"} for at in range(64)]}
    status, answer = served.send(json.dumps({"tasks": [large]}).encode())
    assert (status, "send fewer tasks" in answer["error"]) == (413, True)
    with socket.create_connection(served.netloc, SECONDS) as client:
        client.sendall(served.request(b"2\r\n{}\r\n0\r\n\r\n", "Transfer-Encoding: chunked", "Content-Length-Of: none"))
        assert b" 411 " in client.recv(4096)


@pytest.mark.parametrize(("path", "status"), [("/", 404), ("/v1/rewards/x", 404), ("/v1/../etc/passwd", 404)])
def test_other_paths_are_not_found(served: Served, path: str, status: int) -> None:
    assert served.send(b"{}", path)[0] == status


def test_another_method_is_refused_and_says_which_one_answers(served: Served) -> None:
    status, answer = served.send(None)
    assert (status, answer["error"]) == (405, "method not allowed: this server answers POST /v1/rewards")


def test_a_body_that_does_not_come_and_too_many_requests_are_refused(cli: Cli) -> None:
    served = start(cli, requests=2, seconds=1.0)
    try:
        with socket.create_connection(served.netloc, SECONDS) as silent:
            silent.sendall(served.request(b"", "Content-Length: 100"))
            assert b" 408 " in silent.recv(4096)
        endless = json.dumps({"tasks": [{"programs": ["while True: pass"], "truth": TRUTH, "time_limit": 20.0}]})
        clients = [socket.create_connection(served.netloc, SECONDS) for _ in range(2)]
        for client in clients:
            client.sendall(served.request(endless.encode()))
        statuses = []
        while 429 not in statuses:
            statuses.append(served.send(b'{"tasks": []}')[0])
        assert set(statuses) <= {200, 429}
        for client in clients:
            client.close()
    finally:
        end(served)


def test_the_key_is_in_its_owners_file_alone_and_gone_with_the_server(cli: Cli) -> None:
    served = start(cli)
    try:
        assert stat.S_IMODE(served.key_file.stat().st_mode) == 0o600
        assert served.key_file.parent == Path(cli.environment["CURE_TUI_HOME"])
        key = served.key
        for process in served.family():
            assert key not in " ".join(process.cmdline())
            assert key not in Path(f"/proc/{process.pid}/environ").read_text()
    finally:
        said = end(served)
    assert key not in said
    assert served.process.returncode == 0
    assert not served.key_file.exists()


@pytest.mark.parametrize("there", ["a letter", "a link", "a folder"])
def test_a_file_that_holds_no_key_is_left_as_it_is(cli: Cli, there: str) -> None:
    file, letter = cli.folder / "key", cli.folder / "letter"
    letter.write_text("dear reader")
    if there == "a letter":
        file.write_text("dear reader")
    elif there == "a link":
        file.symlink_to(letter)
    else:
        file.mkdir()
    done = cli("reward", "serve", "--port", "0", "--key-file", str(file))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--key-file" in done.stderr
    assert letter.read_text() == "dear reader"
    assert file.is_dir() or file.read_text() == "dear reader"


def test_the_key_of_a_server_that_was_killed_is_replaced(cli: Cli) -> None:
    file = cli.folder / "key"
    file.write_text("0" * 64 + "\n")
    served = start(cli, "--key-file", str(file))
    assert served.key_file == file
    assert served.key != "0" * 64
    assert served.ask(TASK)
    end(served)
    assert not file.exists()


def test_a_port_in_use_is_one_line(cli: Cli, served: Served) -> None:
    done = cli("reward", "serve", "--port", str(served.netloc[1]))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"cannot listen on 127.0.0.1 port {served.netloc[1]}" in done.stderr


def test_settings_are_those_of_the_preset_and_its_overrides(cli: Cli) -> None:
    assert cli("reward", "serve", "--set", "reward.tester_variant=luck").returncode == 2
    served = start(cli, "--set", "reward.tester_variant=cure", "--set", "sandbox.cells=1")
    (answer,) = served.ask(TASK)
    end(served)
    assert answer["rewards"]["tester"] == [2.0, 0.0, -2.0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_end_answers_who_waits_and_leaves_no_process(cli: Cli, number: signal.Signals) -> None:
    served = start(cli, "--set", "sandbox.cpu_seconds=60")
    endless = {"programs": [f"while True: pass  # {at}" for at in range(8)], "truth": TRUTH, "time_limit": 60.0}
    body = json.dumps({"tasks": [endless]}).encode()
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(served.send, body) for _ in range(3)]
        while max(map(cpu_seconds, served.family()[1:]), default=0.0) < 0.5:
            time.sleep(0.05)
        family = served.family()
        served.process.send_signal(number)
        answers = [each.result(SECONDS) for each in waiting]
    assert {status for status, _ in answers} == {503}
    _, said = served.process.communicate(timeout=SECONDS)
    assert served.process.returncode == 0
    assert "Traceback" not in said
    _, alive = psutil.wait_procs(family, timeout=60)
    assert not alive
