"""A provider reached over HTTP: what `Wire` says as data, done once for all of them.

A `Call` goes out as it is and the answer comes back byte for byte; only headers that mean something
to a caller pass. It looks into bodies for nothing but the credential, which is masked wherever a
provider echoes it, and for what the quirks of a model make necessary. It never retries an answer,
and never shows the credential.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

from trimtab.errors import InvalidRequest
from trimtab.kit.http1 import Fields, HTTPError, Timeouts, parse_url
from trimtab.kit.mask import KeyMask, base64_of
from trimtab.ports import Call, Reply, Upstream, UpstreamResponse
from trimtab.providers import settings
from trimtab.providers.body import Body
from trimtab.providers.failures import Failures
from trimtab.providers.quirks import Adjustment, concerning, refused
from trimtab.providers.wire import PASSTHROUGH, Account, Sign, Wire
from trimtab.records import ModelCard

_CONNECT_S = 10.0
_USUAL = "openai.chat"
# How many models and header sets are kept ready; callers may name any.
_KEPT = 2048
_UNSAFE_PATH = re.compile(r"//|\\|(?:^|/|%2f|%5c)(?:\.|%2e){1,2}(?:/|;|%2f|%5c|$)", re.IGNORECASE)
_PASSED_ON = frozenset(
    {
        "content-disposition",
        "content-type",
        "openai-processing-ms",
        "request-id",
        "retry-after",
        "retry-after-ms",
        "x-request-id",
        "x-should-retry",
    }
)
_PASSED_ON_FAMILIES = ("x-ratelimit-", "anthropic-ratelimit-")


K = TypeVar("K")
V = TypeVar("V")


class _Plan(NamedTuple):
    """All that is the same for every call of one model in one dialect."""

    url: str
    fields: Fields
    adjustment: Adjustment | None


class HTTPProvider:
    """A provider reached over HTTP; implements `trimtab.ports.Provider`.

    Args:
        wire: how it is spoken to.
        account: where it is, and who pays.
        upstream: this provider's own from now on; `aclose` closes it.
        sign: makes the credential of each call, for APIs whose calls are signed.
        secrets: what else must not be seen in an answer.
    Raises:
        ConfigError: a setting of the account cannot be used in a request.
    """

    def __init__(
        self,
        wire: Wire,
        account: Account,
        upstream: Upstream,
        *,
        sign: Sign | None = None,
        secrets: Sequence[str] = (),
    ) -> None:
        self.name = account.name
        self._wire = wire
        self._account = account
        self._upstream = upstream
        self._sign = sign
        self._speaks = settings.spoken(wire, account)
        configured = {name.lower() for name in account.headers}
        self._caller_headers = tuple(sorted(wire.caller_headers - configured))
        self._base, self._host = settings.base(wire, account)
        self._failures = Failures(account.name, self._host)
        self._query = settings.query(wire, account)
        self._common = settings.fields(wire, account)
        hidden = settings.secrets(account, secrets)
        self._mask = KeyMask(*hidden)
        # A provider quotes what it was sent where it refuses it, some in base64.
        self._refusal_mask = KeyMask(*hidden, *(each for key in hidden for each in base64_of(key)))
        self._masks = self._mask.keys is not None
        self._plans: dict[tuple[str, str, bool], _Plan] = {}
        self._variants: dict[tuple[bytes, tuple[tuple[str, str], ...]], Fields] = {}
        self._known_speaks: dict[str, tuple[str, ...]] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, host={self._host!r})"

    def cards(self) -> Sequence[ModelCard]:
        return self._account.cards

    def speaks(self, model: str) -> Sequence[str]:
        found = self._known_speaks.get(model)
        if found is None:
            only = {one for quirk in concerning(self._wire.quirks, model) for one in quirk.only}
            found = tuple(one for one in self._speaks if not only or one in only)
            _keep(self._known_speaks, model, found)
        return found

    def refuses(self, model: str, parameters: Mapping[str, Any]) -> Mapping[str, str]:
        """The parameters that a call of a model goes out without."""
        dialects = [name for name in self.speaks(model) if name != PASSTHROUGH]
        if not dialects:
            return {}
        dialect = _USUAL if _USUAL in dialects else dialects[0]
        lost = refused(self._wire.quirks, dialect, model, parameters)
        return dict.fromkeys(lost, "refuses it, so that it is left out of every call")

    async def send(self, call: Call) -> Reply:
        """Start a call; returns with the head of the answer.

        Raises:
            InvalidRequest: it does not take this dialect, or this path.
            ProviderUnavailable: no connection, or it broke before the answer began.
            ProviderTimeout: no answer began in time.
            ProviderError: the answer is not HTTP, is a redirect or compressed, or is a refusal of
                the credential (which would read as a refusal of the caller's own).

        Reading `chunks` raises ProviderTimeout when the provider falls silent and ProviderError
        when the answer is cut off.
        """
        plan = self._plans.get((call.dialect, call.model, call.stream)) or self._plan(call)
        body, lost = plan.adjustment.apply(call.body) if plan.adjustment else (call.body, ())
        fields = plan.fields
        if call.headers and (passed := self._passed(call.headers)):
            fields = self._with(fields, passed)
        if self._sign is not None:
            fields = fields.plus(await self._sign(call.method, plan.url, fields, body))
        try:
            response = await self._upstream.request(
                call.method, plan.url, headers=fields, body=body, timeouts=self._timeouts(call)
            )
        except HTTPError as error:
            raise self._failures.unanswered(error) from error
        refusal = self._failures.refusal(response)
        if refusal is not None:
            await response.aclose()
            raise refusal
        return self._reply(response, lost)

    async def aclose(self) -> None:
        await self._upstream.aclose()

    # -- requests ------------------------------------------------------------------------------

    def _plan(self, call: Call) -> _Plan:
        if call.dialect not in self._speaks:
            raise InvalidRequest(
                f"the provider {self.name} does not take {call.dialect}",
                where="model",
                fix=f"it takes {', '.join(self._speaks)}",
            )
        if call.dialect == PASSTHROUGH:
            return self._any_path(call)
        wire, name = self._wire, call.dialect
        path = wire.paths[name]
        if call.stream:
            path = wire.stream_paths.get(name, path)
        accept = wire.stream_accept if call.stream else "application/json"
        adjustment = Adjustment(wire.quirks, name, call.model)
        plan = _Plan(
            url=self._url(path.replace("{model}", quote(call.model, safe=""))),
            fields=self._common.plus({"content-type": "application/json", "accept": accept}),
            adjustment=adjustment or None,
        )
        _keep(self._plans, (name, call.model, call.stream), plan)
        return plan

    def _any_path(self, call: Call) -> _Plan:
        """A path that the caller chose, which must not lead out of the API."""
        path = call.path.partition("?")[0]
        url = self._url(self._wire.passthrough_root + call.path)
        try:
            if not path.startswith("/") or _UNSAFE_PATH.search(path):
                raise ValueError("it leads out of the API")
            parse_url(url)
            kind = {"content-type": call.content_type} if call.body else {}
            fields = self._common.plus({**kind, "accept": "*/*"})
        except ValueError as error:
            raise InvalidRequest(
                f"this request cannot be passed through: {error}",
                where="path",
                fix="send a path of the provider's API, percent-encoded, without dot segments",
            ) from None
        return _Plan(url=url, fields=fields, adjustment=None)

    def _url(self, path: str) -> str:
        if not self._query:
            return self._base + path
        return f"{self._base}{path}{'&' if '?' in path else '?'}{self._query}"

    def _passed(self, headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        """Those of the caller's headers that mean something to this provider."""
        return tuple((name, headers[name]) for name in self._caller_headers if name in headers)

    def _with(self, fields: Fields, passed: tuple[tuple[str, str], ...]) -> Fields:
        key = (fields.encoded, passed)
        found = self._variants.get(key)
        if found is None:
            try:
                found = fields.plus(dict(passed))
            except ValueError as error:
                raise InvalidRequest(str(error), where="headers") from None
            _keep(self._variants, key, found)
        return found

    def _timeouts(self, call: Call) -> Timeouts:
        account = self._account
        total_s = min(call.timeout_s, account.timeout_s)
        first_byte_s, idle_s = call.first_byte_s, call.idle_s
        return Timeouts(
            connect_s=_CONNECT_S if first_byte_s is None else min(_CONNECT_S, first_byte_s),
            first_byte_s=total_s if first_byte_s is None else min(first_byte_s, total_s),
            idle_s=account.idle_s if idle_s is None else idle_s,
            total_s=total_s,
        )

    # -- answers -------------------------------------------------------------------------------

    def _reply(self, response: UpstreamResponse, lost: tuple[str, ...]) -> Reply:
        keys = self._mask if response.status < 400 else self._refusal_mask
        headers = self._passed_on(response.headers, keys)
        decoder = None
        if self._wire.decoders:
            media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
            made = self._wire.decoders.get(media_type)
            if made is not None:
                decoder = made()
                headers["content-type"] = "text/event-stream"
        mask = keys.fresh() if self._masks else None
        return Reply(
            status=response.status,
            headers=headers,
            chunks=Body(response, self._failures.cut_off, mask=mask, decoder=decoder),
            mask=keys.whole if self._masks else None,
            lost=lost,
        )

    def _passed_on(self, headers: Mapping[str, str], keys: KeyMask) -> dict[str, str]:
        """The headers that mean something to a caller, without the credential."""
        found = {
            name: value
            for name, value in headers.items()
            if name in _PASSED_ON or name.startswith(_PASSED_ON_FAMILIES)
        }
        if self._masks and keys.holds("\n".join(found.values()).encode("latin-1")):
            for name, value in found.items():
                found[name] = keys.whole(value.encode("latin-1")).decode("latin-1")
        return found


def _keep(known: dict[K, V], key: K, value: V) -> None:
    """Remember what is cheap to find again; what callers may name is without end."""
    if len(known) >= _KEPT:
        known.clear()
    known[key] = value
