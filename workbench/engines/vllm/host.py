"""vLLM at work in this process: one thread that starts it, feeds it and hands its answers back."""

from __future__ import annotations

import asyncio
import itertools
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from workbench.engines.protocol import Failure, FailureCause, Message
from workbench.engines.vllm.settings import VllmSettings
from workbench.engines.vllm.start import start
from workbench.words import RunError, whole_text

if TYPE_CHECKING:
    from vllm import LLM, RequestOutput, SamplingParams

ResultT = TypeVar("ResultT")

CHECKING_S = 0.1
GATHERING_S = 0.005
MAX_DETAIL = 300

_numbers = itertools.count()


@dataclass(eq=False, slots=True)
class _Job:
    """One request on its way through the engine."""

    prompt: Any
    sampling: SamplingParams
    expires_at: float
    deadline_s: float
    answer: asyncio.Future[RequestOutput | Failure]
    loop: asyncio.AbstractEventLoop
    id: str = field(default_factory=lambda: f"w{next(_numbers)}")
    engine_id: str = ""


class Host:
    """A started model and the thread it lives in; `workbench.engines.vllm.kept` keeps it from run to run.

    Parameters
    ----------
    settings : VllmSettings
        The model and how it is run.
    predecessors : sequence of Thread
        Threads of models that end; this one starts when they are gone, so that two never share the memory.

    Attributes
    ----------
    started : Future
        Done when the model is ready, or with the exception that kept it from it.
    is_gone : bool
        Whether it has ended, or never came to be.
    """

    def __init__(self, settings: VllmSettings, predecessors: Sequence[threading.Thread] = ()) -> None:
        self.started: Future[None] = Future()
        self.started.set_running_or_notify_cancel()
        self.users = 0
        self._settings = settings
        self._predecessors = predecessors
        self._inbox: SimpleQueue[_Job | Callable[[], None] | None] = SimpleQueue()
        self._jobs: dict[str, _Job] = {}
        self._checked_at = 0.0
        self._is_closing = False
        self.is_gone = False
        self._end: BaseException | None = None
        self.thread = threading.Thread(target=self._live, name="workbench-vllm", daemon=True)
        self.thread.start()

    def rendered(self, messages: Sequence[Message]) -> Any:
        """Return a conversation as the engine's input: the model's chat template filled in and turned into tokens.

        Raises one of `refusals` where it cannot be. May be called while the engine computes.
        """
        conversation = [{"role": message.role, "content": whole_text(message.content)} for message in messages]
        _, (prompt,) = self._llm.renderer.render_chat([conversation], self._chat)
        return prompt

    async def answer(self, prompt: Any, sampling: SamplingParams, deadline_s: float) -> RequestOutput | Failure:
        """Return the engine's answer to a rendered prompt, or why there is none.

        Raises
        ------
        RunError
            vLLM broke down; no further request can be answered.
        """
        loop = asyncio.get_running_loop()
        job = _Job(prompt, sampling, time.monotonic() + deadline_s, deadline_s, loop.create_future(), loop)
        self._inbox.put(job)
        if self.is_gone:
            raise self._breakdown()
        try:
            return await job.answer
        except asyncio.CancelledError:
            self._inbox.put(lambda: self._take_out(job))
            raise

    def do(self, work: Callable[[LLM], ResultT]) -> Future[ResultT]:
        """Have something else done with the model, in its thread, where nothing of vLLM may be used from another."""
        done: Future[ResultT] = Future()

        def perform() -> None:
            if done.set_running_or_notify_cancel():
                try:
                    done.set_result(work(self._llm))
                except Exception as error:  # belongs to whoever asked for the work
                    done.set_exception(error)

        self._inbox.put(perform)
        return done

    def close(self) -> None:
        """Let the thread give the model up; what is under way fails."""
        self._is_closing = True
        self._inbox.put(None)

    def _live(self) -> None:
        """Start, work until told to end, clean up."""
        for thread in self._predecessors:
            thread.join()
        try:
            self._start()
        except Exception as error:  # an error of the workbench, or a version of vLLM that this is not written for
            self.is_gone = True
            _clean_up()
            self.started.set_exception(error)
            return
        try:
            while not self._is_closing:
                self._take_in()
                self._expire()
                if self._jobs:
                    self._step()
        except Exception as error:  # vLLM's own; every caller is told, and the next run starts it anew
            self._end = error
        finally:
            self._give_up()
            self._shut_down()

    def _start(self) -> None:
        self._llm: LLM = start(self._settings)
        from vllm.exceptions import VLLMValidationError
        from vllm.renderers import ChatParams
        from vllm.utils.mistral import is_mistral_tokenizer

        self.refusals: tuple[type[Exception], ...] = (ValueError, TypeError, VLLMValidationError)
        self._chat = ChatParams(
            chat_template_kwargs={
                "add_generation_prompt": True,
                "continue_final_message": False,
                "tokenize": is_mistral_tokenizer(self._llm.get_tokenizer()),
            }
        )
        self.started.set_result(None)

    def _take_in(self) -> None:
        """Put new requests into the engine and do what else was asked for; wait when there is nothing to compute.

        The first requests after a pause are let in together, so that the first step does not compute one alone.
        """
        is_idle = not self._jobs
        while True:
            try:
                item = self._inbox.get(block=is_idle, timeout=GATHERING_S if self._jobs else None)
            except Empty:
                return
            if isinstance(item, _Job):
                self._add(item)
            elif item is None:
                return
            else:
                item()

    def _add(self, job: _Job) -> None:
        try:
            job.engine_id = self._llm.llm_engine.add_request(job.id, job.prompt, job.sampling)
        except self.refusals as error:
            _settle([(job, Failure(FailureCause.REJECTED, refusal_detail(error)))])
            return
        self._jobs[job.id] = job

    def _step(self) -> None:
        """Compute one step and hand back what ended with it."""
        ended = [output for output in self._llm.llm_engine.step() if output.finished]
        _settle([(self._jobs.pop(output.request_id), output) for output in ended if output.request_id in self._jobs])

    def _expire(self) -> None:
        """Give up requests whose deadline has passed."""
        now = time.monotonic()
        if now - self._checked_at < CHECKING_S:
            return
        self._checked_at = now
        for job in [job for job in self._jobs.values() if job.expires_at < now]:
            del self._jobs[job.id]
            self._abort(job)
            _settle([(job, Failure(FailureCause.TIMEOUT, f"no answer within {job.deadline_s:.3g} s"))])

    def _take_out(self, job: _Job) -> None:
        if self._jobs.pop(job.id, None) is not None:
            self._abort(job)

    def _abort(self, job: _Job) -> None:
        self._llm.llm_engine.abort_request([job.engine_id], internal=True)

    def _give_up(self) -> None:
        """Fail everything that was not answered."""
        self.is_gone = True
        left = list(self._jobs.values())
        while not self._inbox.empty():
            item = self._inbox.get()
            if isinstance(item, _Job):
                left.append(item)
        self._jobs.clear()
        _settle([(job, self._breakdown()) for job in left])

    def _shut_down(self) -> None:
        """Free the model's memory and the process group that vLLM made."""
        try:
            self._llm.llm_engine.engine_core.shutdown()
            del self._llm
            _clean_up()
        except Exception as error:  # there is nothing left to save, and whoever waits was told already
            self._end = self._end or error

    def _breakdown(self) -> RunError:
        said = None if self._end is None else refusal_detail(self._end)
        return RunError(
            "vLLM stopped working" if self._end is not None else "vLLM was ended",
            where=f"model {self._settings.model}",
            got=said,
            remedy="run the same command again: it goes on where it stopped",
        )


def _clean_up() -> None:
    """Undo what vLLM set up in this process, as far as it got."""
    if "vllm.distributed" in sys.modules:
        from vllm.distributed import cleanup_dist_env_and_memory

        cleanup_dist_env_and_memory()


def _settle(ended: Sequence[tuple[_Job, RequestOutput | Failure | RunError]]) -> None:
    """Hand answers to the event loops that wait for them, each loop woken once."""
    for loop in {job.loop for job, _ in ended}:
        mine = [(job.answer, result) for job, result in ended if job.loop is loop]
        try:
            loop.call_soon_threadsafe(_set, mine)
        except RuntimeError:  # the loop was closed: nobody waits any longer
            continue


def _set(results: Sequence[tuple[asyncio.Future[RequestOutput | Failure], RequestOutput | Failure | RunError]]) -> None:
    for answer, result in results:
        if answer.done():
            continue
        if isinstance(result, RunError):
            answer.set_exception(result)
        else:
            answer.set_result(result)


def refusal_detail(error: BaseException) -> str:
    """Return what an error of vLLM says to a reader, at most a few hundred characters."""
    return (" ".join(str(error).split()) or type(error).__name__)[:MAX_DETAIL]
