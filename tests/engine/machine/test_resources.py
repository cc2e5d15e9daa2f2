"""Presets and assets: found wherever the package is; sources name paths."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import CureError, DataError, EnvironmentError_
from engine.machine.resources import asset_path, preset_files, source_path


def test_presets_are_found_from_any_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert preset_files()["nano"].is_file()


def test_a_missing_asset_is_named() -> None:
    with pytest.raises(EnvironmentError_, match="no asset 'nothing'"):
        asset_path("nothing")


@pytest.mark.parametrize("name", ["../pyproject.toml", "/etc/passwd"])
def test_an_asset_lies_below_assets(name: str) -> None:
    with pytest.raises(DataError, match="outside"):
        asset_path(name)


def test_fetched_data_lies_in_the_users_folder(own_home: Path) -> None:
    assert source_path("data:mbpp/test.json") == own_home / "data" / "mbpp" / "test.json"


def test_anything_else_is_a_path(tmp_path: Path) -> None:
    assert source_path(str(tmp_path)) == tmp_path
    assert source_path("~/tasks.json") == Path.home() / "tasks.json"


def test_a_missing_asset_is_an_error_that_the_command_line_knows() -> None:
    with pytest.raises(CureError):
        source_path("asset:nothing")
