"""Scanner of TOML lines: exactly the keys that tomllib reads, each on its line."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.presets.toml_lines import KeyPath, key_lines, line_of

TRICKY = '''\
# a comment with [brackets] = "and quotes
top = 1
"quoted key" = "a # no comment" # but this is
dotted.inner . deep = [ 1, 2, # two
  3,
]

[table]            # header
text = """
[not.a.table]
key = "no key"
ends with quotes \\""""""
path = 'C:\\temp\\'
raw = \'\'\'
x = 1 \'quoted\'\'\'\'
after = 1979-05-27T07:32:00Z

[table.sub]
inline = { a = 1, "b c" = { d = [ { e = "}" }, { f = "]" } ] } }
[ "odd.name" . x ]
last = true

[[fruit]]
name = "apple"
[fruit.size]
cm = 7
[[fruit.kind]]
name = "red"

[[fruit]]
name = "pear"
[[fruit.kind]]
name = "green"
'''

EXPECTED_LINES: list[tuple[KeyPath, int]] = [
    (("top",), 2),
    (("quoted key",), 3),
    (("dotted", "inner", "deep"), 4),
    (("dotted", "inner", "deep", 2), 5),
    (("table",), 8),
    (("table", "text"), 9),
    (("table", "path"), 13),
    (("table", "raw"), 14),
    (("table", "after"), 16),
    (("table", "sub", "inline", "b c", "d", 1, "f"), 19),
    (("odd.name", "x", "last"), 21),
    (("fruit", 0, "name"), 24),
    (("fruit", 0, "size", "cm"), 26),
    (("fruit", 0, "kind", 0, "name"), 28),
    (("fruit", 1, "name"), 31),
    (("fruit", 1, "kind", 0, "name"), 33),
]


@pytest.mark.parametrize(("path", "line"), EXPECTED_LINES, ids=lambda value: str(value))
def test_a_key_is_found_on_its_line(path: KeyPath, line: int) -> None:
    assert key_lines(TRICKY)[path] == line


def test_every_leaf_that_tomllib_reads_has_a_line() -> None:
    assert set(leaves(tomllib.loads(TRICKY))) <= set(key_lines(TRICKY))


def test_a_key_that_is_nowhere_gets_the_line_of_its_table() -> None:
    lines = key_lines(TRICKY)
    assert line_of(lines, ("table", "missing")) == 8
    assert line_of(lines, ("missing", "too")) is None


def test_carriage_returns_do_not_shift_lines() -> None:
    assert key_lines("a = 1\r\n\r\n[t]\r\nb = 'x'\r\n")[("t", "b")] == 4


def leaves(tree: Any, path: KeyPath = ()) -> list[KeyPath]:
    if isinstance(tree, dict):
        return [leaf for key, value in tree.items() for leaf in leaves(value, (*path, key))]
    if isinstance(tree, list):
        return [leaf for index, value in enumerate(tree) for leaf in leaves(value, (*path, index))]
    return [path]


# Documents with what confuses scanners: brackets, quotes, hashes and line breaks inside of strings.
strings = st.text(alphabet="ab[]{}=,#.'\"\\\n ", max_size=8)
keys = st.text(alphabet="ab.-# \"'[=", max_size=4)


def basic(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def long_basic(text: str) -> str:
    """Quote as a long basic string: up to two unescaped quotes inside and right before the end."""
    escaped = text.replace("\\", "\\\\").replace('"""', '""\\"')
    return f'"""\n{escaped} """' if escaped.endswith('\\"') else f'"""\n{escaped}"""'


scalars = st.one_of(
    strings.map(basic),
    strings.map(long_basic),
    st.integers(-9, 9).map(str),
    st.sampled_from(["true", "1e-3", "'#]'"]),
)
gaps = st.sampled_from(["", " ", "\n", " # [x\n", "\n\n"])


def arrays(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    items = st.lists(st.tuples(gaps, children, gaps).map("".join), max_size=3)
    return items.map(lambda texts: "[" + ",".join(texts) + "]")


def inline_tables(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.dictionaries(keys, children, max_size=3)
    return pairs.map(lambda table: "{" + ", ".join(f"{basic(key)} = {value}" for key, value in table.items()) + "}")


values = st.recursive(scalars, lambda children: arrays(children) | inline_tables(children), max_leaves=6)


@given(st.dictionaries(keys, st.dictionaries(keys, values, max_size=3), max_size=3))
def test_any_document_that_tomllib_takes_is_scanned_to_its_leaves(tables: dict[str, dict[str, str]]) -> None:
    text = ""
    expected: dict[KeyPath, int] = {}
    for name, table in tables.items():
        text += f"[{basic(name)}] # header\n"
        for key, value in table.items():
            expected[(name, key)] = text.count("\n") + 1
            text += f"{basic(key)} = {value} # after\n"
    lines = key_lines(text)
    assert {path: lines[path] for path in expected} == expected
    assert set(leaves(tomllib.loads(text))) <= set(lines)
