"""The SDKs themselves, aimed at a server with nothing but their URL and key, read back from it.

Their environments come from `make sdks`, in the folder that TRIMTAB_SDKS names (`.sdks` of the
repository without it). Without them a test is skipped with the reason; with CI or
TRIMTAB_REQUIRE_SDKS set it fails instead.
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
    return installed(REPOSITORY / (os.environ.get("TRIMTAB_SDKS") or ".sdks"))


def installed(folder: Path) -> Path:
    """The folder, where every environment in it is as its pins say."""
    missing = sorted(
        name for name in {sdk.environment for sdk in ALL.values()} if _is_old(folder, name)
    )
    if not missing:
        return folder
    reason = f"{', '.join(missing)} not in {folder}, or with other pins; run: make sdks"
    if os.environ.get("CI") or os.environ.get("TRIMTAB_REQUIRE_SDKS"):
        pytest.fail(reason)
    pytest.skip(reason)


def _is_old(folder: Path, name: str) -> bool:
    """Whether what is there, if anything, is not what `dev/sdks` asks for."""
    pins = folder / name / ".pins"
    wanted = REPOSITORY / "dev" / "sdks" / f"{name}.txt"
    return not pins.is_file() or pins.read_bytes() != wanted.read_bytes()


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


@pytest.mark.parametrize("variable", ["CI", "TRIMTAB_REQUIRE_SDKS", None])
def test_environments_that_are_missing_are_no_reason_to_skip_where_they_are_required(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str | None
) -> None:
    for name in ("CI", "TRIMTAB_REQUIRE_SDKS"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(variable, "1")
    (tmp_path / "opik").mkdir()
    (tmp_path / "opik" / ".pins").write_text("opik==0.1")
    outcome = pytest.fail.Exception if variable else pytest.skip.Exception
    with pytest.raises(
        outcome, match=r"langfuse2, mlflow, oldotel, opik, otel not in .* make sdks"
    ):
        installed(tmp_path)
