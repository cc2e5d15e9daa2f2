"""Text of others in a fetch: raw bytes of the terminal, of a pipe and of what is kept, looked through."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from tests.cure_tui.foreign_text import HOSTILE, MARK, leaks
from tests.engine.data.fetching import TRAIN, Fetching, packed, record, refused, succeeded
from tests.engine.data.local_hub import LocalHub
from tests.left_on_screen import left_on_screen

IN_A_HEADER = HOSTILE.encode("ascii", "ignore").decode().translate({ord("\r"): None, ord("\f"): None})


def kept_text(fetching: Fetching) -> dict[str, bytes]:
    files = (path for path in fetching.folder.rglob("*") if path.is_file() and not path.name.endswith(".jsonl"))
    return {path.name: path.read_bytes() for path in files}


def spoil_records(hub: LocalHub) -> None:
    """Put foreign text into every field of some records: into those that are kept, and into those that are dropped."""
    names = ("question", "difficulty", "dataset", "exe_method", f"name{HOSTILE}")
    spoiled = [record(100 + at, **{name: f"Add it. {HOSTILE}"}) for at, name in enumerate(names)]
    dropped = [record(200, task_id=f"id{HOSTILE}"), record(201, test_input=[HOSTILE]), {"task_id": HOSTILE}, HOSTILE]
    hub.repos[TRAIN] = {"train/CodeContests_train.json": packed(*map(record, range(40)), *spoiled, *dropped)}


@pytest.mark.timeout(180)
def test_foreign_text_in_records_reaches_the_terminal_and_the_account_as_text(
    fetching: Fetching, hub: LocalHub
) -> None:
    spoil_records(hub)
    left = left_on_screen(fetching.command("fetch", "codecontests", "--yes"), environment=fetching.environment,
                          folder=fetching.home.parent, size=(160, 50), own_lines=2)  # fmt: skip
    assert left.status == 0, left.text
    assert leaks(left.raw) == [], left.text
    account = kept_text(fetching)["PROVENANCE.json"]
    assert leaks(account) == []
    assert MARK in str(json.loads(account)["counts"]["train"]["dropped"])
    shown = subprocess.run(
        fetching.command("show", "codecontests/train"), env=fetching.environment, capture_output=True, check=True
    )
    assert leaks(shown.stdout + shown.stderr) == []


@pytest.mark.parametrize("part", ["a name", "a commit", "an error code", "an address", "a length", "a type"])
@pytest.mark.timeout(180)
def test_foreign_text_in_the_replies_of_a_hub_reaches_a_pipe_and_the_account_as_text(
    fetching: Fetching, hub: LocalHub, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    listing = hub.listing

    def spoiled(repo: str, revision: str) -> dict[str, object]:
        told = listing(repo, revision)
        if part == "a name":
            told["siblings"].append({"rfilename": f"train/{HOSTILE}.json", "size": 3})
        elif part == "a commit":
            told["sha"] = HOSTILE
        elif part == "a type":
            told["siblings"] = [{"rfilename": [HOSTILE]}, HOSTILE]
        return told

    monkeypatch.setattr(hub, "listing", spoiled)
    header = {
        "an error code": (404, {"X-Error-Code": IN_A_HEADER}),
        "an address": (302, {"Location": f"http://127.0.0.1:9/{IN_A_HEADER}"}),
        "a length": (200, {"Content-Length": IN_A_HEADER}),
    }.get(part)
    if header:
        hub.statuses["api/datasets"] = [header] * 9
    done = fetching("codecontests", "--yes", "--revision", "main")
    assert leaks((done.stdout + done.stderr).encode("utf-8", "surrogateescape")) == []
    assert "Traceback" not in done.stderr
    if done.returncode:
        refused(done, status=done.returncode)
    if fetching.folder.exists():
        assert {name: found for name, raw in kept_text(fetching).items() if (found := leaks(raw))} == {}


@pytest.mark.parametrize("content", ['{"sources": "x"}', '{"sources": [1, null]}', '{"counts": 3}', "[]", "\0", "FIFO"])
def test_a_corrupt_account_of_a_set_is_none(fetching: Fetching, content: str) -> None:
    fetching.folder.mkdir(parents=True)
    path = fetching.folder / "PROVENANCE.json"
    if content == "FIFO":
        os.mkfifo(path)
    else:
        path.write_text(content)
    for arguments in (("list",), ("list", "--json")):
        done = subprocess.run(
            fetching.command(*arguments), env=fetching.environment, capture_output=True, text=True, timeout=60
        )
        succeeded(done)
        assert "codecontests" in done.stdout
