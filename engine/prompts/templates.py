"""Rendering of chat templates in a bounded process, which is started with the first one and ends with this process."""

from __future__ import annotations

import atexit
import contextlib
import json
import select
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence

from engine.errors import EnvironmentError_
from engine.prompts import template_renderer

_REMEDY = "correct the model's chat_template.jinja, or use another model"
_WAIT_SECONDS = 60.0
"""Patience with a renderer that other processes keep from its CPU time."""
_MOST_REPLY = 64 << 20


class _Renderer:
    """Process that renders templates, one at a time; a new one takes the place of one that has ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def render(self, request: bytes) -> bytes:
        """Return the reply, b"" if the process has ended instead."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", template_renderer.__file__],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                )
            process = self._process
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                process.stdin.write(request + b"\n")
                process.stdin.flush()
                if select.select([process.stdout], [], [], _WAIT_SECONDS)[0]:
                    reply = process.stdout.readline(_MOST_REPLY)
                    if reply.endswith(b"\n"):
                        return reply
            except BrokenPipeError:
                pass
            except BaseException:  # whoever asks next must not read this reply
                self._end()
                raise
            self._end()
            return b""

    def close(self) -> None:
        with self._lock:
            self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            with contextlib.suppress(OSError):
                process.communicate()


RENDERER = _Renderer()
atexit.register(RENDERER.close)


def render_template(template: str, messages: Sequence[dict[str, str]], variables: Mapping[str, object]) -> str:
    """Render a chat template up to where the answer begins.

    Raises EnvironmentError_ for a template that is broken, takes more than some seconds or some hundred megabytes, or
    writes nothing.
    """
    request = {"template": template, "messages": list(messages), "variables": dict(variables)}
    reply = RENDERER.render(json.dumps(request, default=str).encode())
    answer = json.loads(reply) if reply else {"fault": f"it takes more than {template_renderer.CPU_SECONDS:g} s"}
    if "missing" in answer:
        raise EnvironmentError_("the chat template cannot be rendered: jinja2 is missing", "pip install jinja2")
    if "fault" in answer:
        said = " ".join(str(answer["fault"]).split())[:200]
        raise EnvironmentError_(f"the model's chat template cannot be rendered: {said}", _REMEDY)
    text: str = answer["text"]
    if not text:
        raise EnvironmentError_("the model's chat template writes nothing", _REMEDY)
    return text.encode("utf-8", "replace").decode()  # halves of characters, which no tokenizer takes
