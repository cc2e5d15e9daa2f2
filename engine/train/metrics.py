"""Metrics of a step, by the names that journal, curves and exports use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from engine.policy import UpdateReport
from engine.prompts import UnitTest
from engine.reward.consensus import consensus_of_n
from engine.reward.trust import aggregate_trust, trust
from engine.reward.validity import suite_score
from engine.train.scoring import ScoredTask
from engine.train.step import CoevolutionStep

Metrics = dict[str, float | None]


def step_metrics(done: CoevolutionStep, *, has_truth: bool = True) -> Metrics:
    """Return the metrics of a step by name; None for a metric that is undefined in this step.

    has_truth: the labels are hidden tests. Without them no program is known to be right, and no accuracy is one.
    """
    matrices = [task.rollouts.matrix for task in done.tasks]
    metrics: Metrics = _truth_metrics(done) if has_truth else {}
    metrics |= reference_metrics(done.tasks)
    metrics |= {
        "tasks": float(len(done.tasks)),
        "refilled_tasks": float(done.refilled),
        "tokens": float(done.sampling.tokens),
        "seconds": done.seconds,
        "seconds_sample": done.sampling.sampling_seconds,
        "seconds_execute_wait": done.sampling.waiting_seconds,
        "seconds_update": done.update_seconds,
        "tokens_per_second": done.sampling.tokens / max(done.sampling.sampling_seconds, 1e-9),
    }
    for place, role in enumerate(("coder", "tester")):
        groups = [task.groups[place] for task in done.tasks]
        completions = [completion for group in groups for completion in group.completions]
        lengths = [len(completion.token_ids) for completion in completions]
        judged = [group for group in groups if not group.without_signal]
        metrics |= {
            f"{role}_reward": _mean(group.rewards_k.mean() for group in judged),
            f"{role}_usable_groups": float(sum(group.usable for group in groups)),
            f"{role}_length_mean": _mean(lengths),
            f"{role}_length_max": float(max(lengths, default=0)),
            f"{role}_truncated": _mean(not completion.finished for completion in completions),
        }
    metrics |= {
        "coder_rejected": _mean(matrix.rejected_n.mean() for matrix in matrices),
        "tester_malformed": _mean(matrix.malformed_m.mean() for matrix in matrices),
        "coder_distinct": _mean(float(len(set(task.rollouts.programs))) for task in done.tasks),
        "tester_distinct": _mean(float(len(set(task.rollouts.tests))) for task in done.tasks),
    }
    if None not in done.weights:
        metrics["task_weight"] = _mean(weight for weight in done.weights if weight is not None)
    return metrics | _update_metrics(done.update)


def _truth_metrics(done: CoevolutionStep) -> Metrics:
    matrices = [task.rollouts.matrix for task in done.tasks]
    pooled = done.trust
    return {
        "code_accuracy": _mean(matrix.correct_n.mean() for matrix in matrices),
        "bon_accuracy": _mean(float(matrix.correct_n[matrix.best_of_n()]) for matrix in matrices),
        "consensus_accuracy": _mean(
            float(task.rollouts.matrix.correct_n[consensus_of_n(task.rollouts.matrix, task.rollouts.outputs_nx)])
            for task in done.tasks
        ),
        "ut_accuracy": pooled.p_u,
        "p_u": pooled.p_u,
        "p_01": pooled.p_01,
        "p_00": pooled.p_00,
        "mu": pooled.mu,
        "mu_bound": pooled.bound,
        "reward_precision": pooled.precision,
    }


def reference_metrics(tasks: Sequence[ScoredTask]) -> Metrics:
    """Return the figures of tests that references judge; none where they do not."""
    judged = [task for task in tasks if task.labelled.validity is not None]
    unreferenced = sum(task.labelled.unreferenced for task in tasks)
    if not judged and not unreferenced:
        return {}
    pooled = aggregate_trust(trust(task.rollouts.matrix, task.labelled.validity) for task in judged)
    return {
        "valid_p_u": pooled.p_u,
        "valid_p_01": pooled.p_01,
        "valid_p_00": pooled.p_00,
        "suite_score": _mean(map(_suite_score, judged)),
        "unreferenced_tasks": float(unreferenced),
    }


def _suite_score(task: ScoredTask) -> float:
    """Return UTRL's score of all tests of a task as one suite, over all of its programs."""
    validity, rollouts = task.labelled.validity, task.rollouts
    assert validity is not None
    written = [(test.input, test.output) if isinstance(test, UnitTest) else None for test in rollouts.tests]
    matrix = rollouts.matrix
    fails_nm = (matrix.known_nm & ~matrix.generated_nm) | matrix.rejected_n[:, None]
    detected_n = fails_nm[:, validity.valid_m].any(axis=1)
    return suite_score(
        valid=len({test for test, valid in zip(written, validity.valid_m, strict=True) if valid and test}),
        unique=len({test for test in written if test}),
        detected=float(detected_n.mean()),
        form=float(1.0 - matrix.malformed_m.mean()),
    )


def _update_metrics(report: UpdateReport) -> Metrics:
    seconds = report.seconds
    entropy = "entropy_estimate" if report.entropy_estimated else "entropy"
    return {
        "loss": report.loss,
        "kl": report.kl,
        "ratio_mean": report.ratio_mean,
        "ratio_max": report.ratio_max,
        "effective_sample_size": report.effective_sample_size,
        "importance_truncated": report.truncated_share,
        "clip_share": report.clip_share,
        **{f"{role}_{entropy}": report.entropy(role) for role in ("coder", "tester")},
        "grad_norm": report.grad_norm,
        "learning_rate": report.learning_rate,
        "trained_samples": float(report.samples),
        "trained_tokens": float(report.tokens),
        "masked_samples": float(report.skipped_masked),
        "nonfinite_updates": float(report.nonfinite_steps),
        "update_tokens_per_second": report.tokens_per_second,
        "seconds_update_old": seconds.old_logprobs,
        "seconds_update_reference": seconds.reference,
        "seconds_update_train": seconds.forward_backward,
        "seconds_update_optimiser": seconds.optimiser,
    }


def _mean(values: Iterable[float]) -> float | None:
    array = np.fromiter((float(value) for value in values), dtype=np.float64)
    return float(array.mean()) if array.size else None
