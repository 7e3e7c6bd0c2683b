"""`trimtab run -- python app.py`: the program as it is, recorded."""

from __future__ import annotations

import os
import shutil
import sys

import click

from trimtab.errors import NotFound
from trimtab.sdk import inject


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--url", help="A server's URL, or leave it to the environment.")
@click.option("--key", help="Credential.  [default: $TRIMTAB_KEY]")
@click.option("--service", metavar="NAME", help="What the program is called.")
@click.option("--environment", metavar="NAME", help="Where it runs, such as production.")
@click.argument("program", nargs=-1, required=True, type=click.UNPROCESSED)
def command(
    url: str | None,
    key: str | None,
    service: str | None,
    environment: str | None,
    program: tuple[str, ...],
) -> None:
    """Run PROGRAM with its arguments and record what it does with models; its code is untouched.

    PROGRAM is `python app.py`, `app.py`, `-m module` or a command such as `uvicorn app:app`. It
    replaces this process: signals reach it and its exit code is the exit code. Python programs that
    it starts are recorded as well.
    """
    words = _command_line(list(program))
    found = shutil.which(words[0])
    if found is None:
        raise NotFound(
            f"there is no program {words[0]!r}",
            where="PROGRAM",
            fix="name one that is installed, for example: trimtab run -- python app.py",
        )
    given = {"TRIMTAB_URL": url, "TRIMTAB_KEY": key, "OTEL_SERVICE_NAME": service}
    env = os.environ | {name: value for name, value in given.items() if value}
    if environment:
        _add(env, "OTEL_RESOURCE_ATTRIBUTES", f"deployment.environment.name={environment}", ",")
    _add(env, "PYTHONPATH", inject.directory(), os.pathsep)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(found, words, env)


def _command_line(words: list[str]) -> list[str]:
    """The program as it is started: modules and scripts by this Python.

    >>> _command_line(["uvicorn", "app:app"])
    ['uvicorn', 'app:app']
    """
    if words[0] == "-m" or (words[0].endswith(".py") and not os.access(words[0], os.X_OK)):
        return [sys.executable, *words]
    return words


def _add(env: dict[str, str], name: str, value: str, separator: str) -> None:
    """Put a value in front of those the variable holds."""
    env[name] = separator.join(filter(None, (value, env.get(name))))
