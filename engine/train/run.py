"""Training run from its first evaluation to its last, recorded as it happens and resumable after a kill at any moment.

The order of writing makes a kill harmless: archive, then journal, then (every few steps) a checkpoint. After a kill the
engine returns to the newest intact checkpoint, drops the archive's later rows, writes `resumed` into the journal and
repeats those steps: with the same seeds, and on the CPU with the same numbers.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from engine.config import RunConfig, at_stage, longest_answer
from engine.errors import RunError
from engine.evaluation.summary import EvalSummary
from engine.machine.toml_text import dump_toml
from engine.problems import Problem
from engine.rollouts.live_wall import LiveFeed
from engine.rollouts.rollout import TaskRollouts, groups_of
from engine.runs.archive import ArchiveWriter
from engine.runs.checkpoints import PROGRESS, Checkpoint, CheckpointStore, resumed_checkpoint
from engine.runs.events import EvaluationTime
from engine.runs.folder import RunFolder
from engine.runs.inbox import Command, Inbox
from engine.runs.journal import JournalWriter
from engine.runs.lineage import drop_start
from engine.runs.state import RunState
from engine.sandbox import judging_of
from engine.seeds import derive_seed
from engine.train.archive_rows import record_step
from engine.train.assembly import Engine
from engine.train.evaluate import measure
from engine.train.evaluation_archives import EvaluationArchives
from engine.train.guards import AnswerWatch, UpdateWatch
from engine.train.kept_answers import KeptAnswers, forget_answers
from engine.train.label_watch import LabelWatch
from engine.train.labels.anchors import anchor_rollout, sample_anchors
from engine.train.learning import LearningWatch, nothing_learnt
from engine.train.limits import Limit, limit_reached
from engine.train.metrics import step_metrics
from engine.train.phase_progress import PhaseProgress
from engine.train.progress import RunProgress, after_step, read_progress
from engine.train.rates import RateMemory
from engine.train.step import Phase, StepAbandoned, coevolve
from engine.train.task_weights import TaskWeights, read_weights
from engine.train.time_limit import StartTooLong

Ending = Literal["finished", "stopped"]
_PAUSE_POLL_SECONDS = 0.2
_BY_THE_USER = "stopped by the user"


class Trainer:
    """Trainer of one configuration in one run folder. `stop` may be set from a signal handler or another thread.

    resumes: the state that the run had reached by its journal; None for a new run.
    has_new_limits: `config` differs from the folder's config.toml, which is then rewritten.
    """

    def __init__(
        self,
        config: RunConfig,
        engine: Engine,
        folder: RunFolder,
        journal: JournalWriter,
        archive: ArchiveWriter,
        *,
        resumes: RunState | None = None,
        has_new_limits: bool = False,
    ) -> None:
        self.stop = threading.Event()
        self.stop_reason = ""
        self._config, self._engine, self._folder = config, engine, folder
        self._journal, self._archive = journal, archive
        keep, forget = config.run.keep_checkpoints, engine.policy.forget_state
        self._checkpoints = CheckpointStore(folder.checkpoints, keep=keep, on_drop=forget)
        self._evaluated = EvaluationArchives(folder, config.run, journal.notice)
        self._inbox = Inbox(folder.inbox, self._warn)
        self._resumes, self._has_new_limits = resumes, has_new_limits
        self._live = LiveFeed(folder.live, lambda token_ids: engine.decode(list(token_ids)))
        self._phase = PhaseProgress(journal, self._live)
        self._rates = RateMemory(config)
        self._updates = UpdateWatch(self._warn)
        self._answers = AnswerWatch(self._warn)
        self._learning = LearningWatch(config, self._warn)
        self._labels = LabelWatch(config, engine.anchors, self._sample_anchors, self._warn)
        self._stop_after_step = False
        self._checkpoint_wanted = False
        self._progress = RunProgress()
        self._weights = TaskWeights(config.data.curriculum)
        self._started = time.monotonic()

    # The run ------------------------------------------------------------------------------------------------

    def run(self) -> Ending:
        """Train to the end, or until a stop is requested; either leaves a checkpoint. Raises CureError."""
        if self._resumes is not None:
            self._restore(self._resumes)
        level = self._engine.executor.level
        self._journal.sandbox(letter=level.letter, summary=level.summary, reasons=level.reasons, remedy=level.remedy)
        for fault in (*self._engine.policy.notes, *self._engine.warnings):
            self._warn(fault)
        try:
            if self._progress.heldout_start is None:
                self._evaluate_at_start()
            while (reached := self._limit_reached()) is None:
                self._poll_inbox()
                if self._stop_after_step or self.stop.is_set():
                    return self._end_stopped()
                self._step(self._progress.step + 1)
            if self._stop_after_step:
                return self._end_stopped()
            self._evaluate_at_end(reached)
        except StepAbandoned:
            return self._end_stopped()
        except StartTooLong as error:
            self.request_stop(str(error))
            return self._end_stopped()
        finally:
            self._live.close()
        return "finished"

    def _step(self, step: int) -> None:
        engine, config = self._engine, self._config
        length = self._progress.length
        rollout = at_stage(config.rollout, length.number)
        self._progress = self._labels.begin(self._progress)
        done = coevolve(
            step, engine.labels, engine.encode, engine.sampler, engine.executor, engine.policy,
            config.model_copy(update={"rollout": rollout}), on_phase=lambda phase: self._enter(step, phase),
            observer=self._phase, weights=self._weights, in_thought=engine.in_thought,
            priors=self._labels.priors(self._progress),
        )  # fmt: skip
        self._archive.write_step(record_step(done))
        self._weights = self._weights.after_step(step, done.tasks)
        anchored = self._labels.look(self._progress, step)
        signs = self._labels.signs([task.labelled for task in done.tasks], anchored)
        progress = after_step(self._progress, config.rollout, done, self._seconds())
        self._progress = self._labels.after_step(progress, anchored, signs)
        metrics = step_metrics(done, has_truth=not self._labels.is_needed) | signs
        metrics |= engine.machine_metrics() | {"tokens_total": float(self._progress.tokens)}
        if config.rollout.length_curriculum:
            metrics["answer_limit"] = float(longest_answer(rollout))
        self._journal.step_finished(step, metrics)
        self._rates.learn(metrics, longest_answer(rollout))
        if said := self._progress.length.notice_after(length, config.rollout):
            self._journal.notice(said, step=step)
        self._updates.look(done.update)
        self._answers.look([task.rollouts for task in done.tasks], rises=rollout is not config.rollout)
        self._learning.look(done)
        self._prune_archive(step)
        every = config.evaluation.every_steps
        validated = every > 0 and step % every == 0 and step < config.run.steps and self._validate("periodic")
        validated = validated or self._is_best(self._labels.best_score(self._progress))
        self._labels.tell_signs(self._progress)
        if validated or self._checkpoint_wanted or step % config.run.checkpoint_every == 0:
            self._checkpoint(best=bool(validated))
        self._end_if_hopeless()

    def _sample_anchors(self, anchors: Sequence[Problem], step: int) -> list[TaskRollouts]:
        """Sample the anchors by the policy after step `step`; no stop comes between an update and its progress."""
        engine, rollout = self._engine, anchor_rollout(at_stage(self._config.rollout, self._progress.length.number))
        self._phase.start(step, "anchors", len(anchors) * (rollout.n_programs + rollout.m_tests))
        given = (anchors, engine.encode, engine.sampler, engine.executor)
        return sample_anchors(*given, self._config, rollout, step, self._phase, in_thought=engine.in_thought)

    def _end_if_hopeless(self) -> None:
        """Raise RunError after too many NaN updates in a row, once there is a checkpoint to resume from."""
        try:
            self._updates.check()
        except RunError:
            if self._checkpoints.steps()[-1:] != [self._progress.step]:
                self._checkpoint(best=False)
            raise

    def _enter(self, step: int, phase: Phase) -> None:
        """Start a phase, unless an immediate stop was requested: between phases no work is half done."""
        self._poll_inbox()
        if self.stop.is_set():
            raise StepAbandoned
        rollout = self._config.rollout
        answers = rollout.tasks_per_step * (rollout.n_programs + rollout.m_tests)
        self._phase.start(step, phase, answers if phase == "sample" else 0)

    # Evaluation ---------------------------------------------------------------------------------------------

    def _evaluate_at_start(self) -> None:
        started = time.monotonic()
        # An evaluation that was broken off goes on, and the time it has taken counts.
        labelling = self._resumes.labelling_seconds if self._resumes is not None else 0.0
        before = max(0.0, self._journal.seconds_before - labelling)
        self._started = started - before
        summary = self._evaluate("heldout", "start")
        self._progress = replace(
            self._progress, heldout_start=summary.to_json(), evaluation_seconds=before + time.monotonic() - started
        )
        if self._config.run.steps:
            self._learning.look_at_start(summary)
        self._evaluate("validation", "start")
        self._progress = replace(self._progress, seconds=self._seconds())
        self._checkpoint(best=False)
        drop_start(self._folder.path)

    def _evaluate_at_end(self, limit: Limit) -> None:
        """Validate the last policy, then report the best one, by validation or by anchors, on the held-out tasks.

        Choosing by held-out tasks instead would bias the reported figures upwards.
        """
        trained = self._progress.step
        if nothing := nothing_learnt(self._progress.trained_samples, trained):
            if self._checkpoints.steps()[-1:] != [trained]:
                self._checkpoint(best=False)
            self._journal.run_finished(trained, self._summary(None, None) | {"ended_by": limit.by}, nothing)
            return
        if trained and self._validate("end"):
            self._checkpoint(best=True)
        elif trained and self._checkpoints.steps()[-1:] != [trained]:
            self._checkpoint(best=False)
        best = self._checkpoints.best(
            lambda path: self._warn(
                f"{path.name}, the best by {self._labels.judge}, is corrupt; using the policy of step {trained}"
            )
        )
        if best is not None and best.step != trained:
            self._engine.policy.load_state(best.path)
            said = f"using the policy of step {best.step}, the best by {self._labels.judge}"
            self._journal.notice(said, step=trained)
        end = self._evaluate("heldout", "end") if trained else self._start_summary()
        self._journal.run_finished(trained, self._summary(end, best) | {"ended_by": limit.by}, limit.reason)

    def _validate(self, when: EvaluationTime) -> bool:
        """Return True if the current policy is the best trained one so far, by the mean of code, UT and largest BoN.

        The untrained one does not compete: if it won, even by a tie, the run would hand over what it had started with.
        Without hidden labels validation is a report and chooses nothing.
        """
        summary = self._evaluate("validation", when)
        largest = "{}x{}".format(*self._config.evaluation.largest_bon)
        value = float(np.mean([summary.code.mean, summary.ut.mean, summary.bon[largest].mean]))
        return self._labels.judge == "validation" and self._progress.is_best(value) and self._is_best(value)

    def _is_best(self, score: float | None) -> bool:
        """Remember the score of a best step; return whether there is one."""
        if score is not None:
            self._progress = replace(self._progress, best_score=score, best_step=self._progress.step)
        return score is not None

    def _evaluate(self, split: Literal["heldout", "validation"], when: EvaluationTime) -> EvalSummary:
        if self.stop.is_set():
            raise StepAbandoned
        engine, step = self._engine, self._progress.step
        problems: tuple[Problem, ...] = engine.heldout if split == "heldout" else engine.validation
        config, started = self._config, time.monotonic()
        phase, seed = f"evaluate {split}", derive_seed(config.run.seed, "evaluate", split)
        with KeptAnswers(self._folder.path, [config.model.source, engine.policy.weights_digest(), split]) as kept:
            groups = groups_of(problems, engine.encode, config.evaluation_rollout, seed)
            known = sum(map(kept.count, groups))
            self._phase.start(step, phase, sum(group.count for group in groups), known)
            summary = measure(
                problems, engine.encode, engine.sampler, engine.executor, config.evaluation_rollout,
                judging_of(config.sandbox.judging, config.sandbox.comparison), config.evaluation.bon_sizes,
                seed, self._between_chunks, self._phase, in_thought=engine.in_thought, known=kept,
                keep=lambda records: self._evaluated.keep(split, step, records),
            )  # fmt: skip
        self._journal.phase_finished(step, phase, time.monotonic() - started)
        self._journal.evaluation(step, split=split, when=when, summary=summary.to_json())
        return summary

    def _between_chunks(self, tasks_done: int) -> None:
        self._poll_inbox()
        if self.stop.is_set():
            raise StepAbandoned
        minutes, start_is_over = self._config.run.max_minutes, self._progress.heldout_start is not None
        if minutes and not start_is_over and self._seconds() > minutes * 60:
            raise StartTooLong(minutes, tasks_done, len(self._engine.heldout))

    def _start_summary(self) -> EvalSummary:
        if self._progress.heldout_start is None:
            raise RunError("the run has no evaluation to report", "start a new run")
        return EvalSummary.from_json(self._progress.heldout_start)

    def _summary(self, end: EvalSummary | None, best: Checkpoint | None) -> dict[str, Any]:
        return {
            "run": self._folder.id,
            "preset": self._config.name,
            "steps": self._progress.step,
            "best_step": best.step if best else self._progress.step,
            "seconds": round(self._seconds(), 1),
            "heldout": {"start": self._start_summary().headline(), "end": end and end.headline()},
            "trained_samples": self._progress.trained_samples,
        }

    # Limits and commands ------------------------------------------------------------------------------------

    def _limit_reached(self) -> Limit | None:
        run, kl_bound = self._config.run, self._config.policy.kl_stop
        drifted = self._labels.drifted(self._progress)
        limit = limit_reached(run, kl_bound, self._progress, self._seconds(), drifted)
        if limit is not None and limit.notice:
            level = "warning" if limit.warns else "info"
            self._journal.notice(limit.notice, level=level, step=self._progress.step)
        return limit

    def _poll_inbox(self) -> None:
        """Carry out the commands in the inbox. A pause blocks here until the run is continued or stopped."""
        paused = self._obey(self._inbox.poll(), paused=False)
        if not paused or self.stop.is_set():
            return
        self._journal.paused(self._progress.step)
        while paused and not self.stop.is_set():
            time.sleep(_PAUSE_POLL_SECONDS)
            paused = self._obey(self._inbox.poll(), paused=True)
        self._journal.continued(self._progress.step)

    def _obey(self, commands: Sequence[Command], *, paused: bool) -> bool:
        """Carry out `commands` in order and return True if the engine is to be paused after the last one."""
        was_paused = paused
        for command in commands:
            if command is Command.PAUSE or command is Command.RESUME:
                paused = command is Command.PAUSE
            elif command is Command.CHECKPOINT:
                self._checkpoint_wanted = True
                self._journal.asked(self._progress.step, command)
            elif command is Command.STOP_NOW or was_paused:
                self.request_stop(_BY_THE_USER)
            else:
                self._stop_after_step, self.stop_reason, paused = True, _BY_THE_USER, False
                self._journal.asked(self._progress.step, command)
        return paused

    def request_stop(self, reason: str) -> None:
        """Leave at the next phase boundary with a checkpoint. Safe in a signal handler."""
        self.stop_reason = reason
        self.stop.set()

    def _end_stopped(self) -> Ending:
        if self._progress.heldout_start is not None and self._checkpoints.steps()[-1:] != [self._progress.step]:
            self._checkpoint(best=False)
        self._journal.run_stopped(self._progress.step, self.stop_reason or "stopped on request")
        return "stopped"

    # Checkpoints --------------------------------------------------------------------------------------------

    def _checkpoint(self, *, best: bool) -> None:
        started = time.monotonic()
        self._checkpoint_wanted = False

        def write(folder: Path) -> None:
            self._engine.policy.save_state(folder, best=best)
            (folder / PROGRESS).write_text(json.dumps(asdict(self._progress)))
            self._weights.save(folder)

        saved = self._checkpoints.save(self._progress.step, write)
        if best:
            self._checkpoints.mark_best(saved.step)
        self._journal.checkpoint(saved.step, name=saved.path.name, seconds=time.monotonic() - started, best=best)
        self._journal.sync()
        forget_answers(self._folder.path)  # those of the evaluation before; the checkpoint has its figures

    def _restore(self, recorded: RunState) -> None:
        saved = resumed_checkpoint(self._folder.checkpoints, recorded, self._warn)
        if saved is not None:
            self._engine.policy.load_state(saved.path)
            self._progress = read_progress(saved)
            self._weights = read_weights(saved, self._config.data.curriculum)
            if self._progress.best_step == saved.step > 0:
                self._checkpoints.mark_best(saved.step)  # the engine may have been killed between saving and marking
        self._started = time.monotonic() - self._progress.seconds
        if self._has_new_limits:
            uncounted = max(0.0, self._journal.seconds_before - self._progress.seconds)
            self._progress = replace(self._progress, uncounted_seconds=uncounted)
            self._folder.write_config(dump_toml(self._config))
        self._archive.drop_from(self._progress.step + 1)
        self._evaluated.drop_from(self._progress.step + 1)
        self._journal.count_from(self._progress.seconds)
        self._journal.resumed(from_step=self._progress.step + 1, steps=self._config.run.steps)
        start = self._progress.heldout_start
        if start is not None and recorded.evaluation("heldout", "start") is None:  # the journal has lost it
            self._journal.evaluation(0, split="heldout", when="start", summary=start)

    def _prune_archive(self, step: int) -> None:
        run = self._config.run
        if step % run.checkpoint_every:
            return
        pruned = self._archive.prune(keep_steps=run.archive_steps or None, max_mb=run.archive_mb or None)
        if pruned.steps:
            self._journal.notice(str(pruned), step=step)

    def _warn(self, text: str) -> None:
        self._journal.notice(text, level="warning", step=self._progress.step)

    def _seconds(self) -> float:
        return time.monotonic() - self._started
