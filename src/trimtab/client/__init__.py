"""Client: a running Trimtab from Python, over HTTP, with the standard library only.

Calls go in, plain JSON values come out; errors come back as the errors the server raised. It
imports nothing of the server.
"""

from trimtab.client.api import api_path
from trimtab.client.client import Client
from trimtab.client.connection import DEFAULT_URL

__all__ = ["DEFAULT_URL", "Client", "api_path"]
