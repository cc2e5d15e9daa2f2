"""Presets and overrides: accepted values, and refusals that name file, line, key and remedy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.errors import ConfigError
from engine.machine.memory_plan import plan_memory
from engine.machine.toml_text import dump_toml
from engine.presets import list_presets, load_config, load_preset, preset_variants, setting_names

BUILT_IN = [
    "nano", "qwen2.5-14b", "qwen2.5-7b", "qwen2.5-coder-7b", "qwen3-0.6b", "qwen3-1.7b", "qwen3-14b-tinker",
    "qwen3-32b-tinker", "qwen3-4b", "smollm2",
]  # fmt: skip

Write = Callable[[str, str], Path]


@pytest.fixture
def user_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "presets"
    folder.mkdir()
    return folder


@pytest.fixture
def write(user_dir: Path) -> Write:
    def write_preset(name: str, text: str) -> Path:
        path = user_dir / f"{name}.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write_preset


def refusal(path: Path | str, *overrides: str, user_dir: Path | None = None) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_preset(path, overrides, user_dir)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_preset_is_valid_and_bears_its_files_name(name: str, user_dir: Path) -> None:
    assert load_preset(name, user_dir=user_dir).name == name


VARIANTS = [
    f"{name}@{variant}"
    for name, variants in (
        ("qwen3-4b", (16, 24, 48, 80)),
        ("qwen2.5-7b", (16, 24, 48, 80)),
        ("qwen2.5-coder-7b", (16, 24, 48, 80)),
        ("qwen2.5-14b", (48, 80)),
        ("qwen3-1.7b", (12, 24)),
        ("qwen3-0.6b", (8, 16)),
    )
    for variant in variants
]

SMALLEST_CARDS = {"8": 7.7, "12": 11.7, "16": 15.5, "24": 22.3, "48": 44.4, "80": 79.1}
"""GiB that drivers tell of the smallest cards sold by that size."""


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_is_valid_and_fits_the_cards_it_is_for(name: str, user_dir: Path) -> None:
    preset, _, variant = name.partition("@")
    config = load_preset(name, user_dir=user_dir)
    assert (config.name, config.variant) == (preset, variant)
    plan = plan_memory(config, SMALLEST_CARDS[variant])
    assert plan is not None
    assert plan.fits
    assert load_preset(preset, user_dir=user_dir, gpu_memory_gb=SMALLEST_CARDS[variant]) == config


def test_qwen3_thinks_and_learns_to_be_shorter_in_every_variant(user_dir: Path) -> None:
    for name in VARIANTS[:4]:
        config = load_preset(name, user_dir=user_dir)
        assert config.model.thinking
        assert config.reward.length_transform == "tester"
        assert max(config.rollout.max_new_tokens_coder, config.rollout.max_new_tokens_tester) >= 6144


@pytest.mark.parametrize(
    ("gpu_gb", "variant"), [(8, "16"), (16, "16"), (20, "16"), (23, "24"), (32, "24"), (45, "48"), (95, "80")]
)
def test_the_variant_follows_from_the_card(gpu_gb: float, variant: str, user_dir: Path) -> None:
    assert load_preset("qwen3-4b", user_dir=user_dir, gpu_memory_gb=gpu_gb).variant == variant


def test_a_variant_whose_plan_does_not_fit_is_passed_over(user_dir: Path) -> None:
    overrides = ["rollout.max_batch=2048"]  # the sampler's logits alone take 11 GiB
    assert load_preset("qwen3-4b", overrides, user_dir, gpu_memory_gb=24).variant == "16"


def test_without_a_gpu_the_design_point_is_shown(user_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.presets.loading.card_gb", lambda: None)
    assert load_preset("qwen3-4b", user_dir=user_dir).variant == "24"
    assert load_preset("nano", user_dir=user_dir).variant == ""
    monkeypatch.setattr("engine.presets.loading.card_gb", lambda: 47.9)
    assert load_preset("qwen3-4b", user_dir=user_dir).variant == "48"


def test_the_resolved_configuration_is_whole_and_plain(user_dir: Path, tmp_path: Path) -> None:
    config = load_preset("qwen2.5-7b@48", user_dir=user_dir)
    text = dump_toml(config)
    assert "variants" not in text
    assert 'variant = "48"' in text
    path = tmp_path / "config.toml"
    path.write_text(text)
    assert load_config(path) == config == load_preset(path, user_dir=user_dir, gpu_memory_gb=16)
    path.write_text(text.replace('variant = "48"\n', ""))  # of a version without variants
    assert load_config(path).variant == ""


def test_a_users_tables_lie_over_the_variants_they_extend(write: Write, user_dir: Path) -> None:
    text = 'extends = "qwen3-4b"\n[rollout]\ntasks_per_step = 3\n[variants.48.policy]\nlora_rank = 64\n'
    path = write("mine", text)
    small, large = (load_preset(path, user_dir=user_dir, gpu_memory_gb=gb) for gb in (16, 48))
    assert (small.rollout.tasks_per_step, large.rollout.tasks_per_step) == (3, 3)
    assert (small.policy.lora_rank, large.policy.lora_rank) == (32, 64)
    assert small.vllm.precision == "nf4"
    assert load_preset("mine@48", ["policy.lora_rank=16"], user_dir).policy.lora_rank == 16
    assert preset_variants("mine", user_dir) == ["16", "24", "48", "80"]


def test_a_variant_can_be_set_like_any_setting(write: Write, user_dir: Path) -> None:
    assert load_preset("qwen3-4b", ["variant=48"], user_dir, gpu_memory_gb=16).variant == "48"
    write("mine", 'extends = "qwen3-4b"\nvariant = "80"\n')
    assert load_preset("mine", (), user_dir, gpu_memory_gb=16).variant == "80"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("qwen3-4b@32", "preset 'qwen3-4b' has no variant '32' (it has 16, 24, 48, 80)"),
        ("nano@24", "preset 'nano' has no variant '24' (write 'nano' alone: it has none)"),
        ("qwen3-4c@24", "no preset 'qwen3-4c' (did you mean 'qwen3-4b'?)"),
        ("qwen3-4b@big", "no preset 'qwen3-4b@big' (did you mean 'qwen3-4b'?)"),
    ],
)
def test_a_variant_that_is_not_there_is_refused(name: str, says: str, user_dir: Path) -> None:
    assert str(refusal(name, user_dir=user_dir)) == says


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[variants.24.polcy]\nx = 1\n", ":2: unknown setting 'polcy' (did you mean 'policy'?)"),
        ("[variants.24.policy]\nlora_rnk = 1\n", ":3: unknown setting 'policy.lora_rnk'"),
        ('[variants.24]\n[variants.24.run]\nsteps = "x"\n', ':4: run.steps = "x" should be a valid integer'),
        ("[variants.large.run]\nsteps = 1\n", ":2: variant 'large' is not a number of GB"),
        ("variants = 3\n", ":2: variants must be tables"),
        ("variants.24 = 3\n", ":2: variants must be tables"),
        ("[variants.24.rollout]\nmax_new_tokens_coder = 9000\n", ": 2048 tokens do not hold one answer of 9000"),
    ],
)
def test_a_mistake_in_a_variant_is_named_with_its_line(text: str, says: str, write: Write, user_dir: Path) -> None:
    path = write("mine", 'extends = "nano"\n' + text)
    found = str(refusal(path, user_dir=user_dir))
    assert says in found
    assert found.startswith(str(path)) or "micro_batch" in found


def test_the_built_in_presets_are_listed(user_dir: Path) -> None:
    assert list(list_presets(user_dir)) == BUILT_IN


def test_overrides_are_read_as_toml(user_dir: Path) -> None:
    config = load_preset(
        "nano",
        [
            "run.steps=3",
            "rollout.temperature=1",
            "evaluation.bon_sizes=[[2, 2]]",
            'reward.truncated = "penalise"',
        ],
        user_dir,
    )
    assert config.run.steps == 3
    assert config.rollout.temperature == 1.0
    assert config.evaluation.bon_sizes == ((2, 2),)
    assert config.reward.truncated == "penalise"


def test_an_override_that_is_no_toml_is_text(user_dir: Path) -> None:
    config = load_preset("nano", ["model.source=Qwen/Qwen3-0.6B", "policy.schedule=linear"], user_dir)
    assert config.model.source == "Qwen/Qwen3-0.6B"
    assert config.policy.schedule == "linear"


def test_the_last_override_wins(user_dir: Path) -> None:
    assert load_preset("nano", ["run.seed=1", "run.seed=2"], user_dir).run.seed == 2


def test_a_users_preset_says_only_what_differs(write: Write, user_dir: Path) -> None:
    write("quick", 'extends = "nano"\n[run]\nsteps = 7\n')
    quick, nano = load_preset("quick", user_dir=user_dir), load_preset("nano", user_dir=user_dir)
    assert (quick.name, quick.run.steps) == ("quick", 7)
    assert quick.policy == nano.policy


def test_presets_extend_one_another(write: Write, user_dir: Path) -> None:
    write("quick", 'extends = "nano"\nrun.steps = 7\n')
    write("quicker", 'extends = "quick"\nrun.seed = 5\n')
    config = load_preset("quicker", user_dir=user_dir)
    assert (config.run.steps, config.run.seed) == (7, 5)


def test_a_users_preset_may_extend_the_built_in_one_of_its_own_name(write: Write, user_dir: Path) -> None:
    write("nano", 'extends = "nano"\n[run]\nseed = 9\n')
    assert load_preset("nano", user_dir=user_dir).run.seed == 9


def test_presets_that_extend_each_other_are_refused(write: Write, user_dir: Path) -> None:
    write("a", 'extends = "b"\n')
    write("b", '\nextends = "a"\n')
    assert "b.toml:2: extends itself" in str(refusal("a", user_dir=user_dir))


def test_extending_an_unknown_preset_names_the_line(write: Write, user_dir: Path) -> None:
    error = refusal(write("mine", '# mine\nextends = "nnano"\n'), user_dir=user_dir)
    assert "mine.toml:2: no preset 'nnano' (did you mean 'nano'?)" in str(error)


def test_an_unknown_preset_gets_a_suggestion(user_dir: Path) -> None:
    assert str(refusal("qwen3-4", user_dir=user_dir)) == "no preset 'qwen3-4' (did you mean 'qwen3-4b'?)"


def test_a_preset_file_that_is_not_there(tmp_path: Path) -> None:
    assert "no preset file" in str(refusal(tmp_path / "none.toml"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("\n[rolout]\nn_programs = 4\n", ":3: unknown setting 'rolout' (did you mean 'rollout'?)"),
        (
            "[rollout]\n\nn_programms = 4\n",
            ":4: unknown setting 'rollout.n_programms' (did you mean 'rollout.n_programs'?)",
        ),
        (
            "policy = { lora_rnk = 8 }\n",
            ":2: unknown setting 'policy.lora_rnk' (did you mean 'policy.lora_rank'?)",
        ),
        (
            "rollout.temprature = 1.0\n",
            ":2: unknown setting 'rollout.temprature' (did you mean 'rollout.temperature'?)",
        ),
        ("steps = 5\n", ":2: unknown setting 'steps' (did you mean 'run.steps'?)"),
        ("[run]\nlora_rank = 5\n", ":3: unknown setting 'run.lora_rank' (did you mean 'policy.lora_rank'?)"),
        ("[run]\nzebra = 5\n", ":3: unknown setting 'run.zebra' ([run] has steps, max_minutes,"),
        ('[run]\nsteps = "5"\n', ':3: run.steps = "5" should be a valid integer'),
        ("[run]\nsteps = 5.0\n", ":3: run.steps = 5.0 should be a valid integer"),
        ("[model]\nthinking = 1\n", ":3: model.thinking = 1 should be a valid boolean"),
        ("[rollout]\ntop_p = 0\n", ":3: rollout.top_p = 0 should be greater than 0"),
        ("[rollout]\ntop_p = 1.5\n", ":3: rollout.top_p = 1.5 should be less than or equal to 1"),
        ("[rollout]\ntemperature = nan\n", ":3: rollout.temperature = nan should be a finite number"),
        ("[rollout]\nn_programs = 1\n", ":3: rollout.n_programs = 1 should be greater than or equal to 2"),
        ("[policy]\nmax_grad_norm = 0.0\n", ":3: policy.max_grad_norm = 0.0 should be greater than 0"),
        ("[policy]\nbetas = [\n  0.9,\n  1.5,\n]\n", ":5: policy.betas = 1.5 should be less than 1"),
        (
            "[policy]\nschedule = 'cosin'\n",
            ":3: policy.schedule = \"cosin\" should be 'constant', 'linear' or 'cosine'",
        ),
        (
            "[run]\ncheckpoint_every = 0\n",
            ":3: run.checkpoint_every = 0 should be greater than or equal to 1",
        ),
        ("run = 3\n", ":2: run = 3 should be a table, [run]"),
        (
            "[evaluation]\n\nbon_sizes = [[4, 4], [64, 4]]\n",
            ":4: best-of-N size 64x4 is larger than the 16x16 samples",
        ),
        ("[run]\nsteps = \n", ":3: not valid TOML: Invalid value"),
        ("[run]\nsteps = 5\nsteps = 6\n", ":4: not valid TOML: Cannot overwrite a value"),
        ('[run]\nsteps = """1\n', ":3: not valid TOML: Unterminated string"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, says: str, write: Write, user_dir: Path) -> None:
    path = write("mine", 'extends = "nano"\n' + text)
    assert f"{path}{says}" in str(refusal(path, user_dir=user_dir))


def test_a_mistake_in_the_extended_file_is_named_there(write: Write, user_dir: Path) -> None:
    base = write("base", 'extends = "nano"\n[run]\nsteps = -1\n')
    assert f"{base}:3: run.steps = -1" in str(refusal(write("mine", 'extends = "base"\n'), user_dir=user_dir))


def test_an_override_that_mends_a_conflict_is_accepted(write: Write, user_dir: Path) -> None:
    path = write("mine", 'extends = "nano"\n[evaluation]\nbon_sizes = [[32, 32]]\n')
    overrides = ["evaluation.n_programs=32", "evaluation.m_tests=32"]
    assert load_preset(path, overrides, user_dir).evaluation.largest_bon == (32, 32)


def test_a_missing_setting_is_named_with_its_table(write: Write, user_dir: Path) -> None:
    text = dump_toml(load_preset("nano", user_dir=user_dir))
    path = write("mine", "".join(line for line in text.splitlines(True) if not line.startswith("top_p")))
    line = 1 + path.read_text().splitlines().index("[rollout]")
    assert f"{path}:{line}: setting 'rollout.top_p' is missing" in str(refusal(path, user_dir=user_dir))


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("run.stepz=3", "--set run.stepz=3: unknown setting 'run.stepz' (did you mean 'run.steps'?)"),
        ("steps=3", "--set steps=3: unknown setting 'steps' (did you mean 'run.steps'?)"),
        ("run.steps=three", '--set run.steps=three: run.steps = "three" should be a valid integer'),
        ("run.steps", "--set run.steps: not of the form section.key=value"),
        ("run..steps=3", "--set run..steps=3: not of the form section.key=value"),
        ("=3", "--set =3: not of the form section.key=value"),
        ("model.source=", '--set model.source=: model.source = "" should'),
        ("policy.update=sequential", ""),
    ],
)
def test_a_mistake_in_an_override_is_named(override: str, says: str, user_dir: Path) -> None:
    if says:
        assert says in str(refusal("nano", override, user_dir=user_dir))
    else:
        load_preset("nano", [override], user_dir)


def test_an_override_cannot_bring_in_a_second_setting(user_dir: Path) -> None:
    """Read as two lines of TOML it would set run.seed too; it is one string, and no number of steps."""
    assert "should be a valid integer" in str(
        refusal("nano", "run.steps=1\nseed = 2".replace("\n", "\\n"), user_dir=user_dir)
    )


def test_a_file_that_is_no_text_is_refused(user_dir: Path) -> None:
    path = user_dir / "bytes.toml"
    path.write_bytes(b"name = \xff")
    assert "not UTF-8 text" in str(refusal(path))


def test_a_folder_is_no_preset(user_dir: Path) -> None:
    folder = user_dir / "folder.toml"
    folder.mkdir()
    assert "no preset file" in str(refusal(folder))


def test_relative_paths_are_relative_to_their_file(write: Write, user_dir: Path) -> None:
    (user_dir / "models" / "mine").mkdir(parents=True)
    path = write("mine", 'extends = "nano"\n[model]\nsource = "models/mine"\n[data]\ntrain = "tasks.jsonl"\n')
    config = load_preset(path, user_dir=user_dir)
    assert config.model.source == str(user_dir / "models" / "mine")
    assert config.data.train == str(user_dir / "tasks.jsonl")
    assert config.data.heldout.startswith("asset:")


def test_a_relative_path_of_an_override_is_relative_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_preset("nano", ["data.train=tasks.jsonl"], tmp_path).data.train == str(tmp_path / "tasks.jsonl")


def test_the_environment_names_the_users_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets" / "mine.toml").write_text('extends = "nano"\n')
    monkeypatch.setenv("CURE_TUI_CONFIG", str(tmp_path))
    assert load_preset("mine").name == "mine"


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("comments", [False, True])
def test_a_written_configuration_reads_back_equal(name: str, comments: bool, tmp_path: Path) -> None:
    config = load_preset(name, ['description=tricky "text" \\ with a \ttab, é and \x7f'], tmp_path)
    path = tmp_path / "config.toml"
    path.write_text(dump_toml(config, comments=comments), encoding="utf-8")
    assert load_config(path) == config


def test_a_runs_configuration_takes_overrides(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(dump_toml(load_preset("nano", user_dir=tmp_path)))
    assert load_config(path, ["run.steps=99"]).run.steps == 99


def test_a_runs_configuration_is_checked_against_the_rules_with_its_overrides(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    text = dump_toml(load_preset("nano", user_dir=tmp_path))
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"^--set .*fp32"):
        load_config(path, ["policy.precision=nf4"])
    path.write_text(text.replace("micro_batch_tokens = 2048", "micro_batch_tokens = 64"))
    with pytest.raises(ConfigError, match=r"config\.toml:\d+: 64 tokens do not hold one answer"):
        load_config(path)


def test_every_setting_says_what_it_is() -> None:
    from engine.presets.loading import _meaning

    for name in setting_names():
        assert len(_meaning(tuple(name.split(".")))) > 10, name


def test_a_password_in_an_address_is_refused_without_quoting_it() -> None:
    with pytest.raises(ConfigError, match="an address without a password") as caught:
        load_preset("nano", ['rollout.endpoints=["http://me:secret@h:1"]'])
    assert "secret" not in str(caught.value)


NAMES_OF_NO_FILE = ["x" * 5000, "a/" * 3000, "~" * 300, "/" + "x" * 300]


@pytest.mark.parametrize(
    "name", [*NAMES_OF_NO_FILE, "~nobody/x.toml", "x" * 300 + ".toml"], ids=lambda text: ascii(text[:20])
)
def test_a_name_that_no_file_can_have_is_no_preset(name: str) -> None:
    assert "no preset" in str(refusal(name))


@pytest.mark.parametrize("key", ["model.source", "data.train"])
@pytest.mark.parametrize(
    "name", [*NAMES_OF_NO_FILE, "a\0b", "asset:a\0b", "data:" + "x" * 300], ids=lambda text: ascii(text[:20])
)
def test_a_setting_that_no_file_can_be_called_is_refused(key: str, name: str) -> None:
    assert f"{key} = " in str(refusal("nano", f"{key}={name}"))


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 5000], ids=lambda text: ascii(text[:20]))
def test_an_override_that_toml_cannot_hold_is_text(value: str) -> None:
    assert "run.steps = " in str(refusal("nano", f"run.steps={value}"))


def test_a_variant_for_more_memory_than_there_is_is_refused(write: Write) -> None:
    path = write("mine", f'extends = "nano"\n[variants.{"9" * 5000}]\n')
    assert "is not a number of GB" in str(refusal(path))


def test_a_link_to_itself_is_no_preset(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.symlink_to(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(path)
