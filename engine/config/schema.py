"""Settings of a run, section by section: type, unit and valid range of each.

No setting has a default here: presets define the values, with the reasons beside them. A field checks a single value;
`engine.config.rules` checks combinations.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _tuples(value: Any) -> Any:
    """Convert TOML arrays to tuples, nested ones too: frozen settings hold tuples."""
    return tuple(_tuples(item) for item in value) if isinstance(value, list | tuple) else value


def _names(choices: Any) -> str:
    """Name the choices of a setting that grows by a file each: its description is never behind."""
    return ", ".join(get_args(choices))


# The choices of a setting are defined here only; other rooms import them.
Device: TypeAlias = Literal["cpu", "cuda"]  # no setting: `engine.models.device` chooses it
Dtype: TypeAlias = Literal["fp32", "bf16", "fp16"]
StyleName: TypeAlias = Literal["full", "short", "shots"]
ReadingName: TypeAlias = Literal["strict", "kind"]
SamplerName: TypeAlias = Literal["transformers", "vllm", "endpoint", "engine"]
EngineName: TypeAlias = Literal["local", "tinker"]
VllmPrecision: TypeAlias = Literal["dtype", "nf4", "fp8"]
KvCacheDtype: TypeAlias = Literal["auto", "fp8"]
SleepLevel: TypeAlias = Literal[0, 1, 2]
ModelRunner: TypeAlias = Literal["auto", "v1", "v2"]
Comparison: TypeAlias = Literal["whitespace", "tokens", "numbers", "exact-lines", "json"]
Curriculum: TypeAlias = Literal["none", "code", "code+tests"]
TimeRule: TypeAlias = Literal["exact", "relative"]
JudgingName: TypeAlias = Literal["process", "cure-compat"]
TesterVariant: TypeAlias = Literal[
    "cure", "cure-code", "post-stage", "post-stage-published", "discriminative", "validity"
]
TesterSupervision: TypeAlias = Literal["none", "reference"]
WithoutCorrect: TypeAlias = Literal["skip", "readable"]
LengthTransform: TypeAlias = Literal["off", "tester", "both"]
Truncated: TypeAlias = Literal["mask", "penalise"]
Decay: TypeAlias = Literal["constant", "linear", "cosine"]
UpdateOrder: TypeAlias = Literal["joint", "sequential"]
Precision: TypeAlias = Literal["fp32", "bf16", "nf4"]
Optimiser: TypeAlias = Literal["adamw", "adamw-8bit", "paged-adamw-8bit"]

Text = Annotated[str, Field(min_length=1)]
Packages: TypeAlias = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$")], ...],
    BeforeValidator(_tuples),
    Field(max_length=64),
]
SamplingCard: TypeAlias = Annotated[str, Field(pattern=r"^(same|[0-9]{1,3})$")]
Betas: TypeAlias = Annotated[
    tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]], BeforeValidator(_tuples)
]
Endpoints: TypeAlias = Annotated[
    tuple[Annotated[str, Field(pattern=r"^https?://[^\s@]+$")], ...], BeforeValidator(_tuples), Field(max_length=64)
]
ServerUrl: TypeAlias = Annotated[str, Field(pattern=r"^(https?://[^\s@]+)?$", max_length=4096)]
Labels: TypeAlias = Annotated[str, Field(pattern=r"^(hidden|consensus|tester:\S(.*\S)?)$", max_length=4096)]
BonSize: TypeAlias = tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]
BonSizes: TypeAlias = Annotated[tuple[BonSize, ...], BeforeValidator(_tuples), Field(min_length=1)]
Lengths: TypeAlias = Annotated[
    tuple[Annotated[int, Field(ge=1, le=131_072)], ...], BeforeValidator(_tuples), Field(max_length=16)
]


class Section(BaseModel):
    """Table of a preset. Strict: "3" is not a number, 1.0 is not an integer, an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class ModelConfig(Section):
    source: Text = Field(description="the base model: asset:NAME, a folder, or a name on the model hub")
    parameters_b: float = Field(
        ge=0,
        le=1000,
        description="size of the model in billions of parameters, for the memory check; 0 = unknown",
    )
    dtype: Dtype = Field(description="number format of sampling")
    thinking: bool = Field(description="ask the chat template for a thinking answer, if it supports that")
    prompt_style: StyleName = Field(
        description="full: instructions in words; short: nano's pretraining format; shots: worked turns before the task"
    )
    prompt_file: str = Field(description="worked turns of shots, a TOML file; empty = asset:prompts/shots.toml")
    prompt_text: str = Field(description="contents of that file, filled in when the settings are loaded")
    show_example: bool = Field(description="show the tester a public example of the task, if it has one")


class DataConfig(Section):
    train: Text = Field(description="tasks to learn from: asset:..., data:... or a CURE .json/.jsonl file")
    validation: Text = Field(description="tasks for choices made while training (best checkpoint); never trained on")
    heldout: Text = Field(description="tasks for the reported accuracies; used for no choice")
    curriculum: Curriculum = Field(
        description="tasks that training draws more often: none (equal passes over all), code (those that programs "
        "rarely solve) or code+tests (those whose tests are rarely right, too)"
    )


class RolloutConfig(Section):
    tasks_per_step: int = Field(ge=1, le=4096, description="tasks drawn for one step")
    n_programs: int = Field(
        ge=2, le=512, description="programs sampled per task (one group, whose rewards are compared)"
    )
    m_tests: int = Field(
        ge=2, le=512, description="unit tests sampled per task (one group, whose rewards are compared)"
    )
    truth_tests: int = Field(ge=1, le=1024, description="ground-truth tests used per task, at most")
    temperature: float = Field(gt=0, le=5, description="sampling temperature while training")
    top_p: float = Field(gt=0, le=1, description="share of the probability mass to sample from; 1 = all of it")
    max_new_tokens_coder: int = Field(ge=1, le=131_072, description="longest coder answer, in tokens")
    max_new_tokens_tester: int = Field(ge=1, le=131_072, description="longest tester answer, in tokens")
    length_curriculum: Lengths = Field(
        description="shorter limits of training to begin with, in tokens, one after the other; [] = none"
    )
    length_steps: int = Field(
        ge=0,
        le=1_000_000,
        description="steps at each limit of length_curriculum, at most; 0 = as length_truncated says",
    )
    length_truncated: float = Field(
        ge=0,
        lt=1,
        description="raise the limit once at most this share of a step's answers is cut off (median of 3 steps); 0 = "
        "after length_steps only",
    )
    reading: ReadingName = Field(
        description="in training: strict (programs and tests in the asked form only, which is learnt so) or kind "
        "(other forms too: headings, untagged blocks)"
    )
    max_batch: int = Field(ge=1, le=65_536, description="answers decoded at the same time, at most")
    sampling_threads: int = Field(
        ge=0, le=1024, description="CPU threads of sampling; 0 = all for a model of 30 million parameters, else half"
    )
    sampler: SamplerName = Field(description=f"sampler of rollouts: {_names(SamplerName)}")
    endpoints: Endpoints = Field(description="addresses of the servers of sampler endpoint, such as http://host:8000")


class VllmConfig(Section):
    """Settings of vLLM beside the trainer; ignored with another sampler."""

    precision: VllmPrecision = Field(
        description="format of the base weights in vLLM: dtype = that of model.dtype, nf4 (bitsandbytes) or fp8"
    )
    device: SamplingCard = Field(
        description="card of vLLM: same (the trainer's, by turns), or another one, as `cure-tui doctor` numbers it"
    )
    kv_cache_gb: float = Field(ge=0, le=4096, description="KV cache in GiB; 0 = all that is free, up to max_batch")
    kv_cache_dtype: KvCacheDtype = Field(
        description="format of keys and values: auto = that of model.dtype, fp8 = half of 16 bits (Ada or newer)"
    )
    max_batched_tokens: int = Field(
        ge=128, le=1_048_576, description="tokens in one forward pass of the scheduler, at most"
    )
    cuda_graphs: bool = Field(description="capture CUDA graphs: faster decoding for up to 2 GiB")
    sleep_level: SleepLevel = Field(
        description="memory freed for the update: 0 = the KV cache, 1 = weights too (to host memory), "
        "2 = weights too (loaded again afterwards)"
    )
    model_runner: ModelRunner = Field(
        description="vLLM's model runner: auto = vLLM's choice (v2 on a GPU), v1 = the older one, if v2 fails"
    )
    hang_seconds: float = Field(gt=0, le=86_400, description="seconds without a token after which vLLM counts as hung")
    restarts: int = Field(ge=0, le=1000, description="restarts of a vLLM that died or hung, at most, per run")


class SandboxConfig(Section):
    cpu_seconds: float = Field(
        gt=0, le=600, description="CPU time of one execution; a task's own limit takes precedence"
    )
    memory_mb: int = Field(ge=32, le=65_536, description="memory of one execution, in MiB")
    output_kb: int = Field(ge=1, le=1_048_576, description="output kept of one execution, in KiB")
    cells: int = Field(ge=0, le=1024, description="sandbox processes in parallel; 0 = chosen by the number of cores")
    sticky_after: int = Field(
        ge=0, le=1000, description="time-outs after which a program's other inputs get 0.1 s or less; 0 = never"
    )
    time_rule: TimeRule = Field(
        description="in training: exact (cpu_seconds), or relative (ten times the slowest of the task's others, "
        "once four have ended); evaluation and solving are always exact"
    )
    comparison: Comparison = Field(
        description="comparison of outputs: whitespace (collapsed, as CURE), tokens (floats to 1e-5, no case), "
        "numbers (2.5 = 2.50), exact-lines or json; a task's own one takes precedence"
    )
    judging: JudgingName = Field(
        description="process: as real programs run; cure-compat: as CURE's code judges (no prompts, any exit status)"
    )
    libraries: Packages = Field(
        description="installed packages that programs may import besides numpy, by the names that pip knows"
    )
    allow_unconfined: bool = Field(description="run programs even if this machine cannot confine them (level D)")


class RewardConfig(Section):
    labels: Labels = Field(
        description="judge of the programs: hidden (the tasks' hidden tests), tester:WHO (tests that a trained tester "
        "writes once before the run; WHO as --tester of solve: run:NAME, nano, model:FOLDER, openai:MODEL@URL) or "
        "consensus (programs and tests that agree; needs no label)"
    )
    anchors: int = Field(
        ge=0,
        le=1024,
        description="validation tasks whose hidden tests hold tester and consensus labels against the truth in every "
        "step (8 programs and 8 tests each; never trained on); 0 = unanchored",
    )
    checking_programs: int = Field(
        ge=0,
        le=128,
        description="tester:WHO labels: programs that WHO writes for each task; a test whose output is not the one "
        "that most of them print is left out; 0 = none",
    )
    tester_variant: TesterVariant = Field(description=f"tester reward: {_names(TesterVariant)}")
    tester_supervision: TesterSupervision = Field(
        description="judge of the tests: none (the correct samples; no ground-truth code) or reference (the tasks' "
        "reference programs, which are ground-truth code)"
    )
    without_correct: WithoutCorrect = Field(
        description="tests of a task without a correct program: skip (nano's published runs), or readable (malformed "
        "ones get -1, the others 0, so that the form is learnt first)"
    )
    length_transform: LengthTransform = Field(description="roles whose rewards favour short answers")
    truncated: Truncated = Field(description="answers cut off at the token limit: left out, or given the lowest reward")
    refill_rounds: int = Field(
        ge=0,
        le=16,
        description="extra rounds of sampling to replace groups whose rewards are all equal; 0 = none",
    )


class PolicyConfig(Section):
    engine: EngineName = Field(
        description="where the policy is trained: local (here) or tinker (on the server at policy.url, which then "
        "samples, too)"
    )
    url: ServerUrl = Field(description="address of the server of engine tinker, such as http://127.0.0.1:8000")
    server_alpha: float = Field(
        gt=0, le=4096, description="LoRA alpha that the server of engine tinker was started with; SkyRL's default is 32"
    )
    lora_rank: int = Field(ge=1, le=512, description="rank of the LoRA adapters, on all linear layers")
    lora_alpha: float = Field(gt=0, le=4096, description="LoRA scale; the adapters' weight is alpha / rank")
    learning_rate: float = Field(gt=0, le=1, description="peak learning rate of AdamW")
    schedule: Decay = Field(description="schedule of the learning rate after the warm-up")
    warmup_steps: int = Field(ge=0, le=100_000, description="steps in which the learning rate rises to its peak")
    final_lr_share: float = Field(ge=0, le=1, description="learning rate at the end, as a share of the peak")
    betas: Betas = Field(description="AdamW's decay of the first and second moments")
    weight_decay: float = Field(ge=0, le=1, description="AdamW's weight decay")
    max_grad_norm: float = Field(gt=0, description="gradients are clipped to this norm")
    clip_epsilon: float = Field(gt=0, lt=1, description="clip range of the importance ratio: 1 +- epsilon")
    kl_beta: float = Field(ge=0, le=10, description="weight of the KL to the base model; 0 = only measured")
    kl_stop: float = Field(
        ge=0, description="end the run when the KL per token (median of 5 steps) exceeds this, in nats; 0 = never"
    )
    importance_cap: float = Field(ge=1, le=100, description="upper bound of the per-token weight trainer / sampler")
    update: UpdateOrder = Field(description="coder and tester in one update, or tester after coder")
    mini_batches: int = Field(ge=1, le=64, description="parts of a step's samples, each one optimiser step")
    micro_batch_tokens: int = Field(ge=64, description="tokens in one forward pass, padding included, at most")
    precision: Precision = Field(description="format of the frozen base weights in the trainer")
    optimiser: Optimiser = Field(
        description="AdamW with fp32 moments, 8-bit moments, or 8-bit moments that may be paged to host memory"
    )
    checkpoint_activations: bool = Field(
        description="save only each layer's input for the backward pass and recompute the rest"
    )


class EvaluationConfig(Section):
    every_steps: int = Field(ge=0, le=100_000, description="validate after this many steps; 0 = only before and after")
    heldout_tasks: int = Field(ge=1, description="held-out tasks used, at most: the first ones")
    validation_tasks: int = Field(ge=1, description="validation tasks used, at most: the first ones")
    n_programs: int = Field(ge=1, le=512, description="programs sampled per task")
    m_tests: int = Field(ge=1, le=512, description="unit tests sampled per task")
    temperature: float = Field(gt=0, le=5, description="sampling temperature of evaluations")
    reading: ReadingName = Field(description="as rollout.reading, in evaluations; solving is always kind")
    bon_sizes: BonSizes = Field(description="best-of-N sizes to report, as [programs, tests] pairs")

    @property
    def largest_bon(self) -> tuple[int, int]:
        """Pair with most programs, then most tests."""
        return max(self.bon_sizes)


class RunSection(Section):
    steps: int = Field(ge=0, le=1_000_000, description="steps to take, unless the time is up first; 0 = only evaluate")
    max_minutes: float = Field(ge=0, description="wall-clock budget, evaluations included; 0 = none")
    seed: int = Field(ge=0, lt=2**31, description="seed of sampling, of the order of tasks and of new adapters")
    checkpoint_every: int = Field(ge=1, description="write a checkpoint after this many steps")
    keep_checkpoints: int = Field(ge=1, le=10_000, description="checkpoints kept, newest first; older ones are removed")
    archive_steps: int = Field(ge=0, description="newest steps whose rollouts are kept; 0 = all steps")
    archive_mb: int = Field(ge=0, description="limit of the archive in MB: the oldest rollouts are removed; 0 = none")
    threads: int = Field(ge=0, le=1024, description="CPU threads of the update; 0 = one per core")


class RunConfig(Section):
    """All settings of a run. `load_preset` and `load_config` create it and check the rules."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64, description="the preset's name")
    description: str = Field(max_length=400, description="purpose of the preset, in a sentence")
    variant: str = Field(
        pattern=r"^([1-9][0-9]*)?$", max_length=4, description="the preset's variant, in GB of GPU memory; empty = none"
    )
    start: str = Field(
        max_length=4096,
        description="run whose trained adapter this one starts from: RUN or RUN@STEP; empty = the base model",
    )
    model: ModelConfig
    data: DataConfig
    rollout: RolloutConfig
    vllm: VllmConfig
    sandbox: SandboxConfig
    reward: RewardConfig
    policy: PolicyConfig
    evaluation: EvaluationConfig
    run: RunSection

    @property
    def evaluation_rollout(self) -> RolloutConfig:
        """Rollout section with the sample numbers, the temperature and the reading of an evaluation."""
        asked_for = self.evaluation.model_dump(include={"n_programs", "m_tests", "temperature", "reading"})
        return self.rollout.model_copy(update=asked_for)
