"""Settings: presets, `--set` texts, endpoints.toml, the saved default of solve, specs of writers and addresses."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path

from cure_tui.solving.default import check_saved, in_words, read_default
from engine.errors import CureError
from engine.machine.memory_plan import plan_memory
from engine.machine.model_folders import model_folder
from engine.machine.toml_text import dump_toml
from engine.presets import load_config, load_preset
from engine.presets.loading import preset_variants, setting_names
from engine.runs.listing import find_run
from engine.servers.settings import read_endpoints
from engine.solve.kept.identity import absolute_spec
from engine.solve.strategies import Budget
from engine.solve.writers.endpoints import find_endpoint
from engine.solve.writers.spec import parse_spec
from tests.fuzz.kind import Kind, prepare_nothing
from tests.fuzz.mutations import changed_bytes, put_odd_file

_PRESETS = Path(__file__).parents[2] / "presets"
_ODD_VALUES = (
    "", "-1", "0", "true", '""', '"x"', "9" * 4400, "1e999", "-inf", "nan", '"\\u001b[31m"', "[" * 3000, "[[1]]", "[]",
    "{}", "{a.b = 1}", '"/dev/zero"', '"~nobody/x"', '"../../x"', '"' + "x" * 5000 + '"', '"a\\u0000b"', "1979-05-27",
    "07:32:00", "0x7fffffffffffffff", "[1, [2, [3]]]", '["http://u:p@h", "http://["]', "1_000", '"""' + "a\n" * 900 + '"""',
    "'" + "~" * 300 + "'", '"asset:../../x"', '"data:../../../etc/passwd"', '"asset:"', '["a", 1, nan]', "+1", "1.",
    '"nano@99999999999"', '"http://127.0.0.1:99999/v1"', '"\\ud800"', "{x = {x = {x = {}}}}", '"a/b/c"', '"openai:m@x"',
    '"' + "a/" * 3000 + '"', '"run:../../x"', '"run:' + "x" * 400 + '"', '"openai:m@http://[::1"', '"15m"', '"9e999s"',
)  # fmt: skip


def _mutate_toml(chance: random.Random, text: str) -> str:
    lines = text.splitlines()
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(lines))
        name = lines[at].partition("=")[0]
        match chance.randrange(10):
            case 0:
                del lines[at]
                lines = lines or [""]
            case 1:
                lines.insert(at, lines[at])
            case 2:
                lines.insert(at, chance.choice(('extends = "x"', 'extends = "nano"', 'extends = "./preset.toml"', "extends = 1",
                                                "[variants.24]", "[variants.x.policy]", f"[variants.{'9' * 5000}]", "variants = 1",
                                                f"[{'a.' * 3000}a]", f"{'a.' * 3000}a = 1", "[[model]]", "variant = 24",
                                                'variant = "8"', "[x]", "[model]", f"['{chr(27)}[31m']")))  # fmt: skip
            case _ if "=" in lines[at]:
                lines[at] = f"{name}= {chance.choice(_ODD_VALUES)}"
            case _:
                lines[at] = chance.choice(_ODD_VALUES)
    return "\n".join(lines)


def _write(chance: random.Random, path: Path, text: str) -> str:
    if chance.random() < 0.05:
        return put_odd_file(
            chance, path, next(each for each in path.parents if each.name == "home").with_name("precious")
        )
    data = text.encode("utf-8", "surrogatepass")
    path.write_bytes(changed_bytes(chance, data) if chance.random() < 0.25 else data)
    return f"{path.name} of {len(data)} bytes"


# Presets ----------------------------------------------------------------------------------------------------------


def _mutate_preset(chance: random.Random, place: Path) -> str:
    text = chance.choice(sorted(_PRESETS.glob("*.toml"))).read_text(encoding="utf-8")
    return _write(chance, place / "home" / "preset.toml", _mutate_toml(chance, text))


def _read_preset(place: Path) -> None:
    path = place / "home" / "preset.toml"
    with suppress(CureError):
        preset_variants(path)
    with suppress(CureError):
        load_config(path)
    config = load_preset(path)
    dumped = dump_toml(config, comments=True)
    (place / "home" / "config.toml").write_text(dumped)
    assert dump_toml(load_config(place / "home" / "config.toml"), comments=True) == dumped
    plan_memory(config, 24.0)
    model_folder(config.model.source)


def _mutate_set(chance: random.Random, place: Path) -> str:
    names = (*setting_names(), "", "a", "a.b.c", ".".join("a" * 3000), "model", "model.", ".source", "\x1b[31m", "\ud800",
             "model.source.x", "variant", "extends", "variants.24", "run steps", "name", "é" * 500, "[model]")  # fmt: skip
    values = [*_ODD_VALUES, "x", "~nobody/x", "a\0b", "\x1b]0;x\x07", "a" * 300, "\ud800", "1\n2 = 3", "/" + "x" * 5000]
    texts = [f"{chance.choice(names)}{chance.choice(('=', '=', '=', ' = ', '', '=='))}{chance.choice(values)}"
             for _ in range(chance.choice((1, 1, 2, 20)))]  # fmt: skip
    (place / "home" / "sets").write_bytes("\x1e".join(texts).encode("utf-8", "surrogatepass"))
    return str(texts)[:300]


def _read_set(place: Path) -> None:
    file = place / "home" / "sets"
    texts = file.read_bytes().decode("utf-8", "surrogatepass").split("\x1e") if file.exists() else []
    for text in texts:
        value = text.partition("=")[2].strip("\"' ")
        for use in (load_preset, parse_spec, Budget.parse, find_endpoint, _find_at, find_run, _absolute):
            with suppress(CureError):
                use(value)
    config = load_preset("nano", texts)
    dump_toml(config)
    plan_memory(config, 24.0)
    model_folder(config.model.source)


def _absolute(text: str) -> None:
    absolute_spec(parse_spec(text))


def _find_at(url: str) -> None:
    find_endpoint("m", url)


# Settings of the user ---------------------------------------------------------------------------------------------

_ENDPOINTS = """[endpoint."http://localhost:8000/v1"]
api_key = "secret"
concurrency = 8
timeout_seconds = 300
silence_seconds = 60.0
retries = 5
prompts = "full"
usage = "estimate"

[endpoint."https://api.openai.com/v1"]
api_key_env = "MY_KEY"

[price."gpt-4o-mini"]
input = 0.15
output = 0.60
"""
_DEFAULT = """# Written by `cure-tui solve --save-default`.
coder = "nano"
tester = "openai:m@http://localhost:8000/v1"
n = 4
m = 4
strategy = "codet"
budget = "30s"
temperature = 0.8
max_tokens = 100
keep = "15m"
"""


def _prepare_config(place: Path) -> None:
    (place / "home" / "config").mkdir()


def _mutate_endpoints(chance: random.Random, place: Path) -> str:
    return _write(chance, place / "home" / "config" / "endpoints.toml", _mutate_toml(chance, _ENDPOINTS))


def _read_endpoints(place: Path) -> None:
    for url in ("http://localhost:8000", "http://127.0.0.1:8000/v1", ""):
        with suppress(CureError):
            find_endpoint("gpt-4o-mini", url)
    read_endpoints()


def _mutate_default(chance: random.Random, place: Path) -> str:
    return _write(chance, place / "home" / "config" / "solve.toml", _mutate_toml(chance, _DEFAULT))


def _read_default(place: Path) -> None:
    default = read_default()
    in_words(default)
    check_saved(default)


PRESET = Kind(prepare_nothing, _mutate_preset, _read_preset)
SET = Kind(prepare_nothing, _mutate_set, _read_set)
ENDPOINTS = Kind(_prepare_config, _mutate_endpoints, _read_endpoints)
DEFAULT = Kind(_prepare_config, _mutate_default, _read_default)
