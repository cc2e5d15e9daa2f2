"""Registry of published sets: where each is on the hub, at which revision, and which converter reads it.

Another set is another entry of SETS. Sizes and hashes are those of the pinned revision, as far as they are known; the
hub is asked for the others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from engine.errors import ConfigError, NotFetched
from engine.machine.home import home
from engine.machine.resources import asset_path

VALIDATION_TASKS, VALIDATION_SEED = 200, 0
"""Tasks that are cut from a training set for validation, and the seed that chooses them."""

SUFFIX = ".jsonl"
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Source:
    """One file, or the files of one pattern, of a repository of data sets on the hub; or a file at an address.

    path: of the file, or a pattern such as "test/*.json" where the name has changed with the repository's. size: bytes
    of the file; 0 if unknown. sha256: of its contents; "" if unknown. split: file of the set that it ends in.
    """

    repo: str
    revision: str
    path: str
    split: str = "test"
    size: int = 0
    sha256: str = ""
    url: str = ""

    @property
    def is_pinned(self) -> bool:
        """Tell whether its content is settled: by its hash, or by a commit; a branch is not, it moves."""
        return bool(self.sha256) or _COMMIT.fullmatch(self.revision) is not None


@dataclass(frozen=True, slots=True)
class DataSet:
    """Published set. verify: prove the tasks by their references. cut_validation: from its training tasks.

    own_splits: those that its converter names for each task, "set/split", where one file holds them all.

    megabytes: of the download, about, where its sources do not tell; 0 if unknown.
    """

    name: str
    title: str
    kind: str
    licence: str
    sources: tuple[Source, ...] = ()
    verify: bool = True
    cut_validation: bool = False
    assets: Mapping[str, str] | None = None
    own_splits: tuple[str, ...] = ()
    megabytes: float = 0.0
    note: str = ""

    @property
    def is_pinned(self) -> bool:
        return all(source.is_pinned for source in self.sources)

    def splits(self) -> tuple[str, ...]:
        """Return the names of its files, without suffix: train, validation, test."""
        names = tuple(self.assets or self.own_splits or dict.fromkeys(source.split for source in self.sources))
        return ("train", "validation", *names[1:]) if self.cut_validation else names


def _ready_made(
    name: str, title: str, *sources: Source, licence: str = "MIT", megabytes: float = 0.0, note: str = ""
) -> DataSet:
    return DataSet(
        name,
        title,
        "cure",
        licence,
        sources,
        verify=False,  # the paper's sets are taken as they are
        cut_validation=any(source.split == "train" for source in sources),
        megabytes=megabytes,
        note=note,
    )


def _original(
    name: str,
    title: str,
    kind: str,
    licence: str,
    *sources: Source,
    own_splits: tuple[str, ...] = (),
    megabytes: float = 0.0,
    note: str = "",
) -> DataSet:
    return DataSet(name, title, kind, licence, sources, own_splits=own_splits, megabytes=megabytes, note=note)


_RAW = "https://raw.githubusercontent.com"
_MBPP_SPLITS = ("prompt", "test", "validation", "train")
_LCB = ("livecodebench/code_generation_lite", "0fe84c3912ea0c4d4a78037083943e8f0c4dd505")
_CODE_CONTESTS = ("deepmind/code_contests", "802411c3010cb00d1b05bad57ca77365a3c699d6")
_CODEFORCES = ("open-r1/codeforces", "fbe3f6e903ee854eec2e69e9d96d0306cde59baf")

SETS: Mapping[str, DataSet] = {
    entry.name: entry
    for entry in (
        DataSet(
            "nano",
            "tasks of the embedded model",
            "cure",
            "MIT",
            verify=False,
            assets={split: f"nano/tasks/{split}.jsonl" for split in ("heldout", "validation", "train")},
        ),
        DataSet(
            "easy",
            "very easy tasks of our own: strings, counting, arithmetic, lists, conditions",
            "cure",
            "MIT",
            verify=False,
            assets={split: f"easy/{split}.jsonl" for split in ("heldout", "validation", "train")},
        ),
        _ready_made(
            "codecontests",
            "CURE's cut of CodeContests, without Codeforces: 4,529 tasks to train on, 239 to evaluate",
            Source("Gen-Verse/CodeContests_train", "a6867dbed48a0808ca8ce7ebed9eff044e8364a5", "train/*.json", "train"),
            Source("Gen-Verse/CodeContests", "e06e6e140899dddc8ef841255db0b050b6da27d6", "test/*.json"),
            licence="MIT (originals: CC BY 4.0)",
            megabytes=75.8,
            note="its difficulty (at most 2) tells sources apart, not easy tasks from hard ones",
        ),
        _ready_made(
            "codeforces",
            "CURE's set of Codeforces: 500 tasks",
            Source("Gen-Verse/CodeForces", "b3b3df092edb8f5412a6c4f83ec8753bcd9de943", "test/*.json"),
            megabytes=96.6,
        ),
        _ready_made(
            "livebench",
            "CURE's cut of LiveBench: 128 tasks",
            Source(
                "Gen-Verse/LiveBench",
                "fa070cf11dccf8bab0bdea01901649bc17222aeb",
                "test/*.json",
                size=583_642_728,
                sha256="dba8454744617be24996380c0cd0828b823f81ab82fe07ca2d1e04c9758d01f6",
            ),
        ),
        _ready_made(
            "livecodebench",
            "CURE's copy of LiveCodeBench v2: 511 tasks",
            Source(
                "Gen-Verse/LiveCodeBench",
                "30d4fb3957e32ab85a0dfe5f464f8f1599ace1fd",
                "test/*.json",
                size=4_127_093_659,
                sha256="acee3faa8ef9c0901a8b1b0a91cb2be96067976e57d3362a0ff1cfe14d518081",
            ),
        ),
        _ready_made(
            "mbpp",
            "CURE's cut of MBPP: 221 tasks",
            Source("Gen-Verse/MBPP-ReasonFlux", "main", "test/*.json"),
            licence="MIT (originals: CC BY 4.0)",
        ),
        _original(
            "mbpp-original",
            "MBPP, all 974 tasks",
            "mbpp",
            "CC BY 4.0",
            Source(
                "google-research/google-research",
                "master",
                "mbpp/mbpp.jsonl",
                size=563_743,
                sha256="ccf64ceae9c5403bf50a044cb6d505bfd2a2963ee58338ba268fd65beab92a9f",
                url=f"{_RAW}/google-research/google-research/master/mbpp/mbpp.jsonl",
            ),
            own_splits=_MBPP_SPLITS,
        ),
        _original(
            "mbpp-sanitized",
            "MBPP, 427 tasks checked by hand",
            "mbpp-sanitized",
            "CC BY 4.0",
            Source(
                "google-research/google-research",
                "master",
                "mbpp/sanitized-mbpp.json",
                size=255_053,
                sha256="ca95deaa9a01ef0a6f439f88bcf0dd3db3563d22f22aad6cae04ebb9a8d8c8e9",
                url=f"{_RAW}/google-research/google-research/master/mbpp/sanitized-mbpp.json",
            ),
            own_splits=_MBPP_SPLITS,
        ),
        _original(
            "humaneval",
            "HumanEval, 164 tasks",
            "humaneval",
            "MIT",
            Source(
                "openai/human-eval",
                "master",
                "data/HumanEval.jsonl.gz",
                size=44_877,
                sha256="b796127e635a67f93fb35c04f4cb03cf06f38c8072ee7cee8833d7bee06979ef",
                url=f"{_RAW}/openai/human-eval/master/data/HumanEval.jsonl.gz",
            ),
        ),
        _original(
            "livecodebench-original",
            "LiveCodeBench release v6, 1,055 tasks",
            "livecodebench",
            "CC (version not named)",
            *(Source(*_LCB, f"test{number}.jsonl") for number in ("", "2", "3", "4", "5", "6")),
            megabytes=4478.0,
        ),
        _original(
            "livebench-original",
            "LiveBench coding of April 2025, 128 rows",
            "livebench",
            "not named (code: Apache-2.0)",
            Source("livebench/coding", "a958549fdd8aa57be0a3fafe7b205ffc160ed5f4", "data/*.parquet", size=244_817_574),
        ),
        _original(
            "codecontests-original",
            "CodeContests of DeepMind: 13,328 + 117 + 165 tasks",
            "codecontests",
            "CC BY 4.0",
            Source(*_CODE_CONTESTS, "data/train-*.parquet", "train"),
            Source(*_CODE_CONTESTS, "data/valid-*.parquet", "validation"),
            Source(*_CODE_CONTESTS, "data/test-*.parquet"),
            megabytes=7624.7,
        ),
        _original(
            "codeforces-original",
            "open-r1/codeforces, verifiable problems: 8,338 + 422",
            "codeforces",
            "CC BY 4.0, prose ODC-By",
            Source(*_CODEFORCES, "verifiable/train-*.parquet", "train"),
            Source(*_CODEFORCES, "verifiable/test-*.parquet"),
            megabytes=2460.0,
            note="its test split is of late 2024 and 2025: never train on it",
        ),
        _original(
            "apps",
            "APPS, 5,000 + 5,000 tasks",
            "apps",
            "MIT",
            Source("codeparrot/apps", "main", "train.jsonl", "train"),
            Source("codeparrot/apps", "main", "test.jsonl"),
        ),
        _original(
            "taco",
            "TACO, 25,443 + 1,000 tasks",
            "taco",
            "Apache-2.0",
            Source("BAAI/TACO", "main", "ALL/train-*.parquet", "train"),
            Source("BAAI/TACO", "main", "ALL/test-*.parquet"),
            megabytes=2420.0,
        ),
    )
}


def find_set(name: str) -> DataSet:
    """Return the set of that name. Raises ConfigError with the names that there are."""
    if name in SETS:
        return SETS[name]
    near = get_close_matches(name.lower(), list(SETS), n=2, cutoff=0.5)
    remedy = f"did you mean {' or '.join(near)}?" if near else f"choose one of {', '.join(SETS)}"
    raise ConfigError(f"there is no data set '{name}'", remedy)


def set_folder(name: str) -> Path:
    """Return the folder of a fetched set; it need not exist yet."""
    return home() / "data" / name


def task_file(name: str, split: str = "") -> Path:
    """Return the file of a set's tasks: of `split`, or of those that are meant for evaluation.

    Raises ConfigError for an unknown set or split, NotFetched for a file that is not here.
    """
    entry = find_set(name)
    splits = entry.splits()
    split = split or next(each for each in (*splits, "test") if each in ("test", "heldout"))
    if split not in splits:
        raise ConfigError(f"{name} has no split '{split}'", f"it has {', '.join(splits)}")
    path = asset_path(entry.assets[split]) if entry.assets else set_folder(name) / f"{split}{SUFFIX}"
    if not path.is_file():
        raise NotFetched(f"the {split} tasks of {name} are not here", f"run `cure-tui data fetch {name}`")
    return path
