"""Writing of answers by one model or two: models are opened when the first answer is missing, and not before."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing

from engine.errors import CureError
from engine.evaluate.models import Model
from engine.evaluate.request import EvalRequest
from engine.prompts import Role
from engine.solve.opening import Wishes, load_model, open_writer
from engine.solve.writers import Account, Answer, Ask, Remote, Stoppable, Writer
from engine.solve.writers.spec import WriterSpec

OpenWriter = Callable[[Model, EvalRequest, Account], Writer]


def open_model(model: Model, request: EvalRequest, account: Account) -> Writer:
    """Load the model, or connect to its server. Raises CureError."""
    wishes = Wishes(request.temperature, request.max_tokens, seed=0)
    if model.spec.kind == "openai":
        return open_writer(model.spec, wishes, lambda text: None, account)
    return load_model(model.spec, request.max_tokens, lambda text: None).writer(wishes, whole=True)


class Writers:
    """Writers of both roles; one writer where coder and tester are one model."""

    def __init__(self, request: EvalRequest, models: dict[Role, Model], opened: OpenWriter = open_model) -> None:
        self._request, self._models, self._opened = request, models, opened
        self._account = Account()
        self._writers: dict[WriterSpec, Writer] = {}
        self._resources = ExitStack()

    def write(self, asks: Sequence[Ask]) -> Iterator[Answer]:
        """Yield every answer as it comes; two models write at the same time. Closing ends the writing.

        Raises CureError: a model that cannot be opened, a writer's fault.
        """
        by_spec: dict[WriterSpec, list[Ask]] = {}
        for ask in asks:
            by_spec.setdefault(self._models[ask.role].spec, []).append(ask)
        work = [(self._writer(spec), own) for spec, own in by_spec.items()]
        answers = closing(work[0][0].write(work[0][1])) if len(work) == 1 else closing(_together(work))  # type: ignore[type-var]
        with answers as found:
            for answer in found:
                self._account.settle(answer.reservation, answer.cost)
                yield answer

    def close(self) -> None:
        self._resources.close()

    def _writer(self, spec: WriterSpec) -> Writer:
        if spec not in self._writers:
            model = next(each for each in self._models.values() if each.spec == spec)
            writer = self._writers[spec] = self._opened(model, self._request, self._account)
            self._resources.callback(writer.close)
        return self._writers[spec]


def _together(work: Sequence[tuple[Writer, Sequence[Ask]]]) -> Iterator[Answer]:
    """Let several writers write, each in a thread; yield what comes first. The first fault is raised at the end."""
    news: queue.SimpleQueue[Answer | CureError | BaseException | None] = queue.SimpleQueue()
    over = threading.Event()

    def work_off(writer: Writer, asks: Sequence[Ask]) -> None:
        try:
            for answer in writer.write(asks):
                news.put(answer)
                if over.is_set():
                    return
        except BaseException as fault:  # noqa: BLE001  (handed to the caller's thread, which raises it)
            news.put(fault)
        finally:
            news.put(None)

    threads = [threading.Thread(target=work_off, args=pair, name="writer", daemon=True) for pair in work]
    for thread in threads:
        thread.start()
    faults: list[BaseException] = []
    ended = 0
    try:
        while ended < len(threads):
            item = news.get()
            if item is None:
                ended += 1
            elif isinstance(item, BaseException):
                faults.append(item)
            else:
                yield item
    finally:
        over.set()
        for writer, _ in work:
            if isinstance(writer, Stoppable):
                writer.stop()
            if isinstance(writer, Remote):
                writer.give_up()
        for thread in threads:
            thread.join(timeout=5.0)
    if faults:
        raise faults[0]
