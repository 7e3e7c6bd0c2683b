"""The outermost command: global options, the table of sub-commands, and what comes of an error.

A sub-command's module (`trimtab.cli.<name>`, attribute `command`) is imported when it is called;
the help text comes from the table here, so that `trimtab --help` imports nothing else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

from trimtab.cli import failures
from trimtab.errors import TrimtabError
from trimtab.version import __version__

SECTIONS: dict[str, dict[str, str]] = {
    "Run": {
        "serve": "Run the gateway, the store and the API in one process.",
        "demo": "Run the whole loop on a support bot, offline.",
        "run": "Run a Python program and record what it does with models.",
        "status": "Show the running server and its figures.",
    },
    "Observe": {
        "traces": "List, show, follow, export, import and erase recorded calls.",
        "sessions": "List conversations with their figures.",
        "users": "List users with their figures.",
        "metrics": "Add up recorded calls by a field, or over time.",
        "sql": "Answer one SELECT over recorded calls and scores.",
        "scores": "List judgements of calls and examples.",
    },
    "Improve": {
        "datasets": "Create, look at, compare, split and export datasets.",
        "prompts": "List, label, check, compare and preview prompts; push and pull them as files.",
        "plans": "Check, run, resume and replay flows of several steps.",
        "play": "Try prompts and models side by side, streamed, with figures.",
        "releases": "List, create, approve, try, promote and roll back releases.",
        "ship": "Evaluate, gate, try and promote the release that a file declares.",
        "probes": "Notice that a provider changed the model behind a name.",
        "runs": "List and show experiments and their results.",
        "eval": "Run evaluations: suites of files, or a release over a dataset; and gate them.",
        "redteam": "Attack a route, release or model, and gate what got through.",
        "scorers": "List and explain the built-in scorers.",
        "judge": "List judges, and measure how far one can be believed.",
        "compare": "Compare two runs, with intervals and a verdict.",
        "optimize": "Search for a better version of a prompt within a budget, and prove it.",
    },
    "Govern": {
        "guard": "Scan texts; try, calibrate and promote the policies of guards.",
        "keys": "Issue, list, rotate and disable virtual keys, and explain their budgets.",
        "allowances": "List, set and delete what may be spent and asked.",
        "models": "List, approve and withdraw the models that may be used.",
        "routes": "List, show, put and delete routes.",
        "cache": "Empty the cache of answers.",
        "spend": "Show what projects, teams, users and keys spent.",
        "audit": "List who changed what, and when.",
    },
    "Set up": {
        "config": "Show and check the configuration.",
        "admin": "Compact the store, copy it while it is in use, or move it.",
        "doctor": "Check this machine, the configuration and the data directory.",
        "version": "Show the version of Trimtab and of what it runs on.",
    },
}
COMMANDS = {name: text for section in SECTIONS.values() for name, text in section.items()}
ALIASES = {"optimise": "optimize"}
_COMPLETION = "_TRIMTAB_COMPLETE"


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        cmd_name = ALIASES.get(cmd_name, cmd_name)
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        command: click.Command = import_module(f"trimtab.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        names = self.list_commands(ctx)
        if args[0] not in (*names, *ALIASES) and not ctx.resilient_parsing:
            raise click.UsageError(failures.unknown_command(args[0], names), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, self.list_commands(ctx)))
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:<{width}}", text) for name, text in commands.items()])

    def main(  # type: ignore[override]  # click's has overloads for standalone_mode
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> int:
        """Run a command line and exit with its code (or return it, not in standalone mode)."""
        name = prog_name or "trimtab"
        instruction = os.environ.get(complete_var or _COMPLETION)
        if instruction:
            from click.shell_completion import shell_complete

            sys.exit(shell_complete(self, extra, name, complete_var or _COMPLETION, instruction))
        code = self._run(list(sys.argv[1:] if args is None else args), name, extra)
        if standalone_mode:
            sys.exit(code)
        return code

    def _run(self, args: list[str], name: str, extra: dict[str, Any]) -> int:
        as_json = "--json" in args
        try:
            with self.make_context(name, args, **extra) as ctx:
                self.invoke(ctx)
            sys.stdout.flush()
        except click.exceptions.Exit as done:
            return done.exit_code
        except BrokenPipeError:
            return failures.reader_gone()
        except (KeyboardInterrupt, click.Abort):
            return failures.interrupted()
        except TrimtabError as error:
            return failures.known(error, as_json=as_json)
        except click.ClickException as error:
            return failures.usage(error, as_json=as_json)
        except Exception as error:
            return failures.unexpected(error, as_json=as_json)
        return 0


@click.group(
    "trimtab",
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 ok, 1 gate or check failed, 2 usage or configuration, 3 inconclusive, "
    "4 server, provider or disk failed, 130 interrupted.",
)
@click.version_option(__version__, prog_name="trimtab", message="%(prog)s %(version)s")
@click.option(
    "--config",
    metavar="FILE",
    help="Configuration file.  [default: $TRIMTAB_CONFIG, else trimtab.yaml]",
)
@click.option("-q", "--quiet", is_flag=True, help="No progress and no notes on standard error.")
def root(**_: Any) -> None:
    """Trimtab: record, score, compare, gate and release what your models answer."""


def main(args: Sequence[str] | None = None) -> NoReturn:
    """The entry point of the `trimtab` command."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(root.main(args, standalone_mode=False))
