"""State of a policy on a server, as a checkpoint folder names it: tinker.json."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.errors import RunError
from engine.machine.regular_files import plain_path

STATE_FILE = "tinker.json"
FORMAT = 1
_MOST_BYTES = 1 << 16
_MOST_UPDATES = 1 << 53
_EARLIER = "resume from an earlier checkpoint"


@dataclass(frozen=True, slots=True)
class SavedState:
    """State that a server holds. path: tinker://..., the server's name of it.

    base, rank, alpha: what it was trained as; digest: of its weights, see `TinkerLearner.weights_digest`.
    """

    url: str
    model_id: str
    path: str
    base: str
    rank: int
    alpha: float
    reduction: str
    sdk: str
    updates_done: int
    digest: str
    format: int = FORMAT

    def write(self, folder: Path) -> None:
        """Write the file. Raises RunError."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / STATE_FILE).write_text(json.dumps(asdict(self), indent=1) + "\n")
        except OSError as error:
            raise RunError(f"cannot write {folder / STATE_FILE}: {error.strerror}", "free disk space") from error


def read_state(folder: Path) -> SavedState:
    """Read a checkpoint's file. Raises RunError: it is missing, corrupt, or of another version."""
    try:
        with plain_path(folder, STATE_FILE, _MOST_BYTES) as file:
            fields = json.loads(Path(file).read_bytes())
        if not isinstance(fields, dict):
            raise ValueError("it is no object")
        if type(fields.get("format")) is int and fields["format"] != FORMAT:
            raise RunError(f"checkpoint {folder} is of another version", "resume it with the version that wrote it")
        state = SavedState(**fields)
        for name, kind in SavedState.__annotations__.items():
            value = getattr(state, name)
            if type(value).__name__ != kind and not (kind == "float" and type(value) is int):
                raise ValueError(f"{name} is {value!r:.40}")
        if not 0 <= state.updates_done < _MOST_UPDATES:
            raise ValueError("its number of updates is none")
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise RunError(f"the state in checkpoint {folder} cannot be read: {error}", _EARLIER) from error
    return state
