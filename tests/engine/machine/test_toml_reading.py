"""Reader of TOML: what tomllib reads, and nothing that takes it long."""

from __future__ import annotations

import time
import tomllib

import pytest

from engine.machine.toml_reading import parse_toml

KEYS = ("a." * 100_000 + "a", '"a".' * 50_000 + "a", "'a' . " * 50_000 + "a", '"a" .\ta-b.' * 30_000 + "a")


@pytest.mark.parametrize("form", ["{} = 1\n", "[{}]\n", "[[{}]]\n", "x = {{ {} = 1 }}\n"])
def test_a_key_of_thousands_of_parts_is_refused_at_once_with_its_line(form: str) -> None:
    started = time.process_time()
    for key in (*KEYS, ".".join("a" * 52)):
        with pytest.raises(tomllib.TOMLDecodeError, match=r"more than 50 parts \(at line 3,"):
            parse_toml("# a comment\n\n" + form.format(key))
    assert time.process_time() - started < 2.0


def test_what_only_resembles_long_keys_takes_no_time() -> None:
    started = time.process_time()
    for text in (
        '"' * 200_000,
        "'" * 200_000,
        "a " * 100_000,
        "a" * 200_000,
        '"a' * 100_000,
        ". " * 100_000,
        "a.\n" * 9,
    ):
        with pytest.raises(tomllib.TOMLDecodeError):
            parse_toml(text)
    assert time.process_time() - started < 2.0


def test_ordinary_documents_are_read() -> None:
    text = 'a.b.c = 1\n[x."y z".w]\nt = "one. two. three..."\nn = [1.5, 2.5]\nd = 2026-11-29\n'
    assert parse_toml(text) == tomllib.loads(text)
