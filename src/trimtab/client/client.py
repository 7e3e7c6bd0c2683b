"""The client: every noun of the API in one."""

from __future__ import annotations

from trimtab.client.asking import Asking
from trimtab.client.datasets import Datasets
from trimtab.client.judges import Judges
from trimtab.client.plans import Plans
from trimtab.client.runs import Runs
from trimtab.client.traces import Traces


class Client(Asking, Traces, Datasets, Runs, Plans, Judges):
    """Talks to one server over kept connections; safe to share between threads.

    Use it as a context manager, or `close` it, to end the connections; they end with it anyway.

    Args:
        url: where the server listens.
        key: sent as a bearer token; not needed in local mode.
        timeout_s: for each read and write on the connection.
    Raises:
        InvalidRequest: the URL or the key cannot be one.

    >>> Client("http://127.0.0.1:8321").url
    'http://127.0.0.1:8321'
    """
