"""What goes wrong between Trimtab and a provider, in Trimtab's words."""

from __future__ import annotations

from trimtab.errors import ProviderError, ProviderTimeout, ProviderUnavailable
from trimtab.kit.http1 import ConnectError, HTTPError, ProtocolError, ReadTimeout
from trimtab.ports import UpstreamResponse

_FIX_TIME = "retry, or raise providers[{name}].timeout_s"
_FIX_URL = "check providers[{name}].base_url and that the server runs"
_FIX_KEY = "check providers[{name}].api_key"
_FIX_REDIRECT = "set providers[{name}].base_url to where it leads"
_FIX_CODING = "turn off compression at the provider, or at the proxy before it"


class Failures:
    """Names the failures of one provider; `host` is named in them, its credential never."""

    def __init__(self, name: str, host: str) -> None:
        self._name = name
        self._host = host

    def unanswered(self, error: HTTPError) -> ProviderError:
        """No answer began."""
        if isinstance(error, ReadTimeout):
            return self._error(ProviderTimeout, f"did not answer in time: {error}", _FIX_TIME)
        if isinstance(error, ProtocolError):
            return self._error(ProviderError, f"sent no valid answer: {error}", _FIX_URL)
        if isinstance(error, ConnectError):
            return self._error(ProviderUnavailable, f"could not be reached: {error}", _FIX_URL)
        return self._error(ProviderUnavailable, f"hung up: {error}", "retry the call")

    def cut_off(self, error: HTTPError) -> ProviderError:
        """An answer began and did not end as it should."""
        if isinstance(error, ReadTimeout):
            return self._error(ProviderTimeout, f"did not finish its answer: {error}", _FIX_TIME)
        return self._error(ProviderError, f"broke off its answer: {error}", "retry the call")

    def refusal(self, response: UpstreamResponse) -> ProviderError | None:
        """The error for an answer that would mislead if it were passed on.

        Its field `answered` is the provider's own status.
        """
        status = response.status
        if status == 401:
            what = "refused Trimtab's credential (HTTP 401)"
            return self._error(ProviderError, what, _FIX_KEY, answered=status)
        if 300 <= status < 400:
            what = f"answered with a redirect (HTTP {status})"
            return self._error(ProviderError, what, _FIX_REDIRECT, answered=status)
        coding = response.headers.get("content-encoding")
        if coding is not None and coding.strip().lower() != "identity":
            what = "compressed its answer although it was asked not to"
            return self._error(ProviderError, what, _FIX_CODING, answered=status)
        return None

    def _error(
        self, kind: type[ProviderError], what: str, fix: str, *, answered: int | None = None
    ) -> ProviderError:
        facts = {} if answered is None else {"answered": answered}
        return kind(
            f"the provider {self._name} {what}",
            where=self._host,
            fix=fix.format(name=self._name),
            provider=self._name,
            host=self._host,
            **facts,
        )
