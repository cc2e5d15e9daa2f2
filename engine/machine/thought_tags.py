"""Tags that enclose the thoughts of models, in their answers, chat templates and vocabularies."""

from __future__ import annotations

import re

_NAMES = "think|thinking|thought|reasoning"
OPENING = re.compile(rf"<(?:{_NAMES})>|\[THINK\]", re.IGNORECASE)
CLOSING = re.compile(rf"</(?:{_NAMES})>|\[/THINK\]", re.IGNORECASE)
