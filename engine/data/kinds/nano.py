"""Converter of the embedded model's own tasks, which are problems already: nothing of them changes."""

from __future__ import annotations

from engine.data.converted import Kept, Options, Unusable
from engine.data.fields import Fields
from engine.errors import DataError
from engine.problems import parse_cure_record


def identify(fields: Fields) -> str:
    return fields.text("task_id")


def convert(fields: Fields, options: Options) -> Kept:
    try:
        return Kept(parse_cure_record(fields.record, "its record"))
    except DataError as error:
        raise Unusable(error.message.removeprefix("its record, ")) from None
