"""Errors of a Tinker server and of its SDK, as one line each with its remedy."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from engine.errors import CureError, EnvironmentError_, RunError
from engine.servers.replies import one_line

START = (
    "start it: presets/qwen3-32b-tinker.toml has the command for GPUs; for a small model on a CPU it is "
    "`uv run --extra tinker --extra jax -m skyrl.tinker.api --host 127.0.0.1 --base-model MODEL --backend jax`"
)

RESUME = "start the server again with the same database, then `cure-tui resume`"
_STATUS = re.compile(r"(?:[Ee]rror code:|status(?:_code)?)[ =:(]*(\d{3})\b")
_DETAIL = re.compile(r"""['"]detail['"]\s*:\s*(?P<quote>['"])(?P<detail>.*?)(?P=quote)\s*[,}]""", re.DOTALL)
_FAILED = re.compile(r"Request failed: (?P<detail>.*?) for self\.request_id=", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Known:
    """Saying of a server that we know. of_run: it ends a run that can be resumed, and is no lack of the set-up."""

    pattern: re.Pattern[str]
    message: str
    remedy: str
    of_run: bool = False


_KNOWN = (
    _Known(
        re.compile(r"Maximum number of LoRA adapters"),
        "{url} has no adapter slot left",
        "wait six minutes (a killed client's slots stay taken that long), or start the server with a larger "
        "max_lora_adapters",
    ),
    _Known(
        re.compile(r"LoRA rank \d+ must be between|max_lora_rank"),
        "{url} refuses adapters of this rank: {detail}",
        "set policy.lora_rank to what the server takes, or start it with a larger max_lora_rank",
    ),
    _Known(
        re.compile(r"No space left|ENOSPC|database or disk is full|disk full|Disk quota", re.IGNORECASE),
        "the disk of {url} is full",
        "free space below the server's --checkpoints-base and database, then resume the run",
        of_run=True,
    ),
    _Known(
        re.compile(r"not loaded|Model (?:'?[\w:-]+'? )?not found|Session not found|Sampling session not found"),
        "{url} no longer has the model of this run: it was restarted, or heard nothing from it for five minutes",
        "resume the run: `cure-tui resume`",
        of_run=True,
    ),
    _Known(
        re.compile(r"[Cc]heckpoint(?: entry)? not found"),
        "{url} no longer has this checkpoint ({detail})",
        "start it with the database and the --checkpoints-base of the run, or resume from an earlier step",
        of_run=True,
    ),
)


class ServerSaid(Exception):
    """Refusal of a server in a reply to a request of our own. status: HTTP status; detail: its words."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"status {status}: {detail}")
        self.status_code, self.detail = status, detail


def explained(error: BaseException, url: str, doing: str, shown: Callable[[str], str] = one_line) -> CureError:
    """Return the user's error for an error of the SDK or of the server.

    doing: what was asked for: "save the state". shown: makes a short line without the key of what the server says.
    """
    if isinstance(error, CureError):
        return error
    text = str(error)
    status = status_of(error)
    detail = shown(detail_of(error))
    for known in _KNOWN:
        if known.pattern.search(text):
            kind = RunError if known.of_run else EnvironmentError_
            return kind(known.message.format(url=url, detail=detail), known.remedy)
    if isinstance(error, TimeoutError):
        return RunError(f"{url} did not {doing} in time", "look into the server's log, then resume the run")
    if type(error).__name__ == "APIConnectionError" or isinstance(error, ConnectionError):
        return RunError(f"{url} cannot be reached to {doing}", RESUME)
    if status in (401, 403):
        return EnvironmentError_(f"{url} rejects the key in TINKER_API_KEY", "set it to the server's key")
    if status == 404:
        return EnvironmentError_(
            f"{url} knows no request to {doing}: {detail}", "it must serve the Tinker API as SkyRL 0.4 does"
        )
    if status == 409:
        return RunError(f"{url} has that name already: {detail}", "resume the run: names are made anew")
    said = detail or type(error).__name__
    if status >= 500:  # SkyRL says no more where its database cannot be written
        remedy = "look into the server's log, and whether its disk is full, then resume the run"
        return RunError(f"{url} failed to {doing}: {said}", remedy)
    return RunError(f"{url} refuses to {doing}: {said}", "look into the server's log, then resume the run")


def status_of(error: BaseException) -> int:
    """Return the HTTP status behind an error, 0 for none: the SDK puts some into the text of a ValueError alone."""
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return status
    found = _STATUS.search(str(error))
    return int(found.group(1)) if found else 0


def detail_of(error: BaseException) -> str:
    """Return what the server said, without the SDK's words around it."""
    if isinstance(error, ServerSaid):
        return error.detail
    body = getattr(error, "body", None)
    if isinstance(body, dict) and "detail" in body:
        return detail_in(body)
    text = str(error)
    found = _DETAIL.search(text) or _FAILED.search(text)
    return found["detail"] if found else text


def detail_in(body: object) -> str:
    """Return the detail of a reply's JSON: a text, or a list of what pydantic refuses."""
    detail = body.get("detail", "") if isinstance(body, dict) else body
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):
        first = detail[0]
        where = ".".join(map(str, first.get("loc", ())))
        return f"{where}: {first.get('msg', '')}"
    return detail if isinstance(detail, str) else json.dumps(detail)[:500]
