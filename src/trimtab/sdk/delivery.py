"""Delivery: ended spans and scores in, batches to the server out, by one thread in the background.

Nothing here waits for a server on behalf of the application. What a server cannot take now waits in
the spool, what the queue cannot take goes to the spool at once, and what the spool cannot take is
counted and reported. Never raises into its callers.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import closing
from typing import Any

from opentelemetry.context import Context, attach, detach
from opentelemetry.sdk.trace import ReadableSpan

from trimtab.sdk import encode
from trimtab.sdk.encode import Payload
from trimtab.sdk.settings import Destination
from trimtab.sdk.spool import Spool
from trimtab.sdk.transport import RETRYABLE, Answer, Transport, Unreachable

log = logging.getLogger("trimtab.sdk")

BATCH = 512
QUEUE_LIMIT = 8192
TICK_S = 1.0
_OVERFLOW_BATCH = 64
_HELD_BYTES = 8 * 1024 * 1024
_TIMEOUT_S = 10.0
_LONGEST_PAUSE_S = 30.0
_LOOK_AGAIN_S = 30.0
_MAX_KINDS = 100
_HEADERS = {
    "spans": {"content-type": "application/x-protobuf", "content-encoding": "gzip"},
    "scores": {"content-type": "application/json"},
}


class Delivery:
    """Queue, thread, retries and spool for one destination."""

    def __init__(
        self, to: Destination, spool: Spool | None, *, queue_limit: int = QUEUE_LIMIT
    ) -> None:
        self._to = to
        self._spool = spool
        self._queue_limit = queue_limit
        self._transport = Transport(to.headers)
        self._lost = 0
        self._said: set[str] = set()
        self._closed = False
        self._reset()

    def _reset(self) -> None:
        self._spans: deque[ReadableSpan] = deque()
        self._scores: deque[dict[str, Any]] = deque()
        self._overflow: list[ReadableSpan] = []
        self._held: deque[Payload] = deque()
        self._in_flight: Payload | None = None
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._working = threading.Lock()
        self._flusher: int | None = None
        self._starting = threading.Lock()
        self._overflowing = threading.Lock()
        self._failures = 0
        self._paused_until = self._told_until = self._look_at = 0.0

    # -- what the application calls --------------------------------------------------------------

    @property
    def takes_scores(self) -> bool:
        return self._to.scores_url is not None

    def put(self, span: ReadableSpan) -> None:
        """Take an ended span."""
        try:
            if self._closed or len(self._spans) >= self._queue_limit:
                self._put_aside(span)
            else:
                self._spans.append(span)
                self._attend(len(self._spans))
        except Exception as error:
            self.report(error)

    def put_score(self, score: dict[str, Any]) -> None:
        """Take a score, in the form that POST /api/v1/scores takes."""
        try:
            if self._closed or len(self._scores) >= self._queue_limit:
                self._keep(encode.scores([score]))
            else:
                self._scores.append(score)
                self._attend(len(self._scores))
        except Exception as error:
            self.report(error)

    def flush(self, timeout_s: float) -> bool:
        """Bring everything to the server now; whether nothing is left waiting."""
        deadline = time.monotonic() + timeout_s
        if not self._working.acquire(timeout=timeout_s):
            return False
        self._flusher = threading.get_ident()
        try:
            self._last_round(deadline)
        except Exception as error:
            self.report(error)
        finally:
            self._flusher = None
            self._working.release()
        left = self._spans or self._scores or self._overflow or self._held
        return not left and not (self._spool and self._spool.waiting())

    def flushes_here(self) -> bool:
        """Whether the thread that asks is in `flush`, as one that a signal interrupts may be."""
        return self._flusher == threading.get_ident()

    def persist(self) -> None:
        """Bring everything to disk now, without asking the server."""
        if (payload := self._in_flight) is not None and self._spool is not None:
            self._spool.put(payload.kind, payload.body)
        self._drain(self._keep)

    def close(self, timeout_s: float) -> None:
        """Deliver what can be in this time and keep the rest; later spans go to disk one by one."""
        self._closed = True
        self._wake.set()
        deadline = time.monotonic() + timeout_s
        if self._working.acquire(timeout=timeout_s):
            try:
                self._last_round(deadline)
            finally:
                self._working.release()
        else:
            self.persist()
        self._lost += sum(_size(payload) for payload in self._held)
        self._held.clear()
        if self._lost:
            log.warning("%d spans and scores were lost", self._lost)

    def report(self, error: Exception) -> None:
        """Log a failure of the SDK itself, each kind once."""
        self._say(f"{type(error).__name__} in the SDK: {error}")

    def after_fork(self) -> None:
        """In a forked child: the parent delivers what it queued; this process starts afresh."""
        self._reset()
        self._lost = 0
        self._transport.forget()
        if self._spool is not None:
            self._spool.forget()

    def attend_spool(self) -> None:
        """Start delivering what an earlier process left, if it left something."""
        if self._spool is not None and self._spool.waiting():
            self._start()

    # -- the thread ------------------------------------------------------------------------------

    def _attend(self, queued: int) -> None:
        if self._thread is None:
            self._start()
        elif queued >= BATCH and not self._wake.is_set():
            self._wake.set()

    def _start(self) -> None:
        with self._starting:
            if self._thread is not None:
                return
            thread = threading.Thread(target=self._run, name="trimtab-delivery", daemon=True)
            # The thread outlives the span that happens to be current, and must not keep it.
            token = attach(Context())
            try:
                thread.start()
            except RuntimeError:  # The interpreter is ending: closing delivers.
                return
            finally:
                detach(token)
            self._thread = thread

    def _run(self) -> None:
        while not self._closed:
            self._wake.wait(TICK_S)
            self._wake.clear()
            try:
                with self._working:
                    self._round(None)
            except Exception as error:
                self.report(error)

    def _round(self, deadline: float | None) -> None:
        self._drain(lambda payload: self._deliver(payload, deadline))
        while self._held and self._may_send(deadline):
            payload = self._held.popleft()
            if not self._send(payload, deadline):
                self._held.appendleft(payload)
        self._empty_spool(deadline)

    def _last_round(self, deadline: float) -> None:
        """Ask the server again whatever it answered before, unless it said when to come back."""
        self._paused_until = self._look_at = 0.0
        self._round(deadline)

    def _drain(self, give: Callable[[Payload], None]) -> None:
        with self._overflowing:
            aside, self._overflow = self._overflow, []
        if aside:
            self._give_spans(aside, give)
        while batch := _take(self._spans):
            self._give_spans(batch, give)
        while records := _take(self._scores):
            give(encode.scores(records))

    def _give_spans(self, batch: list[ReadableSpan], give: Callable[[Payload], None]) -> None:
        encoded = 0
        for payload in encode.spans(batch):
            encoded += _size(payload)
            give(payload)
        if encoded < len(batch):
            self._count_lost(len(batch) - encoded, "they cannot be encoded")

    # -- one batch -------------------------------------------------------------------------------

    def _deliver(self, payload: Payload, deadline: float | None) -> None:
        self._in_flight = payload
        if not (self._may_send(deadline) and self._send(payload, deadline)):
            self._keep(payload)
        self._in_flight = None

    def _may_send(self, deadline: float | None) -> bool:
        now = time.monotonic()
        in_time = deadline is None or now < deadline
        return in_time and now >= max(self._paused_until, self._told_until)

    def _send(self, payload: Payload, deadline: float | None) -> bool:
        """Whether the batch is done with: taken, or refused for good."""
        url = self._to.traces_url if payload.kind == "spans" else self._to.scores_url
        if url is None:
            return True
        left_s = _TIMEOUT_S if deadline is None else max(deadline - time.monotonic(), 0.05)
        headers = _HEADERS[payload.kind]
        try:
            answer = self._transport.post(
                url, payload.body, headers=headers, timeout_s=min(left_s, _TIMEOUT_S)
            )
        except Unreachable as error:
            self._say(f"{url} cannot be reached ({error}); what is recorded waits for it")
            self._pause(None)
            return False
        if answer.status in RETRYABLE:
            self._pause(answer.retry_after_s)
            return False
        self._failures = 0
        if answer.ok:
            self._note_rejected(payload, answer.body)
        else:
            self._refused(payload, answer, deadline)
        return True

    def _refused(self, payload: Payload, answer: Answer, deadline: float | None) -> None:
        scores = payload.kind == "scores"
        parts = answer.status == 413 or (answer.status in (400, 422) and scores)
        if parts and (halves := encode.split(payload)):
            for half in halves:
                self._deliver(half, deadline)
            return
        what = f"the server refused {encode.described(payload)} with HTTP status {answer.status}"
        why = encode.refusal(answer.body)[:300]
        self._count_lost(_size(payload), f"{what}: {why}" if why else what)

    def _note_rejected(self, payload: Payload, body: bytes) -> None:
        if payload.kind == "spans" and body:
            count, reason = encode.rejected(body)
            if count:
                self._count_lost(count, f"the server rejected them: {reason[:200]}")

    def _pause(self, retry_after_s: float | None) -> None:
        """Exponential back-off with jitter, or as long as the server asks."""
        self._failures += 1
        now = time.monotonic()
        if retry_after_s is not None:
            self._told_until = now + retry_after_s
        pause_s = min(0.5 * 2 ** min(self._failures - 1, 10), _LONGEST_PAUSE_S)
        jitter = time.monotonic_ns() % 1000 / 2000
        self._paused_until = now + pause_s * (1.0 - jitter)

    # -- what waits ------------------------------------------------------------------------------

    def _put_aside(self, span: ReadableSpan) -> None:
        """Spool a span for which the queue has no room, without the thread."""
        with self._overflowing:
            self._overflow.append(span)
            if len(self._overflow) < _OVERFLOW_BATCH and not self._closed:
                return
            batch, self._overflow = self._overflow, []
        self._give_spans(batch, self._keep)

    def _keep(self, payload: Payload) -> None:
        if self._spool is not None and self._spool.put(payload.kind, payload.body):
            self._look_at = 0.0
        elif sum(len(held.body) for held in self._held) + len(payload.body) <= _HELD_BYTES:
            self._held.append(payload)
        else:
            self._count_lost(_size(payload), "the server is away and the spool is full")

    def _empty_spool(self, deadline: float | None) -> None:
        if self._spool is None or time.monotonic() < self._look_at:
            return
        with closing(self._spool.take()) as waiting:
            for path, body in waiting:
                if not self._may_send(deadline) or len(self._spans) >= BATCH:
                    return
                if not self._send(Payload(path.suffix[1:], body), deadline):
                    return
                self._spool.delete(path)
        self._look_at = time.monotonic() + _LOOK_AGAIN_S

    def _count_lost(self, count: int, reason: str) -> None:
        self._lost += count
        self._say(f"{count} spans or scores were lost: {reason}")

    def _say(self, text: str) -> None:
        """Log a kind of trouble the first time it comes up."""
        kind = text.lstrip("0123456789")[:200]
        if kind not in self._said and len(self._said) < _MAX_KINDS:
            self._said.add(kind)
            log.warning("%s", text)


def _size(payload: Payload) -> int:
    if payload.size is None:
        return encode.count(payload.kind, payload.body)
    return payload.size


def _take(queue: deque[Any]) -> list[Any]:
    """Up to a batch from the queue, which others may be taking from too."""
    batch: list[Any] = []
    try:
        while len(batch) < BATCH:
            batch.append(queue.popleft())
    except IndexError:
        pass
    return batch
