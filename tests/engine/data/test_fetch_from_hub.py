"""Fetching from a hub that cuts, lies, moves, limits or refuses: it goes on, or says the remedy."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import time

import pytest

from engine.data.sets import SETS
from engine.problems import load_problems
from tests.engine.data.fetching import SECRET, TEST, TRAIN, Fetching, packed, record, refused, succeeded
from tests.engine.data.local_hub import LocalHub


def test_connections_that_are_cut_are_gone_on_from(fetching: Fetching, hub: LocalHub) -> None:
    hub.cut_after = [100_000, 50_000, 1, 200_000]
    succeeded(fetching("codecontests", "--keep"))
    ranges = [each.headers.get("Range") for each in hub.bodies()]
    assert ranges[:5] == [None, "bytes=100000-", "bytes=150000-", "bytes=150001-", "bytes=350001-"]
    assert fetching.whole() == hub.repos[TRAIN]["train/CodeContests_train.json"]


def test_a_server_that_cuts_every_connection_ends_in_one_line_and_keeps_what_came(
    fetching: Fetching, hub: LocalHub
) -> None:
    hub.statuses["train.json"] = [(503, {})] * 50
    hub.cut_after = [100_000]
    refused(fetching("codecontests"), "the hub fails (HTTP 503)", "--from FILE")
    hub.statuses.clear()
    succeeded(fetching("codecontests", "--keep"))
    assert fetching.whole() == hub.repos[TRAIN]["train/CodeContests_train.json"]


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_killed_fetch_is_resumed_by_another_process_byte_for_byte(
    fetching: Fetching, hub: LocalHub, ending: signal.Signals
) -> None:
    content = packed(*map(record, range(40)), noise=10_000_000)
    hub.repos[TRAIN] = {"train/CodeContests_train.json": content}
    hub.stall_after = 10_000_000
    process = subprocess.Popen(
        fetching.command("fetch", "codecontests"), env=fetching.environment, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while not fetching.part().exists() or fetching.part().stat().st_size < 10_000_000:
        assert time.monotonic() < deadline
        assert process.poll() is None
    process.send_signal(ending)
    process.wait(60)
    kept = fetching.part().stat().st_size
    assert 0 < kept < len(content)
    hub.asked.clear()
    hub.stall_after = 0
    succeeded(fetching("codecontests", "--keep"))
    asked = next(each for each in hub.bodies() if each.path.startswith(f"/{TRAIN}/"))
    assert asked.headers["Range"] == f"bytes={kept}-"
    assert asked.headers["If-Range"].startswith('"')
    assert fetching.whole() == content


def described(fetching: Fetching, hub: LocalHub, validator: str) -> None:
    """Describe the part as `download` does."""
    content = hub.repos[TRAIN]["train/CodeContests_train.json"]
    revision = SETS["codecontests"].sources[0].revision
    about = {
        "url": f"{hub.url}/datasets/{TRAIN}/resolve/{revision}/train/CodeContests_train.json",
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "validator": validator,
    }
    fetching.part().parent.mkdir(parents=True, exist_ok=True)
    fetching.part().with_name(f"{fetching.part().name}.json").write_text(json.dumps(about))


@pytest.mark.parametrize("fault", ["changed", "no ranges", "ignores if-range", "damaged", "longer", "another file"])
def test_a_part_that_is_of_no_use_is_fetched_anew(fetching: Fetching, hub: LocalHub, fault: str) -> None:
    content = hub.repos[TRAIN]["train/CodeContests_train.json"]
    part = {"damaged": b"x" * 50_000, "longer": content + b"x"}.get(fault, content[:50_000])
    validator = '"old"' if fault in ("changed", "ignores if-range") else ""
    described(fetching, hub, validator)
    fetching.part().write_bytes(b"old" * 20_000 if fault in ("changed", "ignores if-range") else part)
    hub.ranges = fault != "no ranges"
    hub.honours_if_range = fault != "ignores if-range"
    if fault == "another file":
        fetching.part().with_name(f"{fetching.part().name}.json").write_text("{}")
    succeeded(fetching("codecontests", "--keep"))
    assert fetching.whole() == content


def test_a_whole_part_is_not_asked_for_again(fetching: Fetching, hub: LocalHub) -> None:
    described(fetching, hub, "")
    fetching.part().write_bytes(hub.repos[TRAIN]["train/CodeContests_train.json"])
    succeeded(fetching("codecontests"))
    assert not [each for each in hub.bodies() if each.path.startswith(f"/{TRAIN}/")]


def test_a_wrong_hash_is_refused_and_the_file_dropped(fetching: Fetching, hub: LocalHub) -> None:
    hub.promised = lambda content: "0" * 64
    refused(fetching("codecontests"), "another file than promised", "instead of sha256 000000000000", "HF_ENDPOINT")
    assert not list(fetching.folder.glob(".download/*"))
    assert not (fetching.folder / "test.jsonl").exists()


def test_a_hub_that_lists_another_hash_than_the_registry_is_refused_before_the_download(
    fetching: Fetching, hub: LocalHub
) -> None:
    hub.repos["Gen-Verse/LiveBench"] = {"test/LiveBench-ReasonFlux.json": packed(record(1))}
    refused(fetching("livebench"), "another test/LiveBench-ReasonFlux.json", "--revision main")
    assert not hub.bodies()


def test_a_renamed_repository_is_followed_with_the_token_on_the_hub_alone(fetching: Fetching, hub: LocalHub) -> None:
    hub.repos["Gen-Verse/CodeContests-ReasonFlux"] = hub.repos.pop(TEST)
    hub.renamed[TEST] = "Gen-Verse/CodeContests-ReasonFlux"
    hub.gated.add("Gen-Verse/CodeContests-ReasonFlux")
    succeeded(fetching("codecontests"))
    assert len(load_problems(fetching.folder / "test.jsonl")) == 5


def test_the_token_goes_to_the_hub_and_never_to_the_content_network(fetching: Fetching, hub: LocalHub) -> None:
    succeeded(fetching("codecontests"))
    for each in hub.asked:
        assert each.headers.get("Authorization") == (f"Bearer {SECRET}" if each.server == "hub" else None)
        assert each.headers.get("Accept-Encoding") == "identity"
    succeeded(fetching("codecontests", "--again", HF_HUB_DISABLE_IMPLICIT_TOKEN="1"))
    assert SECRET not in str([each.headers for each in hub.asked[-4:]])


def test_a_mirror_that_lists_names_alone_serves(fetching: Fetching, hub: LocalHub) -> None:
    hub.lists_sizes = False
    succeeded(fetching("codecontests"))
    assert any(each.method == "HEAD" for each in hub.asked)


def test_rate_limits_are_waited_for_and_long_ones_named(fetching: Fetching, hub: LocalHub) -> None:
    hub.statuses["/api/"] = [(429, {"Retry-After": "1"})]
    hub.statuses["Signature"] = [(429, {"Retry-After": "1"}), (500, {})]
    done = fetching("codecontests")
    succeeded(done)
    assert "rate-limiting requests (429); trying again in 1 s" in done.stderr
    hub.statuses["/api/"] = [(429, {"Retry-After": "3600"})]
    refused(fetching("codecontests", "--again"), "rate-limiting", "try again in 3600 s", "HF_TOKEN")


@pytest.mark.parametrize(
    ("status", "headers", "said"),
    [
        (401, {"X-Error-Code": "GatedRepo"}, ("HTTP 401", f"accept the terms at {{hub}}/datasets/{TEST}", "HF_TOKEN")),
        (403, {}, ("may not read", "HTTP 403", "ask for access")),
        (404, {"X-Error-Code": "RepoNotFound"}, ("no data set", "HTTP 404", "look at")),
        (404, {"X-Error-Code": "RevisionNotFound"}, ("has no revision", "--revision main")),
        (302, {"Location": "file:///etc/passwd"}, ("unsafe address",)),
        (302, {"Location": "http://[bad"}, ("",)),
        (200, {}, ("does not answer as a hub does", "HF_ENDPOINT")),
    ],
)
def test_refusals_are_one_line_with_the_remedy(
    fetching: Fetching, hub: LocalHub, status: int, headers: dict[str, str], said: tuple[str, ...]
) -> None:
    hub.statuses[f"/api/datasets/{TEST}/"] = [(status, headers)]
    refused(fetching("codecontests"), *(part.replace("{hub}", hub.url) for part in said))


def test_files_that_are_not_there_are_named(fetching: Fetching, hub: LocalHub) -> None:
    hub.repos[TEST] = {"test/a.json": b"[]", "test/b.json": b"[]"}
    refused(fetching("codecontests"), "2 files test/*.json", TEST)
    hub.repos[TEST] = {"data/a.json": b"[]"}
    refused(fetching("codecontests"), "no file test/*.json", "--from FILE")


def test_redirects_in_a_circle_end(fetching: Fetching, hub: LocalHub) -> None:
    hub.statuses["/api/"] = [(307, {"Location": f"/api/datasets/{TEST}/revision/x"})] * 50
    refused(fetching("codecontests"), "redirects in a circle")


def test_without_network_the_line_says_what_to_do(fetching: Fetching) -> None:
    refused(fetching("codecontests", HF_ENDPOINT="http://127.0.0.1:9"), "does not answer", "HF_ENDPOINT", "--from FILE")
    refused(fetching("codecontests", HF_HUB_OFFLINE="1"), "HF_HUB_OFFLINE is set", "--from FILE")
    refused(fetching("codecontests", TRANSFORMERS_OFFLINE="1"), "HF_HUB_OFFLINE is set")
