"""Results of a fetch: files, splits, provenance, the cache, files brought by hand, disk space, questions."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from pathlib import Path

from engine.data.provenance import read_provenance
from engine.data.sets import SETS
from engine.presets import load_preset
from engine.problems import assert_disjoint, load_problems
from tests.engine.data.fetching import ROOT, TEST, TRAIN, Fetching, packed, record, refused, succeeded
from tests.engine.data.local_hub import LocalHub
from tests.left_on_screen import After, left_on_screen


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
