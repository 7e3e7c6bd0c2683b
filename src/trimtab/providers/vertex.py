"""Google's Vertex AI: Gemini and Claude models, by region and project.

Sources: https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest (paths, hosts) and
https://docs.anthropic.com/en/api/claude-on-vertex-ai.
"""

from __future__ import annotations

import msgspec

from trimtab.errors import ConfigError
from trimtab.ports import Upstream
from trimtab.providers import families
from trimtab.providers.clouds import (
    GEMINI,
    IN_THE_URL,
    MESSAGES,
    CloudProvider,
    check_credentials,
)
from trimtab.providers.google_token import AccessToken, service_account
from trimtab.providers.quirks import Quirk
from trimtab.providers.wire import Account, Wire

_KEY_FILE = "key_file"
COUNT_TOKENS = "anthropic.count_tokens"
_GOOGLE = "/publishers/google/models/{model}"
_ANTHROPIC = "/publishers/anthropic/models/{model}"
_VERSION = {"anthropic_version": "vertex-2023-10-16"}
# Hosts of locations that are no region; any other has one of its own.
_HOSTS = {
    "eu": "aiplatform.eu.rep.googleapis.com",
    "global": "aiplatform.googleapis.com",
    "us": "aiplatform.us.rep.googleapis.com",
}
WIRE = Wire(
    paths={
        GEMINI: f"{_GOOGLE}:generateContent",
        MESSAGES: f"{_ANTHROPIC}:rawPredict",
        COUNT_TOKENS: "/publishers/anthropic/models/count-tokens:rawPredict",
    },
    stream_paths={
        GEMINI: f"{_GOOGLE}:streamGenerateContent?alt=sse",
        MESSAGES: f"{_ANTHROPIC}:streamRawPredict",
    },
    speaks=(GEMINI, MESSAGES, COUNT_TOKENS),
    caller_headers=frozenset({"anthropic-beta"}),
    quirks=(
        IN_THE_URL,
        Quirk(models=r"(?!claude).*", dialects=(), only=(GEMINI,)),
        Quirk(models=r"claude.*", dialects=(), only=(MESSAGES, COUNT_TOKENS)),
        Quirk(dialects=(MESSAGES,), removed=("model",), added=_VERSION),
        Quirk(dialects=(COUNT_TOKENS,), added=_VERSION),
        *families.CLAUDE,
    ),
)


def build(account: Account, upstream: Upstream) -> Vertex:
    return Vertex(account, upstream)


class Vertex(CloudProvider):
    """Vertex AI with a static access token (`api_key`) or a service account's key file.

    Raises:
        ConfigError: region, project or credential are missing or unusable.
        MissingExtra: a key file is given, and `google-auth` is not installed.
    """

    def __init__(self, account: Account, upstream: Upstream) -> None:
        check_credentials(account, (_KEY_FILE,))
        path = account.credentials.get(_KEY_FILE)
        token, project = None, account.project
        if path and not account.api_key:
            where = f"providers[{account.name}].credentials.{_KEY_FILE}"
            key = service_account(path, where=where)
            token = AccessToken(key, upstream, where=where)
            project = project or key.project_id
        elif not account.api_key:
            raise ConfigError(
                f"nothing says how {account.name} is paid for",
                where=f"providers[{account.name}].credentials.{_KEY_FILE}",
                fix="give the JSON key file of a service account, or an access token as api_key",
            )
        base_url = account.base_url or _base_url(account, project)
        # The path of a key file is no secret, and is not to be hidden in answers.
        plain = msgspec.structs.replace(account, base_url=base_url, credentials={})
        super().__init__(WIRE, plain, upstream, sign=token.sign if token else None)
        self._token = token

    async def aclose(self) -> None:
        if self._token is not None:
            await self._token.aclose()
        await super().aclose()


def _base_url(account: Account, project: str | None) -> str:
    region = account.region
    for name, value in (("region", region), ("project", project)):
        if not value:
            raise ConfigError(
                f"{account.name} has no {name}",
                where=f"providers[{account.name}].{name}",
                fix=f"give the {name}, or the whole address as base_url",
            )
    host = _HOSTS.get(region or "", f"{region}-aiplatform.googleapis.com")
    return f"https://{host}/v1/projects/{project}/locations/{region}"
