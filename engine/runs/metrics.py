"""Table of a step's metrics: the engine fills it, charts, lines and help read it. Imports no heavy library.

A metric is added by a line here and a value in `step_metrics`; its group becomes, or joins, a chart. If evaluations
measure it as well, the line names the field of `EvalSummary`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.evaluation.summary import UNKNOWN, Estimate, EvalSummary


@dataclass(frozen=True, slots=True)
class Metric:
    """Metric of a step: its name in the journal, and the texts that users read.

    title: its name within its group, whose metrics share a chart; unit: "" for counts and shares; short: its label in
    lines with many figures. evaluated: the `EvalSummary` field or property with the same figure of an evaluation.
    later: runs of earlier versions lack it; charts of them have no line for it.
    """

    name: str
    title: str
    unit: str
    group: str
    meaning: str
    short: str = ""
    evaluated: str = ""
    later: bool = False

    @property
    def better(self) -> int:
        """1 if more is better, -1 if less is, 0 if neither says anything on its own."""
        return (self.name in _MORE_IS_BETTER) - (self.name in _LESS_IS_BETTER)


class UnknownMetric(KeyError):
    """Error for a name that is not in the table, which would be an empty chart or a figure that is never shown."""

    def __str__(self) -> str:
        return f"no metric is called {self.args[0]!r}; engine/runs/metrics.py lists them"


_TABLE = (
    # Learning
    Metric(
        "code_accuracy", "code", "", "accuracy", "share of programs that pass all ground-truth tests",
        short="code", evaluated="code",
    ),
    Metric(
        "ut_accuracy", "UT", "", "accuracy", "share of judged tests that every correct program passes",
        short="ut", evaluated="ut",
    ),
    Metric(
        "bon_accuracy", "BoN", "", "accuracy", "share of tasks whose program with most votes is correct",
        evaluated="largest_bon",
    ),
    Metric(
        "consensus_accuracy", "consensus", "", "accuracy",
        "share of tasks whose program by votes and agreement is correct", evaluated="largest_consensus", later=True,
    ),
    Metric("coder_reward", "coder", "", "rewards", "mean reward of programs: ground-truth tests passed"),
    Metric("tester_reward", "tester", "", "rewards", "mean reward of tests: wrong programs told from correct ones"),
    Metric("p_u", "p_u", "", "trust", "share of judged tests that are right; the same number as UT accuracy"),
    Metric("p_01", "p_01", "", "trust", "share of wrong programs that pass a right test; less is better"),
    Metric("p_00", "p_00", "", "trust", "share of wrong programs that pass a wrong test; less is better"),
    Metric("mu", "mu", "", "mu", "lead in votes of a correct over a wrong program, per test", "mu"),
    Metric("mu_bound", "bound", "", "mu", "least chance that votes prefer the correct program, by theory"),
    Metric(
        "reward_precision", "reward precision", "", "reward precision",
        "share of (correct, wrong) pairs whose correct program has more votes",
    ),
    # Labels that are not hidden tests
    Metric(
        "anchor_code_accuracy", "code", "", "accuracy on the anchors", "share of the anchors' programs that are right",
        short="anchor code",
    ),
    Metric(
        "anchor_ut_accuracy", "UT", "", "accuracy on the anchors", "share of the anchors' judged tests that are right",
        short="anchor ut",
    ),
    Metric(
        "presumed_accuracy", "presumed accuracy", "", "presumed accuracy",
        "share of programs that the labels call right", short="presumed",
    ),
    Metric(
        "presumed_gap", "gap to the anchors", "", "presumed accuracy",
        "presumed accuracy less the anchors'; drift where it grows", short="gap",
    ),
    Metric(
        "presumed_precision", "right among presumed", "", "label quality",
        "share of the anchors' programs called right that are",
    ),
    Metric(
        "label_accuracy", "right tests", "", "label quality", "share of the tester's tests that references confirm",
    ),
    Metric("labelled_tasks", "with labels", "", "labelled tasks", "tasks of the step whose labels are not in doubt"),
    Metric("output_rows", "outputs", "", "diversity per task", "different outputs of a task's programs, on all inputs"),
    Metric("distinct_inputs", "inputs", "", "diversity per task", "different inputs of a task's tests"),
    Metric("matrix_rank", "rank", "", "diversity per task", "rank of the pass matrix: 1 where nothing is told apart"),
    Metric("tests_passed_by_all", "passed by all", "", "idle tests", "share of tests that every program passes"),
    Metric("trivial_tests", "trivial", "", "idle tests", "share of tests that expect 0, 1, None or their input"),
    # Tests judged by reference programs
    Metric("valid_p_u", "p_u", "", "trust by references", "share of tests that reference programs confirm"),
    Metric("valid_p_01", "p_01", "", "trust by references", "share of wrong programs that pass a confirmed test"),
    Metric("valid_p_00", "p_00", "", "trust by references", "share of wrong programs that pass a refuted test"),
    Metric("suite_score", "suite score", "", "suite score", "UTRL's score of a task's tests as one suite, 0 to 1"),
    Metric(
        "unreferenced_tasks", "without reference", "", "labelled tasks", "tasks whose tests correct samples judge",
    ),
    # Update
    Metric("kl", "KL to the base", "nats", "KL", "distance of the policy from the base model, per token", "kl"),
    Metric("loss", "loss", "", "loss", "loss of the update: policy gradient and KL penalty"),
    Metric("ratio_mean", "mean", "", "importance ratio", "trainer's over sampler's probability; 1 where they agree"),
    Metric("effective_sample_size", "effective sample", "", "importance ratio", "share of the tokens that count"),
    Metric("ratio_max", "largest ratio", "", "largest ratio", "of any token; far above 1, the two disagree"),
    Metric("clip_share", "by the clip", "", "clipped tokens", "share of tokens whose gradient the clip removed"),
    Metric("importance_truncated", "by the cap", "", "clipped tokens", "share of tokens whose ratio hit the cap"),
    Metric("coder_entropy", "coder", "nats", "entropy", "of the next token of programs; near 0, all answers are alike"),
    Metric("tester_entropy", "tester", "nats", "entropy", "of the next token of tests; near 0, all answers are alike"),
    Metric(
        "coder_entropy_estimate", "coder", "nats", "entropy, estimated",
        "-log-prob of programs' own tokens, whose mean estimates the entropy",
    ),
    Metric(
        "tester_entropy_estimate", "tester", "nats", "entropy, estimated",
        "-log-prob of tests' own tokens, whose mean estimates the entropy",
    ),
    Metric("grad_norm", "norm", "", "gradient norm", "length of the gradient before it is clipped"),
    Metric("learning_rate", "learning rate", "", "learning rate", "step size of the optimiser, by its schedule"),
    Metric("nonfinite_updates", "non-finite updates", "", "non-finite updates", "updates left out: NaN or infinite"),
    Metric("trained_samples", "trained", "", "samples", "answers that the update learnt from"),
    Metric("masked_samples", "masked", "", "samples", "answers left out of the update because they were cut off"),
    # Answers
    Metric("coder_usable_groups", "coder", "", "usable groups", "tasks whose programs differ in reward: they teach"),
    Metric("tester_usable_groups", "tester", "", "usable groups", "tasks whose tests differ in reward: they teach"),
    Metric("tasks", "drawn", "", "tasks", "tasks of the step"),
    Metric("refilled_tasks", "replaced", "", "tasks", "tasks without a usable group, replaced by others"),
    Metric("task_weight", "drawn", "", "task weight", "mean weight of the tasks drawn; 1 = as in equal passes"),
    Metric("coder_distinct", "programs", "", "distinct answers per task", "different programs for one task"),
    Metric("tester_distinct", "tests", "", "distinct answers per task", "different tests for one task"),
    Metric("coder_length_mean", "coder", "tokens", "answer length", "mean length of the answers with programs"),
    Metric("coder_length_max", "coder, longest", "tokens", "answer length", "longest answer with a program"),
    Metric("tester_length_mean", "tester", "tokens", "answer length", "mean length of the answers with tests"),
    Metric("tester_length_max", "tester, longest", "tokens", "answer length", "longest answer with a test"),
    Metric("answer_limit", "limit", "tokens", "answer length", "longest answer allowed, by the length curriculum"),
    Metric("coder_truncated", "coder", "", "truncated answers", "share of program answers cut off at the token limit"),
    Metric("tester_truncated", "tester", "", "truncated answers", "share of test answers cut off at the token limit"),
    Metric("coder_rejected", "rejected programs", "", "unusable answers", "share of answers without a program to run"),
    Metric("tester_malformed", "malformed tests", "", "unusable answers", "share of answers without a whole test"),
    # Cost
    Metric("tokens_per_second", "sampled", "tokens/s", "tokens/s", "sampled tokens per second of sampling", "tok/s"),
    Metric("update_tokens_per_second", "trained", "tokens/s", "tokens/s", "trained tokens per second of the update"),
    Metric("tokens", "sampled", "tokens", "tokens per step", "sampled tokens"),
    Metric("trained_tokens", "trained", "tokens", "tokens per step", "tokens that the update learnt from"),
    Metric("tokens_total", "tokens so far", "tokens", "tokens so far", "sampled tokens since the run began"),
    Metric("seconds_sample", "sample", "seconds", "seconds", "sampling answers, while programs already run"),
    Metric("seconds_execute_wait", "execute", "seconds", "seconds", "waiting for executions after the last answer"),
    Metric("seconds_update", "update", "seconds", "seconds", "updating the policy"),
    Metric("seconds", "step", "seconds", "seconds", "the whole step", "s"),
    Metric("seconds_update_old", "old log-probs", "seconds", "seconds in detail", "log-probs before the update"),
    Metric("seconds_update_reference", "reference", "seconds", "seconds in detail", "forward pass of the base, for KL"),
    Metric("seconds_update_train", "training", "seconds", "seconds in detail", "forward and backward passes"),
    Metric("seconds_update_optimiser", "optimiser", "seconds", "seconds in detail", "the optimiser's steps"),
    Metric("seconds_swap", "swap", "seconds", "seconds in detail", "start, sleep, wake and the new weights to sample"),
    Metric("engine_sent_mb", "sent", "MB", "traffic to the engine", "bodies of requests since the run's last start"),
    Metric("engine_received_mb", "received", "MB", "traffic to the engine", "bodies of replies since the same start"),
    Metric(
        "engine_database_mb", "grown by", "MB", "engine's database",
        "estimate for this run's requests, at 45 bytes for each token of each",
    ),
    Metric("executions_total", "run", "", "executions so far", "executions since the engine started"),
    Metric("executions_cached", "cached", "", "executions so far", "outcomes known from an equal execution"),
    Metric("executions_sticky", "cut short", "", "executions so far", "executions cut short after earlier time-outs"),
    Metric("cells_lost", "sandbox cells", "", "faults so far", "sandbox processes that died and were replaced"),
    Metric("sampler_restarts", "sampler restarts", "", "faults so far", "samplers that died and were restarted"),
    Metric("peak_memory_mb", "RAM", "MB", "memory", "most memory that the engine has held", "RAM"),
    Metric("peak_gpu_memory_mb", "GPU", "MB", "memory", "most GPU memory that the trainer has held", "GPU"),
    Metric("machine_cpu", "CPU", "", "machine", "share of all cores busy in the step, other programs included"),
    Metric("machine_memory", "memory", "", "machine", "share of memory in use after the step, by all programs"),
    Metric("machine_gpu", "GPU", "", "machine", "share of the step in which the GPU was busy", later=True),
    Metric(
        "machine_gpu_memory", "GPU memory", "", "machine", "share of GPU memory in use, by all programs", later=True
    ),
    Metric("disk_free_gb", "free disk", "GB", "free disk", "free space on the disk that holds the run"),
)  # fmt: skip
_MORE_IS_BETTER = frozenset((
    "code_accuracy", "ut_accuracy", "bon_accuracy", "consensus_accuracy", "coder_reward", "tester_reward", "p_u", "mu",
    "mu_bound", "reward_precision", "anchor_code_accuracy", "anchor_ut_accuracy", "presumed_precision",
    "label_accuracy", "valid_p_u", "suite_score", "effective_sample_size", "coder_usable_groups",
    "tester_usable_groups", "tokens_per_second", "update_tokens_per_second",
))  # fmt: skip
_LESS_IS_BETTER = frozenset((
    "p_01", "p_00", "presumed_gap", "valid_p_01", "valid_p_00", "coder_truncated", "tester_truncated",
    "coder_rejected", "tester_malformed", "seconds",
))  # fmt: skip
OF_SOME_RUNS = frozenset((
    "accuracy on the anchors", "presumed accuracy", "label quality", "labelled tasks", "diversity per task",
    "idle tests", "trust by references", "suite score", "task weight", "entropy, estimated", "traffic to the engine",
    "engine's database", "machine", "free disk",
))  # fmt: skip
"""Groups that not every run measures, by its labels, engine or version: charts shown where there are values."""
METRICS: Mapping[str, Metric] = {metric.name: metric for metric in _TABLE}
"""All metrics by name, group by group, in the order of display."""


def metric(name: str) -> Metric:
    """Return the metric of that name. Raises UnknownMetric."""
    if name not in METRICS:
        raise UnknownMetric(name)
    return METRICS[name]


def evaluated(name: str, summary: EvalSummary) -> Estimate:
    """Return the metric's figure in an evaluation; UNKNOWN if evaluations do not measure it. Raises UnknownMetric."""
    field = metric(name).evaluated
    figure: Estimate = getattr(summary, field) if field else UNKNOWN
    return figure


def groups() -> dict[str, tuple[str, ...]]:
    """Return the metrics' names by group, in the table's order."""
    found: dict[str, tuple[str, ...]] = {}
    for each in _TABLE:
        found[each.group] = (*found.get(each.group, ()), each.name)
    return found
