"""Private database servers for the tests: started from their own binaries, stopped by process id.

Each fixture starts one server per test process, on a free loopback port and a directory of its own,
and yields a URL. Without the binary a test is skipped with the reason; with CI or
TRIMTAB_REQUIRE_SERVICES set it fails instead.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Never
from urllib.parse import urlsplit
from urllib.request import urlopen
from uuid import uuid4

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

START_TIMEOUT_S = 60.0
_ROOMY_BYTES = 2 * 1024**3
STOP_TIMEOUT_S = 30.0
PASSWORD = "correct-horse"  # long enough to be searched for in every error and repr


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server of our own; its `postgres` database, as a superuser."""
    with _directory(_unprivileged(), within=_in_memory()) as home:
        _initdb(home)
        with _started(_postgres_command(home), home=home, ready=_postgres_ready) as port:
            yield f"postgresql://trimtab:{PASSWORD}@127.0.0.1:{port}/postgres"


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[str]:
    """An empty database on that server, dropped afterwards."""
    with postgres_database_of(postgres_url) as url:
        yield url


@contextlib.contextmanager
def postgres_database_of(postgres_url: str, like: str = "template1") -> Iterator[str]:
    """The same as a copy of another database, to which nobody is connected."""
    name = f"t{uuid4().hex}"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {like}")
    yield postgres_url.rsplit("/", 1)[0] + f"/{name}"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def clickhouse_url() -> Iterator[str]:
    """The ClickHouse engine in a process of its own, behind its HTTP protocol."""
    if importlib.util.find_spec("chdb") is None:
        _unavailable("chdb is not installed; run: pip install chdb")
    program = Path(__file__).parent / "clickhouse.py"
    with _directory(None) as home:

        def command(port: int) -> list[str]:
            return [
                *(sys.executable, str(program), "--port", str(port)),
                *("--data", str(home), "--password", PASSWORD),
            ]

        with _started(command, home=home, ready=_clickhouse_ready) as port:
            yield f"clickhouse://default:{PASSWORD}@127.0.0.1:{port}"


@pytest.fixture
def clickhouse_database(clickhouse_url: str) -> Iterator[str]:
    """An empty database there, dropped afterwards."""
    with clickhouse_database_of(clickhouse_url) as url:
        yield url


@contextlib.contextmanager
def clickhouse_database_of(clickhouse_url: str) -> Iterator[str]:
    """The same for tests that share one."""
    import clickhouse_connect

    name = f"t{uuid4().hex}"
    parts = urlsplit(clickhouse_url)
    with clickhouse_connect.get_client(
        host=parts.hostname, port=parts.port, username=parts.username, password=PASSWORD
    ) as admin:
        admin.command(f"CREATE DATABASE {name}")
        yield f"{clickhouse_url}/{name}"
        admin.command(f"DROP DATABASE {name} SYNC")


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis (or Valkey) server of our own, in memory only."""
    binary = _binary("redis-server", "valkey-server")
    with _directory(None) as home:

        def command(port: int) -> list[str]:
            return [
                *(str(binary), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(home)),
                *("--requirepass", PASSWORD, "--save", "", "--appendonly", "no"),
            ]

        with _started(command, home=home, ready=_redis_ready) as port:
            yield f"redis://:{PASSWORD}@127.0.0.1:{port}/0"


def _unprivileged() -> pwd.struct_passwd | None:
    """Who runs PostgreSQL, which refuses to run as root; None for ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    return _unavailable("PostgreSQL cannot run as root and there is no user postgres or nobody")


def _binary(*names: str) -> Path:
    """The first of these programs found on PATH or where Debian keeps PostgreSQL's."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    path = os.pathsep.join([os.environ.get("PATH", ""), *map(str, debian)])
    for name in names:
        if found := shutil.which(name, path=path):
            return Path(found)
    return _unavailable(f"{' or '.join(names)} is not installed; run: make services")


def _unavailable(reason: str) -> Never:
    if os.environ.get("CI") or os.environ.get("TRIMTAB_REQUIRE_SERVICES"):
        pytest.fail(reason)
    pytest.skip(reason)


def _in_memory() -> Path | None:
    """Where files are in memory and there is room: a database of PostgreSQL is a thousand of them,
    and each test has its own."""
    memory = Path("/dev/shm")
    roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free >= _ROOMY_BYTES
    return memory if roomy else None


@contextlib.contextmanager
def _directory(owner: pwd.struct_passwd | None, *, within: Path | None = None) -> Iterator[Path]:
    """A short path (UNIX socket names are limited to 107 bytes) that `owner` may enter."""
    home = Path(tempfile.mkdtemp(prefix="trimtab-", dir=within))
    if owner:
        os.chown(home, owner.pw_uid, owner.pw_gid)
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _as_owner(home: Path) -> dict[str, Any]:
    """Popen arguments that run a program as the owner of its directory."""
    owner = home.stat()
    if owner.st_uid == os.geteuid():
        return {}
    return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}


def _initdb(home: Path) -> None:
    initdb = _binary("initdb")
    with tempfile.NamedTemporaryFile("w", dir=home) as secret:
        secret.write(PASSWORD)
        secret.flush()
        os.chown(secret.name, home.stat().st_uid, home.stat().st_gid)
        subprocess.run(
            [
                *(initdb, "--pgdata", home / "data", "--username", "trimtab", "--no-sync"),
                *("--auth", "scram-sha-256", "--pwfile", secret.name),
                *("--encoding", "UTF8", "--locale", "C.UTF-8"),
            ],
            check=True,
            capture_output=True,
            cwd=home,
            **_as_owner(home),
        )


def _postgres_command(home: Path) -> Callable[[int], list[str]]:
    postgres = _binary("postgres")
    settings = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": str(home),
        "max_connections": "200",
        # A crash of the machine is not what these tests try; a crash of the client is.
        "fsync": "off",
        "full_page_writes": "off",
        "shared_buffers": "32MB",
    }
    options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    return lambda port: [str(postgres), "-D", str(home / "data"), "-p", str(port), *options]


def _postgres_ready(port: int) -> bool:
    url = f"postgresql://trimtab:{PASSWORD}@127.0.0.1:{port}/postgres"
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _clickhouse_ready(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/ping", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _redis_ready(port: int) -> bool:
    once = Retry(NoBackoff(), 0)
    with redis.Redis(host="127.0.0.1", port=port, password=PASSWORD, retry=once) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False


@contextlib.contextmanager
def _started(
    command: Callable[[int], list[str]], *, home: Path, ready: Callable[[int], bool]
) -> Iterator[int]:
    """Run a server until the block ends; yields its port.

    Between finding a free port and listening on it another process may take it, so a server that
    exits at once is tried again on another port.
    """
    with (home / "server.log").open("wb") as log:
        for _ in range(3):
            port = _free_port()
            server = subprocess.Popen(
                command(port), stdout=log, stderr=log, cwd=home, **_as_owner(home)
            )
            try:
                if _answers(server, port, ready):
                    yield port
                    return
            finally:
                _stop(server)
    pytest.fail(f"a test server did not start: {(home / 'server.log').read_text()[-2000:]}")


def _answers(server: subprocess.Popen[bytes], port: int, ready: Callable[[int], bool]) -> bool:
    deadline = time.monotonic() + START_TIMEOUT_S
    while server.poll() is None and time.monotonic() < deadline:
        if ready(port):
            return True
        time.sleep(0.02)
    return False


def _stop(server: subprocess.Popen[bytes]) -> None:
    """SIGINT is a fast shutdown for PostgreSQL and a clean one for Redis."""
    if server.poll() is None:
        server.send_signal(2)
    try:
        server.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
