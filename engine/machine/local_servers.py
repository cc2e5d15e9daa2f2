"""Model servers that answer on the usual ports of this machine, asked with a short deadline. Nothing else is asked."""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

USUAL_PORTS = (("Ollama", 11434), ("LM Studio", 1234), ("llama.cpp", 8080), ("vLLM", 8000))
DEADLINE_SECONDS = 0.3
_HOST = "127.0.0.1"
_MOST_BYTES = 1 << 20
_PATHS = (("/v1/models", "data", "id"), ("/api/tags", "models", "name"))
"""Paths that list models, with the names of list and entry in the reply; the second is Ollama's own."""

_NAME = re.compile(r"[!-~]{1,200}")
_NO_WRITER = re.compile(r"embed|rerank|bge-|whisper|tts|(^|[-/])e5-|(^|[-/])clip", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LocalServer:
    """Server that answered. kind: the one that usually has this port. models: those that can write, by its list."""

    kind: str
    url: str
    models: tuple[str, ...]


def local_servers(
    ports: Sequence[tuple[str, int]] | None = None, seconds: float = DEADLINE_SECONDS
) -> list[LocalServer]:
    """Ask all ports (default: USUAL_PORTS) of 127.0.0.1 at once; return those that list a model within `seconds`.

    Whatever answers there is not trusted: replies are bounded, names must be printable, no redirect is followed.
    """
    ports = USUAL_PORTS if ports is None else ports
    models: dict[int, tuple[str, ...]] = {}

    def ask(port: int) -> None:
        models[port] = _models_at(port, seconds)

    # Daemon threads: one that a slow server holds must not delay the end of this process.
    threads = [threading.Thread(target=ask, args=(port,), daemon=True) for _, port in ports]
    end = time.monotonic() + seconds
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    found = dict(models)
    return [LocalServer(kind, f"http://{_HOST}:{port}/v1", found[port]) for kind, port in ports if found.get(port)]


def _models_at(port: int, seconds: float) -> tuple[str, ...]:
    for path, several, name in _PATHS:
        connection = http.client.HTTPConnection(_HOST, port, timeout=seconds)
        try:
            connection.request("GET", path, headers={"Accept": "application/json"})
            reply = connection.getresponse()
            if reply.status == 200:
                entries = json.loads(reply.read(_MOST_BYTES))[several]
                names = [entry[name] for entry in entries if isinstance(entry[name], str)]
                return tuple(each for each in names if _NAME.fullmatch(each) and not _NO_WRITER.search(each))
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, RecursionError):
            pass
        finally:
            connection.close()
    return ()
