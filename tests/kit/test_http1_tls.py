from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import pytest
from tests.kit.http1_session import OK
from tests.loops import LOOPS, run_on
from tests.upstream import STREAM_HEAD, Upstream, chunked, cut

from trimtab.kit.http1 import ClientSettings, ConnectError, Disconnected, HTTP1Client


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a self-signed certificate for `localhost`, not for 127.0.0.1, in one file."""
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    arguments = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
    ]
    subprocess.run(
        [*arguments, "-keyout", key, "-out", certificate], check=True, capture_output=True
    )
    both = folder / "both.pem"
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    return both


@pytest.fixture
def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.mark.parametrize("loop", LOOPS)
def test_a_trusted_server_is_called_over_one_encrypted_connection(
    loop: str, certificate: Path, server_context: ssl.SSLContext
) -> None:
    async def test() -> None:
        async with Upstream(handler=lambda _: OK, ssl_context=server_context) as upstream:
            trusting = ssl.create_default_context(cafile=certificate)
            client = HTTP1Client(ClientSettings(ssl_context=trusting))
            url = f"https://localhost:{upstream.port}/"
            for _ in range(5):
                response = await client.request("POST", url, body=b"x" * 100_000)
                assert await response.read() == b"ok"
            assert upstream.accepted == 1
            assert {len(request.body) for request in upstream.requests} == {100_000}
            upstream.play([STREAM_HEAD, *chunked(b"half"), cut])
            with pytest.raises(Disconnected):
                await (await client.request("GET", url)).read()
            await client.aclose()

    run_on(loop, test)


@pytest.mark.parametrize("loop", LOOPS)
def test_certificates_are_checked_unless_told_whom_to_trust(
    loop: str, certificate: Path, server_context: ssl.SSLContext
) -> None:
    async def test() -> None:
        async with Upstream(handler=lambda _: OK, ssl_context=server_context) as upstream:
            unknown_issuer = HTTP1Client()
            with pytest.raises(ConnectError, match="certificate"):
                await unknown_issuer.request("GET", f"https://localhost:{upstream.port}/")
            await unknown_issuer.aclose()

            other_host = HTTP1Client(
                ClientSettings(ssl_context=ssl.create_default_context(cafile=certificate))
            )
            with pytest.raises(ConnectError, match="certificate"):
                await other_host.request("GET", f"https://127.0.0.1:{upstream.port}/")
            await other_host.aclose()
            assert upstream.requests == []

    run_on(loop, test)
