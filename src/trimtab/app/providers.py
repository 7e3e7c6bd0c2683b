"""What a configuration names: providers with their models and prices, and corpora."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from trimtab.config import Config, PriceEntry, ProviderEntry
from trimtab.kit.addresses import serves_metadata
from trimtab.kit.clock import SystemClock
from trimtab.kit.http1 import ClientSettings, HTTP1Client
from trimtab.models import Override, Prices
from trimtab.ports import Provider, Upstream
from trimtab.providers.extract import ExtractProvider
from trimtab.providers.kinds import KINDS
from trimtab.providers.wire import Account
from trimtab.records import ModelCard, Price, Retrieval, TieredPrice
from trimtab.retrieval.corpora import Corpora


def documentation() -> Path:
    """The folder of Trimtab's own documentation: inside the package, or beside a checkout's src."""
    package = Path(__file__).parents[1]
    installed = package / "docs"
    return installed if installed.is_dir() else package.parents[1] / "docs"


def corpora(config: Config) -> dict[str, Path]:
    folders = {corpus.name: Path(corpus.path) for corpus in config.corpora}
    return {"trimtab": documentation(), **folders}


def providers(
    config: Config, corpora: Corpora, clock: SystemClock, prices: Prices
) -> dict[str, Provider]:
    # Its index takes a third of a second of CPU, which few servers ever need.
    default = corpora.retriever(Retrieval(corpus="trimtab"), build=False)
    found: dict[str, Provider] = {"trimtab": ExtractProvider(default=default, clock=clock)}
    for entry in config.providers:
        found[entry.name] = _remote(entry, prices, clock, _upstream(config))
    return found


def _remote(
    entry: ProviderEntry, prices: Prices, clock: SystemClock, upstream: Upstream
) -> Provider:
    cards = tuple(
        ModelCard(
            id=f"{entry.name}/{model.id}",
            provider=entry.name,
            context_tokens=model.context_tokens,
            price=model.price
            or prices.lookup(model.id, entry.name, clock.now_ns())
            or prices.lookup(model.id, entry.kind, clock.now_ns()),
        )
        for model in entry.models
    )
    account = Account(
        name=entry.name,
        base_url=entry.base_url,
        api_key=entry.api_key.reveal() if entry.api_key else None,
        cards=cards,
        timeout_s=entry.timeout_s,
        api_version=entry.api_version,
        headers={name: value.reveal() for name, value in entry.headers.items()},
        speaks=entry.speaks,
        region=entry.region,
        project=entry.project,
        credentials={name: value.reveal() for name, value in entry.credentials.items()},
    )
    return KINDS[entry.kind](account, upstream)


def _upstream(config: Config) -> Upstream:
    settings = ClientSettings(allowed_address=_callable)
    if config.upstream == "http1":
        return HTTP1Client(settings)
    from trimtab.upstreams.aiohttp import AiohttpClient  # an extra

    return AiohttpClient(settings)


def _callable(address: str) -> bool:
    """Whether a provider's name may lead there: not to the credentials of this machine."""
    return not serves_metadata(address)


def prices(config: Config) -> Prices:
    """The shipped prices under those of the configuration."""
    return Prices.shipped().with_overrides(
        Override(
            model=entry.model,
            provider=entry.provider,
            since=date.fromisoformat(entry.since) if entry.since else None,
            price=_price(entry),
        )
        for entry in config.prices
    )


def _price(entry: PriceEntry) -> Price:
    if entry.above is None:
        return entry.price
    return TieredPrice.of(entry.price, above=entry.above.input_tokens, beyond=entry.above.price)
