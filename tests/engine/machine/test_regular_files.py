"""Opener of files that others may have made: one plain file, and no other in its place."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from engine.machine.regular_files import OddFile, plain_path, remove_tree


def test_a_plain_path_is_that_of_the_open_file_whatever_takes_its_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("ours")
    (tmp_path / "secret").write_text("secret")
    with plain_path(tmp_path, "file") as path:
        (tmp_path / "file").unlink()
        (tmp_path / "file").symlink_to(tmp_path / "secret")
        assert Path(path).read_text() == "ours"


def test_a_plain_path_has_a_most_size(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(100))
    with plain_path(tmp_path, "file", 100) as path:
        assert len(Path(path).read_bytes()) == 100
    with pytest.raises(OddFile, match="is larger than"), plain_path(tmp_path, "file", 99):
        pass


def test_descriptors_are_closed(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    before = len(os.listdir("/proc/self/fd"))
    with plain_path(tmp_path, "file"):
        pass
    for name in ("pipe", "missing"):
        with pytest.raises(OSError, match=r"refused|No such"), plain_path(tmp_path, name):
            pass
    assert len(os.listdir("/proc/self/fd")) == before


def test_folders_in_folders_that_are_too_deep_to_remove_are_told_in_one_line(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    here = os.open(top, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    try:
        with pytest.raises(OSError, match=r"hundreds deep|Too many open files|File name too long") as raised:
            remove_tree(top)
        assert "\n" not in str(raised.value)
    finally:
        subprocess.run(["rm", "-rf", str(top)], check=True)


def test_a_tree_is_removed_and_what_its_links_lead_to_stays(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").touch()
    (tmp_path / "top").mkdir()
    (tmp_path / "top" / "link").symlink_to(tmp_path / "kept")
    remove_tree(tmp_path / "top")
    assert (tmp_path / "kept" / "file").exists()
    assert not (tmp_path / "top").exists()
