"""The documentation names what exists, and what exists is in the documentation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import pytest
from tests.docs.pages import (
    PAGES,
    PROSE,
    README,
    ROOT,
    Block,
    anchors,
    blocks,
    command_lines,
    inline,
    links,
    prose,
)

from trimtab import errors
from trimtab.api import llm, otlp, prometheus
from trimtab.api.asgi import InternalError, MethodNotAllowed, RequestTimeout
from trimtab.api.frontdoors import langfuse, langsmith, mlflow, opik
from trimtab.api.http import Endpoint
from trimtab.api.inflate import UnsupportedMedia
from trimtab.api.table import TABLE
from trimtab.cli.shell import root
from trimtab.config.decode import known_settings
from trimtab.config.load import _NOT_SETTINGS
from trimtab.records.filter import FIELDS as FILTERED
from trimtab.records.principal import PERMISSIONS
from trimtab.records.run import RunStatus
from trimtab.records.score import ScoreSource, ScoreStatus, TargetKind
from trimtab.records.span import SpanKind, SpanStatus
from trimtab.scorers.arguments import FIELDS
from trimtab.scorers.registry import BUILT_IN

DOCS = {page.name: page.read_text("utf-8") for page in PAGES}
EVERYTHING = "\n".join(page.read_text("utf-8") for page in [*PAGES, README])
# Variables of other programs that the documentation uses as examples.
FOREIGN = {
    *("ACME_API_KEY", "SUPPORT_BOT_KEY", "PGPASSWORD", "OPENAI_API_KEY", "NAME", "NO_COLOR"),
    *("CLICKHOUSE_PASSWORD", "POSTGRES_PASSWORD"),
    *("AWS_ACCESS_KEY_ID", "AWS_BEARER_TOKEN_BEDROCK", "AWS_SECRET_ACCESS_KEY"),
    "GOOGLE_APPLICATION_CREDENTIALS",
}


def commands(group: click.Command, path: str = "") -> dict[str, click.Command]:
    """Every command, groups included, by its words."""
    found = {path: group}
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            child = group.get_command(context, name)
            assert child is not None
            found |= commands(child, f"{path} {name}".strip())
    return found


COMMANDS = commands(root)


# -- links -------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PROSE, ids=lambda page: page.name)
def test_every_link_inside_the_project_leads_somewhere(page: Path) -> None:
    for link in links(page):
        target, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", target):
            assert target.startswith(("http://127.0.0.1", "https://")), link
            continue
        path = (page.parent / target) if target else page
        assert path.exists(), f"{page.name}: {link}"
        if anchor:
            assert anchor in anchors(path), f"{page.name}: {link}"


@pytest.mark.parametrize("page", PROSE, ids=lambda page: page.name)
def test_every_file_that_is_named_exists(page: Path) -> None:
    for text in inline(page):
        if (
            re.fullmatch(r"(docs|examples|design|bench|tests|src)/[\w./-]*", text)
            and "NNN" not in text
        ):
            assert (ROOT / text).exists(), f"{page.name}: {text}"


# -- commands ----------------------------------------------------------------------------------


def checked(words: list[str], where: str) -> None:
    """A command line that starts with `trimtab` names commands and options that exist."""
    words = words[words.index("trimtab") + 1 :]
    if "--" in words:  # what follows is another program's
        words = words[: words.index("--")]
    path, command = "", COMMANDS[""]
    options = [one for one in words if one.startswith("-") and one != "-"]
    for word in words:
        if word.startswith("-") or not isinstance(command, click.Group):
            continue
        if re.fullmatch(r"[A-Z]+", word):
            break
        path = f"{path} {word}".strip()
        assert path in COMMANDS, f"{where}: there is no `trimtab {path}`"
        command = COMMANDS[path]
    known = {name for one in (command, COMMANDS[""]) for p in one.params for name in p.opts}
    for option in options:
        assert option.partition("=")[0] in known | {"--help", "-h"}, f"{where}: {path} {option}"


def test_every_command_and_option_in_a_sentence_exists() -> None:
    seen = 0
    for page in [*PAGES, README]:
        for text in inline(page):
            if re.match(r"(TRIMTAB_\w+=\S+ )*trimtab ", text):
                checked(text.split(), page.name)
                seen += 1
    assert seen > 60


def test_every_command_in_a_service_file_exists() -> None:
    lines = [line for block in blocks(PAGES, "ini") for line in block.text.splitlines()]
    started = [line.partition("=")[2].split() for line in lines if line.startswith("ExecStart=")]
    assert started
    for words in started:
        checked(["trimtab", *words[1:]], "ini")


@pytest.mark.parametrize("block", blocks([*PAGES, README], "sh"), ids=str)
def test_every_command_of_an_example_that_is_not_run_exists(block: Block) -> None:
    for words in command_lines(block):
        if words[0] == "trimtab":
            checked(words, str(block))


def test_every_option_in_a_sentence_is_an_option_of_some_command() -> None:
    known = {name for command in COMMANDS.values() for p in command.params for name in p.opts}
    for page in PAGES:
        for text in inline(page):
            if re.fullmatch(r"--[a-z-]+( [A-Z]+)?", text):
                assert text.split()[0] in known | {"--help"}, f"{page.name}: {text}"


def test_every_command_is_in_the_page_about_the_command_line() -> None:
    page = DOCS["cli.md"]
    listed = page.partition("## Commands")[2].partition("\n## ")[0]
    for path, command in COMMANDS.items():
        if path and not isinstance(command, click.Group):
            noun, _, verb = path.partition(" ")
            line = next((one for one in listed.splitlines() if f"`trimtab {noun}" in one), None)
            assert line is not None, f"`trimtab {path}` is not in docs/cli.md"
            assert not verb or f"`{verb}`" in line or f"trimtab {path}`" in line, path


def test_every_option_of_every_command_is_in_some_page() -> None:
    for path, command in COMMANDS.items():
        for parameter in command.params:
            if isinstance(parameter, click.Option) and parameter.name not in ("version", "verbose"):
                assert f"{parameter.opts[-1]}" in EVERYTHING, f"trimtab {path} {parameter.opts[-1]}"


# -- settings ----------------------------------------------------------------------------------


def variable(key: str) -> str:
    return "TRIMTAB_" + key.upper().replace(".", "__")


def test_every_environment_variable_that_is_named_is_read() -> None:
    known = {variable(key) for key in known_settings()} | _NOT_SETTINGS
    for page in [*PAGES, README]:
        for name in re.findall(r"\bTRIMTAB_\w+", page.read_text("utf-8")):
            assert name in known or name == "TRIMTAB_", f"{page.name}: {name}"


def test_every_variable_that_is_read_is_named() -> None:
    for name in _NOT_SETTINGS:
        assert f"`{name}" in EVERYTHING or f"{name}=" in EVERYTHING, name


def test_every_reference_to_the_environment_is_an_example_or_ours() -> None:
    for name in re.findall(r"\$\{(\w+)[:}]", "\n".join(DOCS.values())):
        assert name in FOREIGN, name


def test_every_setting_is_in_the_page_about_settings_and_none_that_is_not() -> None:
    page = prose(ROOT / "docs" / "configuration.md")
    leaves = {
        key
        for key in known_settings()
        if not any(k.startswith(f"{key}.") for k in known_settings())
    }
    for key in leaves:
        assert f"`{key}`" in page, f"{key} is not in docs/configuration.md"
    sections = {key.partition(".")[0] for key in known_settings()}
    for name, text in DOCS.items():
        for word in re.findall(r"`([a-z_]+\.[a-z_]+)`", text):
            if word.partition(".")[0] in sections and not word.endswith((".yaml", ".md", ".db")):
                assert word in known_settings(), f"{name}: {word}"


def test_the_defaults_that_are_named_are_the_defaults() -> None:
    from trimtab.config import Config, settings

    defaults: dict[str, Any] = settings(Config())
    page = DOCS["configuration.md"]
    assert f"`port` is the port to listen on, {defaults['port']} by default" in page
    assert f"`host` is the address to listen on, `{defaults['host']}` by default" in page
    assert f"`data` is the data directory, `{defaults['data']}` by default" in page
    limits = defaults["limits"]
    assert f"largest request body in bytes, {limits['body_bytes'] // 2**20} MiB by default" in page
    assert f"handled at a time, {limits['concurrency']} by default" in page
    assert f"when it stops, {limits['drain_s']:g} by default" in page
    assert f"in bytes, {limits['spool_bytes'] // 2**30} GiB by default" in page
    named = ", ".join(f"`{name}`" for name in defaults["scoring"]["scorers"][:-1])
    assert f"{named} and `{defaults['scoring']['scorers'][-1]}` by default" in page
    assert f"scored, {defaults['scoring']['sample']} by default" in page


# -- the API -----------------------------------------------------------------------------------


def shape(path: str) -> str:
    """A path whatever its parameters are called."""
    return re.sub(r"{\w+(?::path)?}", "{}", path.partition("?")[0])


PASSED_ON = {endpoint.path for endpoint in TABLE if endpoint.handler is llm.pass_on}
OURS = [one for one in TABLE if one.described and one.path not in PASSED_ON]
ROUTES = {(endpoint.method, shape(endpoint.path)) for endpoint in OURS}


def test_every_route_that_is_named_exists() -> None:
    seen = set()
    for page in [*PAGES, README]:
        for method, path in re.findall(r"`(GET|POST|DELETE|PUT|PATCH) (/[^`\s]*)`", prose(page)):
            assert (method, shape(path)) in ROUTES, f"{page.name}: {method} {path}"
            seen.add((method, shape(path)))
    assert seen == ROUTES, f"not in any page: {ROUTES - seen}"


FOREIGN_ROUTES = [
    *(langfuse.ENDPOINTS + langsmith.ENDPOINTS),
    *(opik.ENDPOINTS + mlflow.ENDPOINTS),
]
HOME = {id(endpoint): "otlp.md" for endpoint in otlp.ENDPOINTS} | {
    id(endpoint): "other-sdks.md" for endpoint in FOREIGN_ROUTES
}


def home(endpoint: Endpoint) -> str:
    """The page that a route is explained in."""
    return HOME.get(id(endpoint), "http-api.md")


@pytest.mark.parametrize("page", ["http-api.md", "otlp.md", "other-sdks.md"])
def test_every_route_is_in_the_page_about_its_protocol(page: str) -> None:
    named = re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/[^`\s]*)`", DOCS[page])
    found = {(method, shape(path)) for method, path in named}
    ours = {(one.method, shape(one.path)) for one in OURS if home(one) == page}
    assert ours <= found
    assert found <= ROUTES


def test_every_path_that_is_passed_on_is_in_the_page_about_the_gateway() -> None:
    section = DOCS["gateway.md"].partition("## Paths that are passed on")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(/v1/[a-z_]+)`", section))
    assert named == {path for path in PASSED_ON if "{" not in path}


def test_every_metric_is_in_the_page_about_the_gateway() -> None:
    page = DOCS["gateway.md"].partition("## Metrics")[2].partition("\n## ")[0]
    for name, _, _ in [*prometheus._COUNTERS, *prometheus._HISTOGRAMS]:
        assert f"`trimtab_gateway_{name}" in page, name


def test_every_query_parameter_is_in_the_page_about_its_route() -> None:
    for endpoint in TABLE:
        for name in endpoint.query:
            said = re.search(rf"`{name}`|\?{name}=|&{name}=", DOCS[home(endpoint)])
            assert said, f"{endpoint.path}: {name}"


def test_every_permission_is_in_the_page_about_access() -> None:
    page = DOCS["security-and-access.md"]
    for permission in {endpoint.permission for endpoint in TABLE} - {None}:
        assert f"`{permission}`" in page, permission


def test_every_permission_that_is_named_exists() -> None:
    permissions = {*PERMISSIONS, *(endpoint.permission for endpoint in TABLE)}
    nouns = {str(permission).partition(":")[0] for permission in permissions}
    for name, text in DOCS.items():
        for word in re.findall(r"[`\"]([a-z]+:[a-z*]+)[`\"]", text):
            noun, _, verb = word.partition(":")
            if verb != "verb" and noun not in {*FILTERED, "has"}:
                assert word in permissions or (noun in nouns and verb == "*"), f"{name}: {word}"


def test_every_header_that_is_named_is_one_of_ours() -> None:
    source = "".join(p.read_text("utf-8") for p in (ROOT / "src" / "trimtab").rglob("*.py"))
    headers = {"user", "session", "environment"}
    for page in PAGES:
        for name in re.findall(r"x-trimtab-([a-z-]+)", page.read_text("utf-8")):
            assert name in headers or f'"x-trimtab-{name}"' in source, f"{page.name}: {name}"


# -- words of the records ------------------------------------------------------------------------


def tree(kind: type[errors.TrimtabError]) -> set[type[errors.TrimtabError]]:
    return {kind}.union(*(tree(child) for child in kind.__subclasses__()))


def test_every_error_has_its_code_and_status_in_the_page_about_errors() -> None:
    page = DOCS["errors.md"]
    ours = {kind for kind in tree(errors.TrimtabError) if kind.__module__ == "trimtab.errors"}
    api = {MethodNotAllowed, RequestTimeout, UnsupportedMedia, InternalError}
    kinds = (ours | api) - {errors.TrimtabError}
    codes = {kind.code for kind in kinds}
    for kind in kinds:
        assert f"`{kind.code}`" in page, kind.code
    for status, code in re.findall(r"- (\d{3}) `([a-z_]+)`", page):
        assert code in codes, code
        assert int(status) in {kind.status for kind in kinds if kind.code == code}, code


def test_every_scorer_in_the_page_about_scoring_is_built_in() -> None:
    listed = DOCS["scoring.md"].partition("## Built-in scorers")[2].partition("\n## ")[0]
    named = set(re.findall(r"^- `(\w+)`", listed, re.MULTILINE))
    assert named
    assert named <= set(BUILT_IN)
    arguments = DOCS["scoring.md"].partition("given by name:")[2].partition(".\n")[0]
    assert set(re.findall(r"`(\w+)`", arguments)) == set(FIELDS)


@pytest.mark.parametrize(
    ("page", "start", "words"),
    [
        ("tracing.md", "The kind of a span is one of", SpanKind),
        ("tracing.md", "The status of a span is", SpanStatus),
        ("scoring.md", "The status of a score is", ScoreStatus),
        ("scoring.md", "The source of a score is", ScoreSource),
        ("experiments-and-gate.md", "A run is `running`", RunStatus),
    ],
)
def test_the_words_a_record_may_hold_are_all_named(page: str, start: str, words: Any) -> None:
    line = next(line for line in DOCS[page].splitlines() if line.startswith(start))
    assert set(re.findall(r"`(\w+)`", line)) == set(words.__args__)


def test_the_kinds_of_target_are_all_named() -> None:
    line = next(x for x in DOCS["scoring.md"].splitlines() if x.startswith("The target of a score"))
    for kind in TargetKind.__args__:  # type: ignore[attr-defined]  # a Literal has them
        assert re.search(rf"\b{kind}\b", line), kind


def test_the_client_has_what_its_page_says() -> None:
    from trimtab.client import Client

    for name in re.findall(r"`client\.(\w+)`", DOCS["python-client.md"]):
        assert callable(getattr(Client, name)), name
    public = {name for name in vars(Client) if not name.startswith("_")} - {"poll"}
    for name in public:
        assert f"client.{name}" in DOCS["python-client.md"], name


def test_every_fenced_block_says_what_it_is_in() -> None:
    for block in blocks(PAGES, ""):
        raise AssertionError(f"{block} has no language")


def test_the_pages_speak_of_the_project_alone() -> None:
    for name, text in DOCS.items():
        assert not re.search(r"/(?:home|root|tmp)/|TODO|FIXME", text), name
