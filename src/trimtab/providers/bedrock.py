"""Amazon Bedrock: Claude in Anthropic's dialect, and every model through Converse.

Sources: docs.aws.amazon.com/bedrock/latest/APIReference (Converse, InvokeModel), and
.../bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from trimtab.errors import ConfigError, InvalidRequest
from trimtab.kit import jsonx
from trimtab.ports import Call, Reply, Upstream
from trimtab.providers import eventstream, families
from trimtab.providers.aws_credentials import AWSSettings
from trimtab.providers.clouds import MESSAGES, CloudProvider, check_credentials
from trimtab.providers.quirks import Quirk
from trimtab.providers.sigv4 import Credentials, Scope, signed_headers
from trimtab.providers.wire import Account, Sign, Wire
from trimtab.records import ModelCard

CONVERSE = "bedrock.converse"
_EVENT_STREAM = "application/vnd.amazon.eventstream"
_CREDENTIALS = ("access_key_id", "secret_access_key", "session_token", "profile")
_BETA = "anthropic-beta"
# Ids (`us.anthropic.claude-...`) and ARNs of them; a profile of one's own does not say its model.
_CLAUDE = r".*anthropic\.claude-.*"

CONVERSE_WIRE = Wire(
    paths={CONVERSE: "/model/{model}/converse"},
    stream_paths={CONVERSE: "/model/{model}/converse-stream"},
    speaks=(CONVERSE,),
    stream_accept=_EVENT_STREAM,
    decoders={_EVENT_STREAM: eventstream.converse},
    quirks=(Quirk(dialects=(CONVERSE,), removed=("model", "modelId", "stream")),),
)
CLAUDE_WIRE = Wire(
    paths={MESSAGES: "/model/{model}/invoke"},
    stream_paths={MESSAGES: "/model/{model}/invoke-with-response-stream"},
    speaks=(MESSAGES,),
    stream_accept=_EVENT_STREAM,
    decoders={_EVENT_STREAM: eventstream.anthropic},
    quirks=(
        Quirk(models=rf"(?!{_CLAUDE}).*", dialects=(), only=(CONVERSE,)),
        Quirk(
            dialects=(MESSAGES,),
            removed=("model", "stream"),
            added={"anthropic_version": "bedrock-2023-05-31"},
        ),
        *families.CLAUDE,
    ),
)


def build(account: Account, upstream: Upstream) -> Bedrock:
    """With what the environment and `~/.aws` say, as they are now."""
    check_credentials(account, _CREDENTIALS)
    given = account.credentials
    settings = AWSSettings(os.environ, Path.home(), given.get("profile"))
    token = account.api_key or (None if given else os.environ.get("AWS_BEARER_TOKEN_BEDROCK"))
    account = msgspec.structs.replace(
        account, api_key=token or None, region=account.region or settings.region
    )
    if token:
        return Bedrock(account, upstream)
    where = f"providers[{account.name}].credentials"
    return Bedrock(account, upstream, settings.credentials(given, where=where))


class Bedrock:
    """Bedrock in one region; implements `trimtab.ports.Provider`.

    Args:
        account: `region`, and with `api_key` a Bedrock API key; the endpoint is the region's
            unless `base_url` says another.
        upstream: this provider's own from now on; `aclose` closes it.
        credentials: sign each call; None with an API key.
        now: the time of a signature.
    Raises:
        ConfigError: there is no region.
    """

    def __init__(
        self,
        account: Account,
        upstream: Upstream,
        credentials: Credentials | None = None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.name = account.name
        self._upstream = upstream
        region = _region(account)
        base_url = account.base_url or _endpoint(region)
        sign: Sign | None = None
        secrets: tuple[str, ...] = ()
        if credentials is not None:
            sign = _signer(credentials, Scope(region, "bedrock"), now)
            secrets = (credentials.secret_access_key, credentials.session_token or "")
        self._speaking = {}
        for wire in (CLAUDE_WIRE, CONVERSE_WIRE):
            spoken = tuple(name for name in account.speaks if name in wire.paths)
            if account.speaks and not spoken:
                continue
            own = msgspec.structs.replace(account, base_url=base_url, speaks=spoken, credentials={})
            provider = CloudProvider(wire, own, upstream, sign=sign, secrets=secrets)
            self._speaking.update(dict.fromkeys(wire.paths, provider))
        if not self._speaking:
            raise ConfigError(
                f"{account.name} cannot be asked in {', '.join(account.speaks)}",
                where=f"providers[{account.name}].speaks",
                fix=f"name some of {MESSAGES}, {CONVERSE}",
            )

    def __repr__(self) -> str:
        return f"Bedrock({self.name!r})"

    def cards(self) -> Sequence[ModelCard]:
        return next(iter(self._speaking.values())).cards()

    def speaks(self, model: str) -> Sequence[str]:
        return [name for name, provider in self._speaking.items() if name in provider.speaks(model)]

    async def send(self, call: Call) -> Reply:
        """See `HTTPProvider.send`."""
        provider = self._speaking.get(call.dialect)
        if provider is None:
            raise InvalidRequest(
                f"the provider {self.name} does not take {call.dialect}",
                where="model",
                fix=f"it takes {', '.join(self._speaking)}",
            )
        if call.dialect == MESSAGES and _BETA in call.headers:
            call = _with_betas(call)
        return await provider.send(call)

    async def aclose(self) -> None:
        await self._upstream.aclose()


def _signer(credentials: Credentials, scope: Scope, now: Callable[[], datetime]) -> Sign:
    async def sign(
        method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> Mapping[str, str]:
        signed = {name: headers[name] for name in ("content-type",) if name in headers}
        return signed_headers(
            credentials, scope, method=method, url=url, headers=signed, body=body, at=now()
        )

    return sign


def _with_betas(call: Call) -> Call:
    """Betas go into the body: InvokeModel reads no header of Anthropic's."""
    betas = [beta.strip() for beta in call.headers[_BETA].split(",") if beta.strip()]
    fields = jsonx.decode(call.body, dict[str, msgspec.Raw])
    if "anthropic_beta" in fields or not betas:
        return call
    body = jsonx.encode({**fields, "anthropic_beta": betas})
    return msgspec.structs.replace(call, body=body)


def _region(account: Account) -> str:
    if account.region:
        return account.region
    raise ConfigError(
        f"{account.name} has no region",
        where=f"providers[{account.name}].region",
        fix="give the AWS region, as in us-east-1, there or in AWS_REGION",
    )


def _endpoint(region: str) -> str:
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://bedrock-runtime.{region}.{suffix}"
