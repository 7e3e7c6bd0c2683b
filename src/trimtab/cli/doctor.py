"""`trimtab doctor`: what works here, what does not, and what to do about it.

Looks at this machine, the configuration and the data directory; writes one probe file where data
already is and removes it, opens telemetry that no server has to read only, calls no server but asks
whether one runs.
"""

from __future__ import annotations

import os
import platform
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, NamedTuple

import click
import msgspec

from trimtab.cli.failures import printable
from trimtab.cli.options import config_options, load_config
from trimtab.cli.output import emit, json_option
from trimtab.cli.supply_chain import CHAIN_NAMES, supply_chain_options
from trimtab.cli.supply_chain import check as check_supply_chain
from trimtab.cli.version import installed
from trimtab.config import Config, Loaded, require_safe
from trimtab.errors import TrimtabError
from trimtab.kit.datadir import running_server
from trimtab.version import __version__

_OLDEST_PYTHON = (3, 11)
_LITTLE_SPACE_BYTES = 1024**3
_NO_SPACE_BYTES = 100 * 1024**2
_CLOCK_SKEW_S = 5.0
_EARLIEST_S = 1_767_225_600  # 2026-01-01: no machine that runs this version lives before it.
_SHORT_KEY = 16
_FILES_PER_REQUEST = 2
_FILES_BESIDES = 128


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing looked at; `fix` says what to do when it is not in order."""

    name: str
    status: Literal["ok", "warn", "fail"] = "ok"
    what: str
    fix: str | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    ok: bool
    checks: tuple[Check, ...]

    def text(self) -> str:
        width = max(len(check.name) for check in self.checks)
        lines = []
        for check in self.checks:
            lines.append(f"{check.status:<5} {check.name:<{width}}  {printable(check.what)}")
            if check.fix:
                lines.append(f"{'':<{width + 8}}fix: {printable(check.fix)}")
        count = dict.fromkeys(("ok", "warn", "fail"), 0)
        for check in self.checks:
            count[check.status] += 1
        return "\n".join([*lines, f"{count['ok']} ok, {count['warn']} warn, {count['fail']} fail"])


class Extra(NamedTuple):
    """An optional dependency: the distribution behind it, and the setting that may need it."""

    name: str
    distribution: str
    setting: str
    needed: Callable[[Config], bool]


_EXTRAS = (
    Extra("aiohttp", "aiohttp", "upstream", lambda config: config.upstream == "aiohttp"),
    Extra(
        "clickhouse",
        "clickhouse-connect",
        "telemetry_url",
        lambda config: config.telemetry_url is not None,
    ),
    Extra("gepa", "gepa", "trimtab optimize --algo gepa", lambda _: False),
    Extra("grpc", "grpcio", "grpc_port", lambda config: config.grpc_port is not None),
    Extra("onnx", "onnxruntime", "the scorers bertscore and nli", lambda _: False),
    Extra(
        "postgres",
        "psycopg",
        "metadata_url",
        lambda config: not str(config.metadata_url or "sqlite").startswith("sqlite"),
    ),
    Extra("valkey", "redis", "valkey_url", lambda config: config.valkey_url is not None),
    Extra(
        "vertex",
        "google-auth",
        "providers[].credentials.key_file",
        lambda config: any("key_file" in provider.credentials for provider in config.providers),
    ),
    Extra("wandb", "wandb", "runs exported to Weights & Biases", lambda _: False),
)

Probe = Callable[[Loaded], Iterator[Check]]


@click.command()
@config_options
@json_option
@supply_chain_options
def command(as_json: bool, supply_chain: bool, **flags: Any) -> None:
    """Check this machine, the configuration and the data directory.

    Exits 0 when nothing fails (a warning is no failure), 1 otherwise. With --supply-chain: 0 for
    clean, 1 for a known vulnerability or a dangerous file, 3 where something is unknown.
    """
    chain = {name: flags.pop(name) for name in CHAIN_NAMES}
    if supply_chain:
        click.get_current_context().exit(check_supply_chain(**chain, as_json=as_json))
    if any(chain[name] for name in CHAIN_NAMES if name != "osv"):
        raise click.UsageError("add --supply-chain: the other options say what it checks")
    report = examine(lambda: load_config(flags))
    emit(report, as_json, text=report.text)
    click.get_current_context().exit(0 if report.ok else 1)


def examine(load: Callable[[], Loaded]) -> Report:
    """Run every check; those that need a configuration only when there is a valid one."""
    checks = [_python(), _platform()]
    try:
        loaded = load()
    except TrimtabError as error:
        fix = error.fix or "see: trimtab config show"
        where = f" (at {error.where})" if error.where else ""
        checks.append(Check(name="config", status="fail", what=f"{error.what}{where}", fix=fix))
    else:
        for probe in _PROBES:
            checks += _supervised(probe, loaded)
    return Report(ok=all(check.status != "fail" for check in checks), checks=tuple(checks))


def _supervised(probe: Probe, loaded: Loaded) -> list[Check]:
    """A check that breaks is a finding, not the end of the others."""
    name = probe.__name__.strip("_").replace("_", "-")
    try:
        return list(probe(loaded))
    except TrimtabError as error:
        return [Check(name=name, status="fail", what=error.what, fix=error.fix)]
    except Exception as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        return [Check(name=name, status="fail", what=f"could not be checked: {reason}")]


def _python() -> Check:
    found = f"{platform.python_version()} ({platform.python_implementation()})"
    major, minor, _ = platform.python_version_tuple()
    if (int(major), int(minor)) >= _OLDEST_PYTHON:
        return Check(name="python", what=found)
    return Check(name="python", status="fail", what=found, fix="use Python 3.11 or newer")


def _platform() -> Check:
    found = f"{platform.system()} {platform.release()} {platform.machine()}"
    if platform.system() in ("Linux", "Darwin"):
        return Check(name="platform", what=found)
    fix = "run it on Linux or macOS; elsewhere it is not tested"
    return Check(name="platform", status="warn", what=found, fix=fix)


def _installation(_: Loaded) -> Iterator[Check]:
    try:
        import_module("trimtab.app")
    except ImportError as error:
        what = f"a part of the server cannot be loaded: {error.name}"
        fix = "run: pip install --force-reinstall trimtab"
        yield Check(name="installation", status="fail", what=what, fix=fix)
    else:
        yield Check(name="installation", what=f"trimtab {__version__}, every part can be loaded")


def _config(loaded: Loaded) -> Iterator[Check]:
    what = f"{loaded.path} is valid" if loaded.path else "no file: defaults and environment"
    yield Check(name="config", what=what)
    if loaded.unknown_variables:
        yield Check(
            name="config",
            status="warn",
            what=f"not settings: {', '.join(loaded.unknown_variables)}",
            fix="unset them if they were meant to be settings: trimtab config show",
        )


def _secrets(loaded: Loaded) -> Iterator[Check]:
    keys = ", ".join(loaded.literal_secrets)
    if keys and loaded.path:
        yield Check(
            name="secrets",
            status="warn",
            what=f"written in {loaded.path.name}: {keys}",
            fix="keep them in the environment and write ${NAME} in the file",
        )
        if loaded.path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
            what = f"{loaded.path.name} holds secrets and others can read it"
            fix = f"chmod 600 {loaded.path}"
            yield Check(name="secrets", status="warn", what=what, fix=fix)
    for key in loaded.config.access.keys:
        if len(key.key.reveal()) < _SHORT_KEY:
            what = f"the access key {key.name} is shorter than {_SHORT_KEY} characters"
            fix = "make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
            yield Check(name="secrets", status="warn", what=what, fix=fix)
    if not keys:
        yield Check(name="secrets", what="none written in a file")


def _access(loaded: Loaded) -> Iterator[Check]:
    require_safe(loaded.config)
    count = len(loaded.config.access.keys)
    who = f"{count} keys" if count else "this machine only, without a key"
    yield Check(name="access", what=who)


def _data(loaded: Loaded) -> Iterator[Check]:
    data = Path(loaded.config.data)
    if not data.exists():
        yield _creatable(data)
    else:
        yield _writable(data)
        if data.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            what = f"other users can look into {data}, where prompts and answers are"
            yield Check(name="data", status="warn", what=what, fix=f"chmod 700 {data}")
    yield _space(data)


def _creatable(data: Path) -> Check:
    parent = _existing(data)
    if parent.is_dir() and os.access(parent, os.W_OK | os.X_OK):
        return Check(name="data", what=f"{data} does not exist yet and can be created")
    fix = "name another directory with --data"
    return Check(name="data", status="fail", what=f"{data} cannot be created", fix=fix)


def _writable(data: Path) -> Check:
    try:
        with tempfile.NamedTemporaryFile(dir=data, prefix=".doctor-") as probe:
            probe.write(b"trimtab")
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        what = f"{data} cannot be written: {error.strerror}"
        fix = "name a directory that you can write to with --data"
        return Check(name="data", status="fail", what=what, fix=fix)
    return Check(name="data", what=f"{data} can be written, and syncs to disk")


def _space(data: Path) -> Check:
    free = shutil.disk_usage(_existing(data)).free
    what = f"{free / 1024**3:.1f} GiB free"
    fix = "free some space, or name a directory on another disk with --data"
    if free < _NO_SPACE_BYTES:
        return Check(name="disk", status="fail", what=what, fix=fix)
    if free < _LITTLE_SPACE_BYTES:
        return Check(name="disk", status="warn", what=what, fix=fix)
    return Check(name="disk", what=what)


def _existing(path: Path) -> Path:
    """The nearest folder above a path that is there."""
    path = path.absolute()
    return next(one for one in (path, *path.parents) if one.exists())


def _server(loaded: Loaded) -> Iterator[Check]:
    server = running_server(Path(loaded.config.data))
    what = "none is running on this data directory"
    if server is not None:
        what = f"process {server.pid} (trimtab {server.version}) answers at {server.url}"
    yield Check(name="server", what=what)


def _payloads(loaded: Loaded) -> Iterator[Check]:
    """Whether the pack files are as long as the database says; a server says so at its start."""
    from trimtab.app import short_files

    data = Path(loaded.config.data)
    if running_server(data) is not None or not (data / "telemetry.duckdb").exists():
        return
    short = short_files(loaded.config)
    for file in short:
        had = f"has {file.size_bytes} bytes of" if file.size_bytes else "is missing or empty, of"
        what = f"{file.path} {had} {file.expected_bytes}: payloads are lost"
        fix = "restore it from a backup; what else is recorded can still be read"
        yield Check(name="payloads", status="fail", what=what, fix=fix)
    if not short:
        yield Check(name="payloads", what="the files of payloads are as long as they should be")


def _port(loaded: Loaded) -> Iterator[Check]:
    config = loaded.config
    server = running_server(Path(config.data))
    if server is not None and server.url.rstrip("/").endswith(f":{config.port}"):
        yield Check(name="port", what=f"{config.port} is used by that server")
        return
    from trimtab.api.serving import listen

    with listen(config.host, config.port):
        yield Check(name="port", what=f"{config.host} port {config.port} is free")


def _extras(loaded: Loaded) -> Iterator[Check]:
    for extra in _EXTRAS:
        version = installed(extra.distribution)
        name = f"[{extra.name}]"
        install = f"pip install 'trimtab[{extra.name}]'"
        if version:
            yield Check(name=name, what=f"{extra.distribution} {version}")
        elif extra.needed(loaded.config):
            what = f"not installed, and {extra.setting} needs it"
            yield Check(name=name, status="fail", what=what, fix=f"run: {install}")
        else:
            yield Check(name=name, what=f"not installed (optional; {install})")


def _corpora(loaded: Loaded) -> Iterator[Check]:
    for corpus in loaded.config.corpora:
        folder = Path(corpus.path)
        if next(folder.rglob("*.md"), None) is None:
            what = f"no Markdown file under {folder}"
            fix = f"correct the path of the corpus {corpus.name}, or remove it"
            yield Check(name="corpora", status="fail", what=what, fix=fix)
        else:
            yield Check(name="corpora", what=f"{corpus.name}: {folder}")


def _clock(_: Loaded) -> Iterator[Check]:
    now_s = time.time()
    fix = "set the clock, for instance with NTP"
    if now_s < _EARLIEST_S:
        what = f"the year is {time.gmtime(now_s).tm_year}: spans would be misdated"
        yield Check(name="clock", status="fail", what=what, fix=fix)
        return
    with tempfile.NamedTemporaryFile() as probe:
        skew_s = abs(os.fstat(probe.fileno()).st_mtime - now_s)
    if skew_s > _CLOCK_SKEW_S:
        what = f"files are dated {skew_s:.0f} s away from the clock"
        yield Check(name="clock", status="warn", what=what, fix=fix)
    else:
        yield Check(name="clock", what=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_s)))


def _open_files(loaded: Loaded) -> Iterator[Check]:
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = _FILES_PER_REQUEST * loaded.config.limits.concurrency + _FILES_BESIDES
    if soft != resource.RLIM_INFINITY and soft < needed:
        what = f"{soft} may be open at once; {loaded.config.limits.concurrency} requests may need"
        yield Check(
            name="open-files", status="warn", what=f"{what} {needed}", fix=f"ulimit -n {needed}"
        )
    else:
        yield Check(name="open-files", what=f"up to {soft}; {needed} may be needed")


_PROBES: tuple[Probe, ...] = (
    _installation,
    _config,
    _secrets,
    _access,
    _data,
    _server,
    _payloads,
    _port,
    _extras,
    _corpora,
    _clock,
    _open_files,
)
