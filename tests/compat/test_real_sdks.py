"""The SDKs themselves, aimed at a server with nothing but their URL and key, read back from it.

Their environments come from `dev/sdks/install.sh`, in the folder that TRIMTAB_SDKS names (`.sdks`
of the repository without it).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.compat import provider
from tests.compat.sdks import SDKS, SECRET, UNRECORDED, emit, python
from tests.compat.telling import Telling, Told
from tests.processes import serving
from tests.upstream import Upstream, upstream_in_thread

from trimtab.client import Client

pytestmark = pytest.mark.sdks

REPOSITORY = Path(__file__).parents[2]
ALL = {**SDKS, **UNRECORDED}


class Target(NamedTuple):
    """What the emitters are aimed at."""

    client: Client
    grpc_port: int
    upstream: Upstream


@pytest.fixture(scope="module")
def environments() -> Path:
    """Where the SDKs are installed; without them nothing here can run."""
    folder = Path(os.environ.get("TRIMTAB_SDKS") or REPOSITORY / ".sdks").absolute()
    missing = {s.environment for s in ALL.values() if not (folder / s.environment).is_dir()}
    if missing:
        reason = (
            f"no {', '.join(sorted(missing))} in {folder}; run: sh dev/sdks/install.sh {folder}"
        )
        if os.environ.get("CI") or os.environ.get("TRIMTAB_REQUIRE_SERVICES"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture(scope="module")
def target(environments: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A server that takes one key, over HTTP and gRPC, and the model provider."""
    home = tmp_path_factory.mktemp("real")
    config = home / "trimtab.yaml"
    config.write_text(f"access:\n  keys:\n    - {{name: sdks, key: {SECRET}}}\n")
    grpc_port = _free_port()
    given = ("--config", str(config), "--grpc-port", str(grpc_port))
    with (
        upstream_in_thread(handler=provider.answer) as upstream,
        serving(home / "data", *given) as server,
        Client(server.client.url, key=SECRET) as client,
    ):
        yield Target(client, grpc_port, upstream)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module", params=ALL)
def told(
    request: pytest.FixtureRequest,
    target: Target,
    environments: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Told:
    sdk = ALL[request.param]
    ids = emit(
        sdk,
        python(environments, sdk),
        url=target.client.url,
        grpc_port=target.grpc_port,
        provider_url=target.upstream.base_url,
        home=tmp_path_factory.mktemp("home"),
    )
    # A UUID is the same 128 bits, and MLflow puts a prefix before them.
    trace_id = ids["trace_id"].removeprefix("tr-").replace("-", "")
    return Told(sdk.name, target.client.get(f"/api/v1/traces/{trace_id}"))


class TestReal(Telling):
    """The story, told by every SDK."""
