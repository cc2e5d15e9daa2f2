"""Mutations of bytes and of JSON, seeded. Each kind of input adds those of its own."""

from __future__ import annotations

import json
import os
import random
import re
import socket
from contextlib import chdir, suppress
from pathlib import Path

_BIG = 10**400
_ODD_BYTES = (
    b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xc3", b"9" * 5000, b"[" * 3000, b"{" * 300, b"\x1b[31m",
    b"\x1b]0;title\x07", b"\n" * 2000, b"\r", b" " * 100_000, b'"', b"'''", b'"""', b"\\", b"\\ud800", b"NaN",
    b"1e999", b"-1", b"null", b"\xe2\x80\xae", b"e\xcc\x81" * 500, b"%00", b"${x}", b"../../", b"~nobody/x", b"=", b"[[a]]",
)  # fmt: skip


def odd_value(chance: random.Random) -> object:
    """Return a value that no program writes there."""
    return chance.choice((
        None, True, -1, 0, 1 << 53, 1 << 62, -(1 << 62), _BIG, 1e308, -1e308, float("nan"), float("inf"), 0.1, "",
        "x", "\x1b[31mred\x1b]0;title\x07", "\ud800", "9" * 5000, "wide 漢字 🏳️‍🌈" * 9, "a\nb\tc\0d", [], {}, [[]],
        [1, "x", None], "/dev/zero", "../../precious/file", "~nobody/x", "x" * 300, "a" * 100_000, 3, 2.5, "7",
        {"a": {"b": [1]}}, {"mean": "x", "n_tasks": -3}, list(range(3000)), {str(n): n for n in range(3000)},
    ))  # fmt: skip


def changed_tree(chance: random.Random, tree: object) -> object:
    """Return JSON in which one value, anywhere, is replaced, dropped, renamed, repeated or wrapped."""
    if isinstance(tree, dict) and tree and chance.random() < 0.85:
        name = chance.choice(list(tree))
        match chance.randrange(12):
            case 0:
                return {key: value for key, value in tree.items() if key != name}
            case 1:
                return tree | {str(odd_value(chance))[:200]: tree[name]}
        return tree | {name: changed_tree(chance, tree[name])}
    if isinstance(tree, list) and tree and chance.random() < 0.85:
        at = chance.randrange(len(tree))
        match chance.randrange(12):
            case 0:
                return [*tree[:at], *tree[at + 1 :]]
            case 1:
                return [*tree[:at], *[tree[at]] * chance.choice((2, 50, 2000)), *tree[at + 1 :]]
        return [*tree[:at], changed_tree(chance, tree[at]), *tree[at + 1 :]]
    if chance.random() < 0.1:
        return [tree]
    if isinstance(tree, str) and chance.random() < 0.5:
        return changed_bytes(chance, tree.encode("utf-8", "surrogatepass")).decode("utf-8", "replace")
    return odd_value(chance)


def json_bytes(chance: random.Random, tree: object) -> bytes:
    """Write JSON, now and then as no program writes it: a key twice, a hundred levels deep, without its end."""
    text = json.dumps(tree, ensure_ascii=chance.random() < 0.7).encode("utf-8", "surrogatepass")
    match chance.randrange(20):
        case 0:
            return text.replace(b"{", b'{"deep":' + b"[" * 2000 + b"]" * 2000 + b",", 1)
        case 1:
            keys = re.findall(rb'"\w+": ', text)
            return text.replace(b"{", b"{" + chance.choice(keys) + b"[null],", 1) if keys else text
        case 2:
            return text[: chance.randrange(len(text) + 1)]
        case 3:
            return b"\xef\xbb\xbf" + text
        case 4:
            return b"[" * chance.choice((500, 100_000)) + text
    return text


def changed_bytes(chance: random.Random, data: bytes) -> bytes:
    """Flip, cut, repeat, move or insert bytes, one to four times."""
    for _ in range(chance.choice((1, 1, 2, 4))):
        first, last = sorted((chance.randint(0, len(data)), chance.randint(0, len(data))))
        last = min(last, first + 5000)
        part = data[first:last]
        match chance.randrange(7):
            case 0:
                flipped = bytearray(data)
                for _ in range(chance.choice((1, 4, 64)) if data else 0):
                    flipped[chance.randrange(len(data))] = chance.randrange(256)
                data = bytes(flipped)
            case 1:
                data = data[:first] + data[last:]
            case 2:
                data = data[:first]
            case 3:
                times = chance.choice((2, 30, max(1, 200_000 // (len(part) + 1))))
                data = data[:last] + part * times + data[last:]
            case 4:
                data = data[:first] + data[last:] + part
            case _:
                data = data[:first] + chance.choice(_ODD_BYTES) + data[first:]
    return data[: 4 << 20]


def put_odd_file(chance: random.Random, path: Path, precious: Path) -> str:
    """Put a link, FIFO, socket, device, folder, hard link or huge file in place of the file `path`."""
    kinds = ("link", "link to a folder", "dangling", "FIFO", "socket", "zero", "folder", "hard link", "huge", "circle")
    kind = chance.choice(kinds)
    with suppress(FileNotFoundError):
        path.unlink()
    match kind:
        case "link":
            path.symlink_to(precious / "file")
        case "link to a folder":
            path.symlink_to(precious)
        case "dangling":
            path.symlink_to(precious / "new")
        case "FIFO":
            os.mkfifo(path)
        case "socket":
            with socket.socket(socket.AF_UNIX) as made, chdir(path.parent):
                made.bind(path.name)
        case "zero":
            path.symlink_to("/dev/zero")
        case "folder":
            path.mkdir()
        case "hard link":
            path.hardlink_to(precious / "file")
        case "circle":
            path.symlink_to(path.name)
        case _:
            path.touch()
            os.truncate(path, 1 << 34)
    return f"{kind} as {path.name}"
