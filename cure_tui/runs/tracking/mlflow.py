"""MLflow: a run of an experiment, on a server or in a SQLite database with a folder of artifacts beside it."""

from __future__ import annotations

import logging
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from cure_tui.runs.tracking.tracker import PROJECT, Numbers, Table, TrackedRun
from engine.errors import RunError
from engine.machine.home import home
from engine.runs.listing import RunCondition

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

_URI_VARIABLE = "MLFLOW_TRACKING_URI"
_RUN_TAG = "cure_tui.run"
_PARAMS_A_CALL, _METRICS_A_CALL = 100, 1000
_ENDINGS = {RunCondition.FINISHED: "FINISHED", RunCondition.STOPPED: "KILLED"}
_T = TypeVar("_T")


class MLflow:
    """Writer of one run, found again by a tag. What a run that is gone on with holds already is not sent twice."""

    def __init__(self, client: MlflowClient, uri: str, project: str, artifacts: str | None) -> None:
        self.target = f"{uri} {project}"
        self.hint = uri if uri.startswith("http") else f"mlflow ui --backend-store-uri {shlex.quote(uri)}"
        self._client, self._project, self._artifacts = client, project, artifacts
        self._is_continued = False
        self._held: dict[str, set[int]] = {}
        self._unsent: list[Metric] = []

    def open(self, run: TrackedRun, config: Mapping[str, str], since: int) -> int:
        self._run, self._config = run, config
        self._experiment = self._find_experiment()
        found = self._client.search_runs([self._experiment], f"tags.`{_RUN_TAG}` = '{run.key}'", max_results=1)
        if not found:
            self._create()
            return 0
        self._id = found[0].info.run_id
        self._client.update_run(self._id, status="RUNNING")
        self._is_continued = True
        return since

    def rewind(self, step: int) -> int:
        """Delete the run, which can be restored, and begin it anew: MLflow forgets no single values."""
        self._unsent = []
        self._client.delete_run(self._id)
        self._create()
        return 0

    def metrics(self, numbers: Numbers) -> None:
        from mlflow.entities import Metric

        when = round(numbers.time * 1000)
        self._unsent += [
            Metric(name, value, when, numbers.step)
            for name, value in numbers.values.items()
            if numbers.step not in self._steps_held(name)
        ]

    def table(self, step: int, time: float, table: Table) -> None:
        columns = {"columns": table.columns, "data": table.rows}
        self._client.log_dict(self._id, columns, f"{table.name}/step-{step:06}.json")

    def flush(self) -> None:
        """Send all metrics; each call returns once MLflow has kept them."""
        for some in _batches(self._unsent, _METRICS_A_CALL):
            self._client.log_batch(self._id, metrics=some)
        self._unsent = []

    def close(self, condition: RunCondition | None) -> None:
        if condition is not None and condition is not RunCondition.LIVE:
            self._client.set_terminated(self._id, _ENDINGS.get(condition, "FAILED"))

    def _find_experiment(self) -> str:
        found = self._client.get_experiment_by_name(self._project)
        if found is None:
            return str(self._client.create_experiment(self._project, artifact_location=self._artifacts))
        if found.lifecycle_stage != "active":
            restore = f"`mlflow experiments restore -x {found.experiment_id}`"
            raise RunError(f"the experiment {self._project} is deleted", f"{restore}, or give another --project")
        return str(found.experiment_id)

    def _create(self) -> None:
        from mlflow.entities import Param

        started = None if self._run.started is None else round(self._run.started * 1000)
        tags = {_RUN_TAG: self._run.key}
        created = self._client.create_run(self._experiment, started, tags, self._run.name)
        self._id, self._is_continued = created.info.run_id, False
        for some in _batches([Param(name, value) for name, value in self._config.items()], _PARAMS_A_CALL):
            self._client.log_batch(self._id, params=some)

    def _steps_held(self, name: str) -> set[int]:
        """Return the steps at which the run had that metric when it was opened."""
        if not self._is_continued:
            return set()
        if name not in self._held:
            self._held[name] = {metric.step for metric in self._client.get_metric_history(self._id, name)}
        return self._held[name]


def _batches(items: Sequence[_T], size: int) -> Iterator[list[_T]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some


def open_tracker(target: str, project: str) -> MLflow:
    """Return a writer to `target`, a folder or an address; by default $MLFLOW_TRACKING_URI, or in the user's data."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")  # not minutes of silence for a server that is down
    from mlflow import MlflowClient

    for name in ("mlflow", "alembic"):  # they narrate how a database is made
        logging.getLogger(name).setLevel(logging.ERROR)
    uri = target or os.environ.get(_URI_VARIABLE) or str(home() / "tracking" / "mlflow")
    artifacts = None
    if "://" not in uri and uri != "databricks":
        folder = Path(uri)
        folder.mkdir(parents=True, exist_ok=True)
        uri, artifacts = f"sqlite:///{folder}/mlflow.db", (folder / "artifacts").as_uri()
    return MLflow(MlflowClient(tracking_uri=uri), uri, project or PROJECT, artifacts)
