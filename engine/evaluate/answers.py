"""Journal of answers, such as an evaluation's: each is in the file before it is judged, and is found again by its key.

A key names task, prompt, models' files, sampling and the answer's place, so that an answer of other settings is never
taken for one of these. A SIGKILL tears at most the last line, which the next writer cuts off. In memory are the keys
and the places of the lines alone.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from engine.errors import RunError
from engine.evaluate.folder import ANSWERS
from engine.evaluation.reading import read_strictly
from engine.machine.regular_files import OddFile
from engine.runs.faults import damaged, run_faults
from engine.runs.files import open_file, write_whole
from engine.solve.writers import Answer, Cost

_KEY_CHARACTERS = 24
_HEAD, _AS_ASK = b'{"key": "', b'{"ask_id": "'
_MOST_LINE = 1 << 24
_NOT_KEPT = ("reservation", "ask_id")
_SECONDS = "seconds"


@dataclass(frozen=True, slots=True)
class AnswerCost:
    """Part of an answer's line: what it cost, seconds of its writer, and the name that a server gave the model."""

    prompt_tokens: int
    tokens: int
    dollars: float
    is_counted: bool
    served: str = ""
    seconds: float = 0.0

    @property
    def cost(self) -> Cost:
        return Cost(1, self.prompt_tokens, self.tokens, self.dollars, 0 if self.is_counted else 1)


def group_key(parts: Iterable[object]) -> str:
    """Return the name of a group of answers by all that they depend on; JSON values."""
    return hashlib.sha256(json.dumps(list(parts), sort_keys=True).encode()).hexdigest()


def answer_key(group: str, index: int) -> str:
    return hashlib.sha256(f"{group}/{index}".encode()).hexdigest()[:_KEY_CHARACTERS]


class AnswerJournal:
    """Only writer of a folder's answers: its lock excludes a second one. For one thread. name: of the file."""

    def __init__(self, run_dir: Path, name: str = ANSWERS) -> None:
        """Open the file, or create it; cut off a torn last line. Raises RunError."""
        self._run_dir, self._name = run_dir, name
        self._places: dict[bytes, tuple[int, int]] = {}
        with run_faults(run_dir):
            self._file = open_file(run_dir, name, os.O_RDWR | os.O_CREAT | os.O_APPEND)
            self._size = self._read_places()
            os.ftruncate(self._file, self._size)

    def __contains__(self, key: str) -> bool:
        return key.encode() in self._places

    def get(self, key: str, ask_id: str) -> Answer:
        """Return an answer. Raises RunError if its line is corrupt."""
        try:
            answer = read_strictly(Answer, _AS_ASK + self._line(key).removeprefix(_HEAD))
            return replace(answer, ask_id=ask_id, reservation=None)
        except ValueError as fault:
            raise self._corrupt(key) from fault

    def add(self, key: str, answer: Answer, seconds: float = 0.0) -> None:
        """Write an answer, in one write; seconds: its writer's for it. Raises RunError: disk full, not writable."""
        fields = {name: getattr(answer, name) for name in answer.__slots__ if name not in _NOT_KEPT}
        record = {"key": key, **fields, "role": str(answer.role), _SECONDS: round(seconds, 4)}
        line = json.dumps(record).encode() + b"\n"
        with run_faults(self._run_dir):
            write_whole(self._file, line)
        self._places[key.encode()] = (self._size, len(line))
        self._size += len(line)

    def costs(self) -> dict[str, AnswerCost]:
        """Read what every answer cost, by its key: one pass over the file. Raises RunError if a line is corrupt."""
        found = {}
        for key in map(bytes.decode, self._places):
            try:
                found[key] = read_strictly(AnswerCost, self._line(key))
            except ValueError as fault:
                raise self._corrupt(key) from fault
        return found

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> AnswerJournal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _line(self, key: str) -> bytes:
        start, length = self._places[key.encode()]
        with run_faults(self._run_dir):
            return os.pread(self._file, length, start)

    def _corrupt(self, key: str) -> RunError:
        return damaged(
            self._run_dir, f"{self._name} has a line that is no answer, at byte {self._places[key.encode()][0]}"
        )

    def _read_places(self) -> int:
        """Note where each answer is; return the offset after the last whole line."""
        start = 0
        with open(os.dup(self._file), "rb") as file:
            file.seek(0)
            while line := file.readline(_MOST_LINE):
                if not line.endswith(b"\n"):
                    if len(line) < _MOST_LINE:
                        break
                    raise OddFile(self._name, f"has a line of more than {_MOST_LINE >> 20} MiB")
                key = line[len(_HEAD) : len(_HEAD) + _KEY_CHARACTERS]
                if line.startswith(_HEAD) and line.endswith(b"}\n") and key.isalnum():
                    self._places[key] = (start, len(line))
                start += len(line)
        return start
