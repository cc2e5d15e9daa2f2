"""Converter of the sanitized MBPP: 427 tasks that were checked by hand, with imports for their assertions."""

from __future__ import annotations

from engine.data.converted import Kept, Options
from engine.data.fields import Fields
from engine.data.kinds import mbpp

identify = mbpp.identify


def convert(fields: Fields, options: Options) -> Kept:
    imports = "\n".join(fields.texts("test_imports"))
    return mbpp.of_assertions(fields, fields.text("prompt"), [], "mbpp-sanitized", options, before=imports)
