"""Fetch from a hub on 127.0.0.1 that misbehaves in every way of a real one."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.data.provenance import read_provenance
from engine.data.sets import SETS
from engine.presets import load_preset
from engine.problems import assert_disjoint, load_problems
from tests.engine.data.local_hub import LocalHub
from tests.left_on_screen import After, left_on_screen

ROOT = Path(__file__).parents[3]
TRAIN, TEST = "Gen-Verse/CodeContests_train", "Gen-Verse/CodeContests"
SECRET = "hf_secret"


def record(index: int, statement: str = "", **changed: Any) -> dict[str, Any]:
    return {
        "task_id": index,
        "question": statement or f"Add {index} to the number.",
        "test_input": [f"{value}\n" for value in range(12)],
        "test_output": [f"{value + index}\n" for value in range(12)],
        "example_input": ["1\n"],
        "example_output": [f"{1 + index}\n"],
        "test_time_limit": 1,
        "difficulty": 2,
        "dataset": "CodeContests",
        "exe_method": "stdin",
        "solutions": None,
        **changed,
    }


def packed(*records: object, noise: int = 0) -> bytes:
    filler = {"question": "", "filler": random.Random(0).randbytes(noise).hex()}
    return json.dumps([*records, *([filler] if noise else [])]).encode()


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    repos = {
        TRAIN: {"train/CodeContests_train.json": packed(*(record(index) for index in range(40)), noise=300_000)},
        TEST: {"test/CodeContests.json": packed(*(record(index, f"Take {index} from it.") for index in range(5)))},
    }
    with LocalHub(repos, token=SECRET) as running:
        yield running


class Fetching:
    """Command line in a home of its own, with a hub's address."""

    def __init__(self, folder: Path, hub: LocalHub) -> None:
        self.home, self.cache, self.hub = folder / "home", folder / "cache", hub
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HF_")},
            "CURE_TUI_HOME": str(self.home),
            "HF_HOME": str(self.cache),
            "HF_ENDPOINT": hub.url,
            "HF_TOKEN": SECRET,
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
        }

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "cure_tui", "data", *arguments]

    def __call__(self, *arguments: str, **changed: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command("fetch", *arguments),
            env={**self.environment, **changed},
            capture_output=True,
            text=True,
            timeout=100,
            stdin=subprocess.DEVNULL,
        )

    @property
    def folder(self) -> Path:
        return self.home / "data" / "codecontests"

    def part(self) -> Path:
        return self.folder / ".download" / "train-train_CodeContests_train.json.part"

    def whole(self) -> bytes:
        """Return the kept download."""
        return (self.folder / ".download" / "train-train_CodeContests_train.json").read_bytes()


@pytest.fixture
def fetching(tmp_path: Path, hub: LocalHub) -> Fetching:
    return Fetching(tmp_path, hub)


def succeeded(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stderr


def refused(done: subprocess.CompletedProcess[str], *said: str, status: int = 7) -> str:
    """Check that the command ends with one line that says all of `said`; return the line."""
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ")
    for part in said:
        assert part in last, last
    return last


def test_codecontests_ends_with_exactly_the_files_that_the_presets_name(fetching: Fetching) -> None:
    succeeded(fetching("codecontests"))
    assert sorted(os.listdir(fetching.folder)) == [
        ".lock", "PROVENANCE.json", "test.jsonl", "train.jsonl", "validation.jsonl"
    ]  # fmt: skip
    for preset in (ROOT / "presets").glob("qwen*.toml"):
        data = load_preset(preset.stem).data
        named = {data.train, data.validation, data.heldout}
        assert named == {f"data:codecontests/{split}.jsonl" for split in ("train", "validation", "test")}
    splits = {split: load_problems(fetching.folder / f"{split}.jsonl") for split in ("train", "validation", "test")}
    assert_disjoint(splits)
    assert {split: len(problems) for split, problems in splits.items()} == {"train": 36, "validation": 4, "test": 5}
    assert all(len(problem.hidden) == 8 for problems in splits.values() for problem in problems)


def test_the_split_is_that_of_the_ids_not_of_the_order(fetching: Fetching, hub: LocalHub) -> None:
    succeeded(fetching("codecontests"))
    first = {problem.id for problem in load_problems(fetching.folder / "validation.jsonl")}
    hub.repos[TRAIN] = {"train/other-name.json": packed(*(record(index) for index in reversed(range(40))))}
    succeeded(fetching("codecontests", "--again"))
    assert {problem.id for problem in load_problems(fetching.folder / "validation.jsonl")} == first


def test_provenance_tells_source_revision_hash_and_what_was_dropped(fetching: Fetching, hub: LocalHub) -> None:
    no_test = record(78, **{f"{kind}_{side}": [] for kind in ("test", "example") for side in ("input", "output")})
    twin = record(77, "Take 3 \n from it.")
    hub.repos[TRAIN] = {"train/a.json": packed(*map(record, range(20)), twin, no_test)}
    succeeded(fetching("codecontests"))
    account = read_provenance(fetching.folder)
    (train,) = [source for source in account["sources"] if source["split"] == "train"]
    assert train["revision"] == SETS["codecontests"].sources[0].revision
    assert train["bytes"] == len(hub.repos[TRAIN]["train/a.json"])
    assert train["url"].startswith(hub.url)
    assert "Signature" not in json.dumps(account)
    assert account["counts"]["train"]["kept"] == 20
    assert {each["reason"] for each in account["counts"]["train"]["dropped"]} == {
        "the test tasks have it, too", "it has no test"
    }  # fmt: skip
    assert set(account["files"]) == {"train.jsonl", "validation.jsonl", "test.jsonl"}
    assert account["options"]["validation"] == {"tasks": 2, "seed": 0}


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
    process.wait(20)
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


def test_the_hubs_cache_is_looked_into_first(fetching: Fetching, hub: LocalHub) -> None:
    for source in SETS["codecontests"].sources:
        repo = fetching.cache / "hub" / f"datasets--{source.repo.replace('/', '--')}"
        for path, content in hub.repos[source.repo].items():
            file = repo / "snapshots" / source.revision / path
            file.parent.mkdir(parents=True)
            file.write_bytes(content)
    succeeded(fetching("codecontests", HF_HUB_OFFLINE="1"))
    assert {source["found"] for source in read_provenance(fetching.folder)["sources"]} == {"cache"}
    assert not hub.asked
    assert len(list(fetching.cache.rglob("*.json"))) == 2


def test_files_brought_by_hand_are_told_apart_by_their_names(fetching: Fetching, hub: LocalHub, tmp_path: Path) -> None:
    for name in (TRAIN, TEST):
        (content,) = hub.repos[name].values()
        (tmp_path / f"{name.partition('/')[2]}.json").write_bytes(content)
    train, test = (str(tmp_path / f"{name.partition('/')[2]}.json") for name in (TRAIN, TEST))
    done = fetching("codecontests", "--from", train, "--from", test)
    succeeded(done)
    assert "is not the pinned content" in done.stderr
    assert not hub.asked
    assert len(load_problems(fetching.folder / "train.jsonl")) == 36
    refused(fetching("codecontests", "--from", train), "none of the files brought is the test file", status=4)
    refused(fetching("codecontests", "--from", str(tmp_path / "none")), "does not exist", status=4)


def test_of_a_set_that_is_not_pinned_the_fetched_commit_is_told_and_recorded(fetching: Fetching, hub: LocalHub) -> None:
    assert [name for name, entry in SETS.items() if not entry.is_pinned] == ["mbpp", "apps", "taco"]
    hub.repos["Gen-Verse/MBPP-ReasonFlux"] = {"test/MBPP.json": packed(record(1), record(2, "Take 2."))}
    done = fetching("mbpp")
    succeeded(done)
    commit = "c" * 40
    assert f"warning: nothing of mbpp is pinned: this is revision {commit}" in done.stderr
    assert f"--revision {commit} takes it again" in done.stderr
    (source,) = read_provenance(fetching.home / "data" / "mbpp")["sources"]
    assert (source["revision"], source["pinned"]) == (commit, False)
    again = fetching("mbpp", "--revision", commit, "--again")
    succeeded(again)
    listed = json.loads(
        subprocess.run(fetching.command("list", "--json"), env=fetching.environment, capture_output=True).stdout
    )
    (mbpp,) = (each for each in listed if each["name"] == "mbpp")
    assert (mbpp["pinned"], mbpp["fetched"]) == (False, [commit])


def test_a_set_whose_file_holds_all_splits_is_divided_by_its_ids(fetching: Fetching) -> None:
    rows = [json.loads(line) for line in (ROOT / "tests/engine/data/rows/mbpp.jsonl").read_text().splitlines()]
    file = fetching.home.with_name("mbpp.jsonl")
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    succeeded(fetching("mbpp-original", "--from", str(file), "--no-verify"))
    folder = fetching.home / "data" / "mbpp-original"
    numbers = {
        split: [int(problem.id.partition("/")[2]) for problem in load_problems(folder / f"{split}.jsonl")]
        for split in ("test", "train")
    }
    assert all(10 < number <= 510 for number in numbers["test"])
    assert all(number > 600 for number in numbers["train"])


def test_a_file_that_was_copied_in_part_is_refused_and_the_old_tasks_stay(
    fetching: Fetching, hub: LocalHub, tmp_path: Path
) -> None:
    hub.repos["Gen-Verse/CodeForces"] = {"test/CodeForces.json": packed(*map(record, range(9)))}
    succeeded(fetching("codeforces"))
    before = (fetching.home / "data/codeforces/test.jsonl").read_bytes()
    (tmp_path / "CodeForces.json").write_bytes(packed(*map(record, range(9)))[:-100])
    refused(fetching("codeforces", "--from", str(tmp_path / "CodeForces.json")), "ends in the middle", status=4)
    (tmp_path / "CodeForces.json").write_bytes(b"[{}, 7, null]")
    refused(fetching("codeforces", "--from", str(tmp_path / "CodeForces.json")), "no test task could be used", status=4)
    assert (fetching.home / "data/codeforces/test.jsonl").read_bytes() == before


def test_a_disk_that_is_full_keeps_what_came_and_the_next_fetch_goes_on(fetching: Fetching, hub: LocalHub) -> None:
    limited = ["bash", "-c", 'ulimit -f 200; exec "$@"', "-", *fetching.command("fetch", "codecontests")]
    done = subprocess.run(limited, env=fetching.environment, capture_output=True, text=True, timeout=100)
    refused(done, "the disk is full", "it goes on there")
    assert fetching.part().stat().st_size == 200 * 1024
    succeeded(fetching("codecontests", "--keep"))
    assert "bytes=204800-" in [each.headers.get("Range") for each in hub.bodies()]
    assert fetching.whole() == hub.repos[TRAIN]["train/CodeContests_train.json"]


def test_space_is_asked_for_before_anything_is_fetched(fetching: Fetching, hub: LocalHub) -> None:
    hub.claims = 10**15
    refused(fetching("codecontests"), "4000000.0 GB are needed", "CURE_TUI_HOME")
    assert not hub.bodies()


def test_a_user_may_decline_a_large_download(fetching: Fetching, hub: LocalHub) -> None:
    hub.claims = 600_000_000
    command = ["env", *(f"{name}={value}" for name, value in fetching.environment.items())]
    left = left_on_screen([*command, *fetching.command("fetch", "codecontests")], script=[After("[y/N]", keys="n\r")])
    assert left.status == 3
    assert any("fetch 1.2 GB? [y/N]" in line for line in left.lines)
    assert any("nothing was fetched" in line for line in left.lines)
    assert not hub.bodies()


def test_another_process_in_the_folder_is_waited_for_by_the_user_not_disturbed(fetching: Fetching) -> None:
    fetching.folder.mkdir(parents=True)
    with (fetching.folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused(fetching("codecontests"), "another process is fetching")


def test_a_set_that_is_here_is_not_fetched_again(fetching: Fetching, hub: LocalHub) -> None:
    succeeded(fetching("codecontests"))
    hub.asked.clear()
    done = fetching("codecontests")
    succeeded(done)
    assert "is here already" in done.stderr
    assert not hub.asked


def test_unknown_names_and_options_are_wrong_usage(fetching: Fetching) -> None:
    refused(fetching("codecontest"), "did you mean codecontests", status=2)
    refused(fetching("nano"), "comes with this program", status=2)
    refused(fetching("mbpp", "--style", "xml"), "auto, cure, json", status=2)
    refused(fetching("mbpp", "--after", "soon"), "is no date", status=2)
