"""Answers of an evaluation under way, on the disk one by one, so that a kill loses only those that are being sampled.

A long answer takes minutes and an evaluation hours. Each answer is a line of evaluation.jsonl under a key that names
all it depends on: the weights, the prompt, the sampling, the seed. An answer of other weights is therefore never taken
for one of these, and a resumed evaluation has the figures of an unbroken one.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from engine.rollouts.known import Group
from engine.runs.faults import run_faults
from engine.runs.files import EVALUATION_FILE, open_file, remove_file, write_whole
from engine.sampling import Completion

_KEY_CHARACTERS = 24
_LINE_BYTES = 1 << 24
_HEAD = b'{"key":"'


@dataclass(frozen=True, slots=True)
class _Place:
    """Place of a line in the file, and the index of its answer in its group."""

    start: int
    length: int


class KeptAnswers:
    """Only writer of a run's evaluation.jsonl: the run's lock excludes a second one. For one thread.

    identity: all that the answers depend on besides their prompts and sampling: weights, split, seed.
    """

    def __init__(self, run_dir: Path, identity: Sequence[object]) -> None:
        """Open the file, or create it; cut off a torn last line. Raises RunError."""
        self._run_dir, self._identity = run_dir, list(identity)
        self._places: dict[str, dict[int, _Place]] = {}
        with run_faults(run_dir):
            self._file = open_file(run_dir, EVALUATION_FILE, os.O_RDWR | os.O_CREAT | os.O_APPEND)
            self._size = self._read_places()
            os.ftruncate(self._file, self._size)

    def of(self, group: Group) -> Mapping[int, Completion]:
        """Return the answers of a group that are on the disk, by index; without their log-probs, which nobody needs."""
        found = {}
        for index, place in self._places.get(self._key(group), {}).items():
            completion = self._read(group, index, place)
            if completion is not None and index < group.count:
                found[index] = completion
        return found

    def count(self, group: Group) -> int:
        """Return the number of a group's answers on the disk, without reading them."""
        return sum(index < group.count for index in self._places.get(self._key(group), {}))

    def keep(self, group: Group, completion: Completion) -> None:
        """Write an answer. Raises RunError: disk full, not writable."""
        key = self._key(group)
        answer = {
            "key": key, "index": completion.index, "finished": completion.finished, "text": completion.text,
            "token_ids": completion.token_ids,
        }  # fmt: skip
        line = json.dumps(answer, separators=(",", ":")).encode() + b"\n"
        with run_faults(self._run_dir):
            write_whole(self._file, line)
        self._places.setdefault(key, {})[completion.index] = _Place(self._size, len(line))
        self._size += len(line)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> KeptAnswers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _key(self, group: Group) -> str:
        sampling = [group.params.temperature, group.params.top_p, group.params.max_new_tokens]
        parts = [*self._identity, group.task, str(group.role), list(group.prompt_ids), sampling, group.seed]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:_KEY_CHARACTERS]

    def _read(self, group: Group, index: int, place: _Place) -> Completion | None:
        """Read an answer; None if its line is corrupt: it is sampled again."""
        with run_faults(self._run_dir):
            line = os.pread(self._file, place.length, place.start)
        fields = _parsed(line)
        if fields is None or fields["index"] != index:
            return None
        return Completion("", index, tuple(fields["token_ids"]), (), fields["finished"], fields["text"])

    def _read_places(self) -> int:
        """Note where each answer is; return the offset after the last whole line."""
        start = 0
        with open(os.dup(self._file), "rb") as file:
            file.seek(0)
            while line := file.readline(_LINE_BYTES):
                if not line.endswith(b"\n"):  # torn, or longer than any answer
                    break
                head, _, rest = line.partition(b'","index":')
                index = rest.partition(b",")[0]
                if head.startswith(_HEAD) and index.isdigit() and len(index) < 10:
                    key = head[len(_HEAD) :].decode("ascii", "replace")
                    self._places.setdefault(key, {})[int(index)] = _Place(start, len(line))
                start += len(line)
        return start


def forget_answers(run_dir: Path) -> None:
    """Remove the answers of evaluations that are over. Raises RunError."""
    with run_faults(run_dir):
        remove_file(run_dir, EVALUATION_FILE)


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        fields = json.loads(line)
        sound = (
            type(fields["index"]) is int
            and type(fields["finished"]) is bool
            and type(fields["text"]) is str
            and all(type(each) is int for each in fields["token_ids"])
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return fields if sound else None
