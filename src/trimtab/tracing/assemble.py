"""Assembler: spans whose story is told in several messages become one span, revision by revision.

Patches go in; what is known of each span, with the patch added, goes out through `write` as a newer
revision, open until a patch says that it is over. What was touched lately is in memory, the rest is
asked of the store, so a restart forgets nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from trimtab.errors import Overloaded, StoreError
from trimtab.kit import jsonx
from trimtab.ports import Clock, SpanHead, SpanQuery, TelemetryStore
from trimtab.records import AllOf, Condition, Filter, Span, SpanPatch
from trimtab.tracing.patching import (
    INHERITED,
    Key,
    begun,
    bequeaths,
    completed,
    demoted,
    inherited,
    is_fragment,
    patched,
    revised,
)

_ADDED = ("tags", "metadata", "attributes")
_MOST_LOCATED = 100_000
_MOST_TOLD = 10_000
_MOST_STORED = 20_000
_OPEN = "SELECT trace_id, span_id FROM spans WHERE is_open ORDER BY start_ns DESC"
_OPEN_TIMEOUT_S = 30.0

_log = logging.getLogger("trimtab.tracing")


class _Known(NamedTuple):
    span: Span
    durable: bool
    size_bytes: int


class _Told:
    """What was said of a trace as a whole, as the span that stands in for a root not yet there."""

    def __init__(self, stand_in: Key, told: Span) -> None:
        self.stand_in = stand_in
        self.told = told
        self.came: asyncio.Future[Span] = asyncio.get_running_loop().create_future()


class Assembler:
    """Applies patches in order of arrival; used from one event loop.

    Args:
        write: makes spans durable; raises NotDurable.
        price: a finished span with its cost, where it has none and its model's price is known.
        most_bytes: how much of what was touched lately is kept in memory.
    """

    def __init__(
        self,
        store: TelemetryStore,
        write: Callable[[Sequence[Span]], Awaitable[int]],
        clock: Clock,
        *,
        price: Callable[[Span], Span] | None = None,
        most_bytes: int = 64 << 20,
    ) -> None:
        self._store = store
        self._write = write
        self._clock = clock
        self._price = price
        self._most_bytes = most_bytes
        self._recent: OrderedDict[Key, _Known] = OrderedDict()
        self._recent_bytes = 0
        self._members: dict[tuple[str, str], set[Key]] = {}
        self._traces: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._fragments: dict[Key, Span] = {}
        # Open spans that are in the store and not in memory, of the projects that were asked for.
        self._stored_open: OrderedDict[Key, None] = OrderedDict()
        self._asked: set[str] = set()
        # Kept when the root has come too: what else of the trace comes then takes it over.
        self._told: OrderedDict[tuple[str, str], _Told] = OrderedDict()
        self._under_way: dict[tuple[str, str], set[asyncio.Event]] = {}
        self._lock = asyncio.Lock()

    async def patch(self, project: str, patches: Sequence[SpanPatch]) -> list[SpanPatch]:
        """Apply patches, and return when the spans are durable.

        Returns:
            The patches that could not be applied, because they name a span without its trace and
            no such span is known.
        Raises:
            NotDurable: the spans were not written; the same patches may be sent again.
            StoreError: what is known of the spans cannot be read.
        """
        async with self._lock:
            placed, lost = await self._place(project, patches)
            before = await self._recall({key for key, _ in placed} | _parents(placed))
            changed = self._apply(placed, before)
        if not changed:
            return lost
        try:
            await self._write([known.span for known in changed.values()])
        except BaseException:
            for key, known in changed.items():
                if self._recent.get(key) is known:
                    self._forget(key)
            raise
        for key, known in changed.items():
            if self._recent.get(key) is known:
                self._recent[key] = known._replace(durable=True)
        return lost

    async def write(self, spans: Sequence[Span]) -> int:
        """Make finished spans from elsewhere durable, each with what is known of it from patches.

        Returns: how many of them can never be stored.
        Raises:
            NotDurable: none of them is; the same spans may be sent again.
        """
        with self._writing(spans):
            return await self._write(await self.merge_open(spans))

    async def patch_root(self, project: str, patch: SpanPatch, *, wait_s: float = 0.5) -> None:
        """Apply a patch that is about the root of its trace, whose id the sender does not know.

        It may come before the root. Then `patch` stands as a span of its own, under the id it has,
        until the root comes; after that it is a child of the root, which has taken its fields over.

        Args:
            wait_s: for how long the root is waited for: one on its way is here in no time.
        Raises: as `patch`.
        """
        stand_in = Key(project, patch.trace_id or "", patch.span_id)
        about = self._tell(stand_in, patch)
        await self._written(stand_in.trace)
        heads = await asyncio.to_thread(self._store.skeleton, *stand_in.trace)
        roots = [h.span_id for h in heads if h.parent_id is None and h.span_id != patch.span_id]
        if not roots:
            with contextlib.suppress(TimeoutError):
                roots = [(await asyncio.wait_for(asyncio.shield(about.came), wait_s)).span_id]
        if not roots:
            await self.patch(project, [patch, *_below(patch, patch.span_id, heads)])
            if not about.came.done():
                return
            # The root came while its stand-in was being written.
            root = about.came.result()
            roots = [root.span_id]
            await self._write(self._demoted(stand_in, root))
        await self.patch(project, [_of_a_root(patch, roots[0]), *_below(patch, roots[0], heads)])

    def _tell(self, stand_in: Key, patch: SpanPatch) -> _Told:
        """From now on spans of the trace take over what the patch says of it."""
        told = patched(begun(stand_in, patch, self._clock.now_ns()), patch)
        about = _Told(stand_in, told)
        before = self._told.pop(stand_in.trace, None)
        if before is not None and not before.came.done():
            about.came = before.came  # Whoever waits already hears of the root too.
        self._told[stand_in.trace] = about
        if len(self._told) > _MOST_TOLD:
            self._told.popitem(last=False)
        return about

    @contextlib.contextmanager
    def _writing(self, spans: Sequence[Span]) -> Iterator[None]:
        over = asyncio.Event()
        traces = _traces(spans)
        for trace in traces:
            self._under_way.setdefault(trace, set()).add(over)
        try:
            yield
        finally:
            over.set()
            for trace in traces:
                self._under_way[trace].discard(over)
                if not self._under_way[trace]:
                    del self._under_way[trace]

    async def _written(self, trace: tuple[str, str]) -> None:
        """Return when the spans of a trace that are being written now can be read."""
        for over in tuple(self._under_way.get(trace, ())):
            await over.wait()

    async def locate(self, project: str, span_ids: Iterable[str]) -> dict[str, str]:
        """The traces of spans that are known by their ids alone, as far as they are known."""
        wanted = set(span_ids)
        found = {name: trace for name in wanted if (trace := self._traces.get((project, name)))}
        if missing := wanted - found.keys():
            for span in await self._stored(project, missing):
                found[span.span_id] = span.trace_id
                self._remember_trace(Key(project, span.trace_id, span.span_id))
        return found

    async def merge_open(self, spans: Sequence[Span]) -> Sequence[Span]:
        """Finished spans from elsewhere, each with what is known of it from patches.

        What the finished span says counts; the rest is added. Costs nothing while no span is open,
        but for one look into the store for each project after a start. While the store cannot be
        read, spans are taken as they are; what another process began is not known here.
        """
        await self._recall_open(spans)
        if not self._fragments and not self._told:
            return spans
        merged = [self._completed(span) for span in spans]
        whole = {trace: self._told[trace].told for trace in _traces(spans) & self._told.keys()}
        rooted = {}
        for place, span in enumerate(merged):
            trace = (span.project, span.trace_id)
            if trace in whole and span.parent_id is None and not span.open:
                rooted[trace] = merged[place] = self._rooted(self._told[trace], span)
        if whole:
            whole |= {trace: inherited(root, whole[trace]) for trace, root in rooted.items()}
            merged = [inherited(span, whole.get((span.project, span.trace_id))) for span in merged]
            for trace, root in rooted.items():
                merged += self._demoted(self._told[trace].stand_in, root)
        return merged

    def _rooted(self, about: _Told, root: Span) -> Span:
        """The root that was waited for, with what was said of it."""
        key = Key(root.project, root.trace_id, root.span_id)
        known = self._recent.get(key)
        if key == about.stand_in or (known is not None and known.span.revision > root.revision):
            return root
        whole = completed(root, about.told)
        self._keep(key, whole, durable=False)
        if not about.came.done():
            about.came.set_result(whole)
        return whole

    def _demoted(self, stand_in: Key, root: Span) -> list[Span]:
        """The span that stood in for a root, if one did, now below it."""
        known = self._recent.get(stand_in)
        if known is None or stand_in.span_id == root.span_id:
            return []
        # The entry stays: a write that fails comes again.
        if known.span.parent_id is None:
            known = self._keep(stand_in, demoted(known.span, root), durable=False)
        return [known.span]

    def _completed(self, span: Span) -> Span:
        key = Key(span.project, span.trace_id, span.span_id)
        fragment = self._fragments.get(key)
        if fragment is None or span.open:
            return span
        whole = self._priced(completed(span, fragment), over=True)
        # The fragment stays: a write that fails comes again, and must not lose it.
        if self._keep(key, whole, durable=False) is self._recent.get(key):
            self._fragments[key] = fragment
        return whole

    async def _recall_open(self, spans: Sequence[Span]) -> None:
        """Bring back what is known of these spans from before a restart, or was put away."""
        for project in {span.project for span in spans} - self._asked:
            await self._ask_open(project)
        if not self._stored_open:
            return
        wanted: dict[str, set[Key]] = defaultdict(set)
        for span in spans:
            key = Key(span.project, span.trace_id, span.span_id)
            if key in self._stored_open and not span.open:
                wanted[span.project].add(key)
        for keys in wanted.values():
            with contextlib.suppress(StoreError):
                async with self._lock:
                    found = await self._recall(keys)
                    for key in keys:
                        self._stored_open.pop(key, None)
                        if (
                            key in found
                            and key not in self._recent
                            and is_fragment(found[key].span)
                        ):
                            self._keep(key, found[key].span, durable=True)

    async def _ask_open(self, project: str) -> None:
        try:
            found = await asyncio.to_thread(
                self._store.sql,
                project,
                _OPEN,
                max_rows=_MOST_STORED,
                timeout_s=_OPEN_TIMEOUT_S,
            )
        except StoreError:
            return  # The next spans ask again.
        except Overloaded as error:
            _log.warning("spans left open before the start stay apart: %s", error)
            found = None
        self._asked.add(project)
        for trace_id, span_id in reversed(found.rows if found else []):
            self._put_away(Key(project, trace_id, span_id))

    def _put_away(self, key: Key) -> None:
        self._stored_open[key] = None
        if len(self._stored_open) > _MOST_STORED:
            self._stored_open.popitem(last=False)

    # -- applying ------------------------------------------------------------------------------

    async def _place(
        self, project: str, patches: Sequence[SpanPatch]
    ) -> tuple[list[tuple[Key, SpanPatch]], list[SpanPatch]]:
        """The key of each patch, and the patches whose trace is unknown."""
        own = {patch.span_id: patch.trace_id for patch in patches if patch.trace_id}
        nameless = {p.span_id for p in patches if p.trace_id is None} - own.keys()
        found = {**(await self.locate(project, nameless) if nameless else {}), **own}
        placed, lost = [], []
        for patch in patches:
            trace_id = patch.trace_id or found.get(patch.span_id)
            if trace_id is None:
                lost.append(patch)
            else:
                placed.append((Key(project, trace_id, patch.span_id), patch))
        return placed, lost

    def _apply(
        self, placed: Sequence[tuple[Key, SpanPatch]], before: dict[Key, _Known]
    ) -> dict[Key, _Known]:
        """What the patches make of the spans, for those that must be written."""
        spans = {key: known.span for key, known in before.items()}
        finished = set()
        for key, patch in placed:
            known = spans.get(key) or begun(key, patch, self._clock.now_ns())
            spans[key] = patched(known, patch)
            if patch.finished:
                finished.add(key)
        changed = {}
        for key in dict.fromkeys(key for key, _ in placed):
            known_before = before.get(key)
            old = _span(before, key)
            parent = spans.get(Key(key.project, key.trace_id, spans[key].parent_id or ""))
            spans[key] = inherited(spans[key], parent)
            span = self._priced(spans[key], over=key in finished or not spans[key].open)
            span = revised(span, old, finished=key in finished)
            if known_before and known_before.durable and span == old:
                continue
            changed[key] = self._keep(key, span, durable=False)
        for key, now in list(changed.items()):
            if now.span.parent_id is None and bequeaths(now.span, _span(before, key)):
                changed |= self._bequeathed(now.span, key.trace, changed)
        return changed

    def _bequeathed(
        self, root: Span, trace: tuple[str, str], changed: Mapping[Key, _Known]
    ) -> dict[Key, _Known]:
        """The spans below a root that take over what became known of it after them."""
        heirs = {}
        for key in list(self._members.get(trace, ())):
            member = self._recent[key].span
            heir = inherited(member, root)
            if heir is not member:
                revision = member.revision + (key not in changed)
                heirs[key] = self._keep(key, replace(heir, revision=revision), durable=False)
        return heirs

    def _priced(self, span: Span, *, over: bool) -> Span:
        if not over or self._price is None:
            return span
        if span.cost_source == "table":
            span = replace(span, cost_usd=None, cost_source=None)
        return self._price(span)

    # -- memory --------------------------------------------------------------------------------

    async def _recall(self, keys: set[Key]) -> dict[Key, _Known]:
        """What is known of spans, from memory or, in one query, from the store."""
        found = {}
        for key in keys & self._recent.keys():
            self._recent.move_to_end(key)
            found[key] = self._recent[key]
        if missing := keys - found.keys():
            project = next(iter(missing)).project
            traces = {key.trace_id for key in missing}
            for span in await self._stored(project, {key.span_id for key in missing}, traces):
                key = Key(span.project, span.trace_id, span.span_id)
                if key in missing:
                    found[key] = _Known(span, durable=True, size_bytes=0)
        return found

    async def _stored(
        self, project: str, span_ids: set[str], traces: set[str] | None = None
    ) -> list[Span]:
        where: Filter = Condition(field="span_id", values=tuple(sorted(span_ids)))
        if traces is not None:
            of_traces = Condition(field="trace_id", values=tuple(sorted(traces)))
            where = AllOf(of=(of_traces, where))
        query = SpanQuery(project=project, where=where, limit=4 * len(span_ids))
        return await asyncio.to_thread(self._store.spans, query)

    def _keep(self, key: Key, span: Span, *, durable: bool) -> _Known:
        self._forget(key)
        known = _Known(span, durable, len(jsonx.encode(span)))
        self._recent[key] = known
        self._members.setdefault(key.trace, set()).add(key)
        self._recent_bytes += known.size_bytes
        if span.open:
            self._fragments[key] = span
        self._remember_trace(key)
        while self._recent_bytes > self._most_bytes and len(self._recent) > 1:
            oldest = next(iter(self._recent))
            if self._recent[oldest].span.open:
                self._put_away(oldest)
            self._forget(oldest)
        return known

    def _forget(self, key: Key) -> None:
        known = self._recent.pop(key, None)
        self._fragments.pop(key, None)
        if known is not None:
            self._recent_bytes -= known.size_bytes
            members = self._members[key.trace]
            members.discard(key)
            if not members:
                del self._members[key.trace]

    def _remember_trace(self, key: Key) -> None:
        self._traces[key.project, key.span_id] = key.trace_id
        self._traces.move_to_end((key.project, key.span_id))
        if len(self._traces) > _MOST_LOCATED:
            self._traces.popitem(last=False)


def _span(known: Mapping[Key, _Known], key: Key) -> Span | None:
    found = known.get(key)
    return found.span if found else None


def _traces(spans: Sequence[Span]) -> set[tuple[str, str]]:
    return {(span.project, span.trace_id) for span in spans}


def _of_a_root(patch: SpanPatch, root: str) -> SpanPatch:
    """A patch as its root takes it over."""
    added = {name: patch.fields[name] for name in (*INHERITED, *_ADDED) if name in patch.fields}
    return SpanPatch(trace_id=patch.trace_id, span_id=root, fields=added)


def _below(patch: SpanPatch, root: str, heads: Sequence[SpanHead]) -> list[SpanPatch]:
    """What of a patch to a root holds for the spans below it."""
    common = {name: patch.fields[name] for name in INHERITED if name in patch.fields}
    below = [head.span_id for head in heads if head.span_id not in (root, patch.span_id)]
    return [
        SpanPatch(trace_id=patch.trace_id, span_id=span_id, fields=common)
        for span_id in (below if common else ())
    ]


def _parents(placed: Sequence[tuple[Key, SpanPatch]]) -> set[Key]:
    named = ((key, patch.fields.get("parent_id")) for key, patch in placed)
    return {Key(key.project, key.trace_id, parent) for key, parent in named if parent}
