"""The `trimtab` command: one thin module per noun, loaded when it is called.

Data goes to standard output, progress and errors to standard error; nothing asks a question. No
command knows a database or an adapter: what is stored is asked of the running server.
"""

from trimtab.cli.shell import main

__all__ = ["main"]
