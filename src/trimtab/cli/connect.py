"""A client for a command: of the server it names, of the one that runs, or of one just for it.

Only one process can have a data directory open, so a command talks to the running server where
there is one; where there is none it opens the directory itself, for as long as it takes, and lends
that server to the commands that come meanwhile.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
from msgspec.structs import replace

from trimtab.cli.lending import borrowed, lent
from trimtab.cli.options import config_option, data_option, load_config
from trimtab.cli.output import json_option
from trimtab.client import Client
from trimtab.config import Config
from trimtab.errors import NotFound

F = TypeVar("F", bound=Callable[..., Any])


def client_options(command: F) -> F:
    """`--url`, `--key`, `--data`, `--config` and `--json`: what a command that asks a server takes.

    The command gets `as_json` and the others as keywords, to pass on to `connected`.
    """
    for option in (
        json_option,
        click.option("--key", envvar="TRIMTAB_KEY", help="Credential.  [default: $TRIMTAB_KEY]"),
        click.option(
            "--url", envvar="TRIMTAB_URL", help="A server's URL.  [default: $TRIMTAB_URL]"
        ),
        data_option,
        config_option,
    ):
        command = option(command)
    return command


@contextmanager
def connected(flags: Mapping[str, Any]) -> Iterator[Client]:
    """A client by the command's `client_options`.

    Raises:
        NotFound: no server is named or runs, and there is no data directory to open.
    """
    from trimtab.kit import datadir

    if flags.get("url"):
        with Client(flags["url"], key=flags.get("key")) as client:
            yield client
        return
    # A running server has its own secrets; only a server of this process's own needs them here.
    config = load_config(flags, secrets=False).config
    data = Path(config.data)
    server = datadir.running_server(data)
    if server is not None:
        with (
            borrowed(data, server) as key,
            Client(server.url, key=key or flags.get("key")) as client,
        ):
            yield client
    elif data.is_dir():
        with _opened(load_config(flags).config) as client:
            yield client
    else:
        raise NotFound(
            f"no server runs and there is no data directory {config.data}",
            where="--data",
            fix="start one with `trimtab serve`, or name one with --url or --data",
        )


@contextmanager
def _opened(config: Config) -> Iterator[Client]:
    """Serve the directory on a free port, with a key that only this user's commands can know."""
    from trimtab.api import serving
    from trimtab.app import App
    from trimtab.governance.access import Access, Key
    from trimtab.kit import datadir

    listener = serving.listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with listener, datadir.acquire(Path(config.data), url=url, lends=True):
        secret = secrets.token_urlsafe(32)
        app = App.open(replace(config, workers=1))
        app.access = Access([Key.of("cli", secret, config.project, ["*"])], project=config.project)
        loop = asyncio.new_event_loop()
        stop = asyncio.Event()
        failures: list[Exception] = []

        def serve() -> None:
            try:
                loop.run_until_complete(serving.serve(app, listener, stop))
            except Exception as error:
                failures.append(error)
                listener.close()  # what waits for an answer learns that there will be none

        thread = threading.Thread(target=serve, name="trimtab-server")
        thread.start()
        try:
            with Client(url, key=secret) as client, lent(Path(config.data), url, secret):
                yield client
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join()
            loop.close()
            if failures:
                raise failures[0]
