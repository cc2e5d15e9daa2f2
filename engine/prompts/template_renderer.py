"""Renderer of chat templates, in a process of its own: a line of JSON in, a line of JSON out.

A template is a program of the model's author. jinja2's sandbox keeps it from files and modules, not from looping for
ever or from filling the memory; this process has bounds for both, which none of its parent's could have. It runs as a
script and imports jinja2 alone.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from datetime import datetime
from functools import lru_cache
from typing import Any

CPU_SECONDS = 2.0
MEMORY_MB = 256
MOST_CHARACTERS = 4_000_000


def main() -> None:
    """Render each request: template, messages, variables. A template that takes too long ends the process."""
    try:
        from jinja2 import TemplateError
    except ImportError:  # transformers renders templates with it, which it does not require
        for _ in sys.stdin:
            print(json.dumps({"missing": "jinja2"}), flush=True)
        return
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + (MEMORY_MB << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin:
        request = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)  # its signal ends the process
        try:
            reply = _rendered(**request)
        except MemoryError:
            reply = {"fault": f"it needs more than {MEMORY_MB} MB"}
        except TemplateError as error:
            reply = {"fault": error.message or type(error).__name__}
        except Exception as error:  # noqa: BLE001  (a template may raise whatever Python raises)
            reply = {"fault": f"{type(error).__name__}: {error}"}
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(json.dumps(reply), flush=True)


def _rendered(template: str, messages: list[dict[str, str]], variables: dict[str, object]) -> dict[str, str]:
    parts, size = [], 0
    compiled = _environment().from_string(template) if len(template) > 100_000 else _compiled(template)
    for part in compiled.generate(
        messages=messages, tools=None, documents=None, add_generation_prompt=True, **variables
    ):  # fmt: skip
        parts.append(part)
        size += len(part)
        if size > MOST_CHARACTERS:
            return {"fault": f"it writes more than {MOST_CHARACTERS / 1e6:g} MB"}
    return {"text": "".join(parts)}


@lru_cache(maxsize=4)
def _compiled(template: str) -> Any:
    return _environment().from_string(template)


@lru_cache(maxsize=1)
def _environment() -> Any:
    """Return an environment with what templates of models expect: the names are those that transformers defines."""
    from jinja2 import TemplateError, nodes
    from jinja2.ext import Extension, loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        """Block of the assistant's words, marked for trainers; here its body alone."""

        tags = {"generation"}

        def parse(self, parser: Any) -> nodes.Node | list[nodes.Node]:
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return nodes.Scope(body, lineno=line)

    def tojson(value: Any, ensure_ascii: bool = False, **options: Any) -> str:
        return json.dumps(value, ensure_ascii=ensure_ascii, **options)

    def raise_exception(message: str) -> None:
        raise TemplateError(message)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    environment.filters["tojson"] = tojson
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    return environment


if __name__ == "__main__":
    main()
