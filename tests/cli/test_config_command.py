"""`trimtab config`: show, schema and check."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from trimtab.cli.shell import root
from trimtab.config import Config, json_schema, load, settings
from trimtab.config.references import BUILT_IN
from trimtab.errors import ConfigError
from trimtab.providers.extract.provider import MODEL


@pytest.fixture(autouse=True)
def empty_directory(tmp_path, monkeypatch):
    for name in list(os.environ):
        if name.startswith("TRIMTAB_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def trimtab(*args: str) -> Result:
    return CliRunner().invoke(root, list(args))


def test_shown_defaults_are_a_configuration_file_that_changes_nothing(tmp_path):
    shown = trimtab("config", "show")
    assert shown.exit_code == 0
    assert yaml.safe_load(shown.stdout) == json.loads(json.dumps(settings(Config())))
    Path("trimtab.yaml").write_text(shown.stdout)
    assert load(env={}, cwd=tmp_path).config == Config()


def test_each_value_is_shown_with_its_origin(monkeypatch):
    Path("trimtab.yaml").write_text("# mine\nport: 99\n")
    monkeypatch.setenv("TRIMTAB_LOG__LEVEL", "debug")
    lines = trimtab("config", "show", "--origin").stdout.splitlines()
    shown = {line.split(":")[0].strip(): line.split("  # ")[1] for line in lines if "  # " in line}
    assert (shown["port"], shown["level"]) == ("trimtab.yaml:2", "TRIMTAB_LOG__LEVEL")
    assert shown["host"] == "default"
    found = json.loads(trimtab("config", "show", "--origin", "--json").stdout)
    assert found["settings"]["port"] == 99
    assert found["origins"]["port"] == "trimtab.yaml:2"
    assert json.loads(trimtab("config", "show", "--json").stdout) == found["settings"]


@pytest.mark.parametrize(
    "args", [["config", "show", "--config", "a.yaml"], ["--config", "a.yaml", "config", "show"]]
)
def test_the_file_may_be_named_before_or_after_the_command(args):
    Path("a.yaml").write_text("port: 7\n")
    assert "port: 7\n" in trimtab(*args).stdout


def test_secrets_are_masked_in_every_form(monkeypatch):
    monkeypatch.setenv("CI_KEY", "sk-from-the-environment")
    Path("trimtab.yaml").write_text(
        "access: {keys: [{name: ci, key: '${CI_KEY}'}, {name: b, key: sk-literal}]}\n"
        "metadata_url: postgresql://ann:sk-inside@db/x\n"
    )
    for args in (
        ["show"],
        ["show", "--json"],
        ["show", "--origin"],
        ["check"],
        ["check", "--json"],
    ):
        result = trimtab("config", *args)
        assert result.exit_code == 0
        assert "sk-" not in result.output
    assert '"***"' in trimtab("config", "show").stdout


def test_a_wrong_file_ends_in_exit_code_2_with_every_problem_and_no_output():
    Path("trimtab.yaml").write_text("prot: 3\nlog: {level: loud}\n")
    result = trimtab("config", "check")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "trimtab.yaml:1:1: unknown key `prot`; did you mean `port`?" in result.stderr
    assert "trimtab.yaml:2:14: `log.level` must be one of" in result.stderr
    found = json.loads(trimtab("config", "show", "--json").stderr)["error"]
    assert found["code"] == "invalid_config"
    assert [problem["line"] for problem in found["problems"]] == [1, 2]


def test_check_refuses_what_serve_would_refuse():
    Path("trimtab.yaml").write_text("host: 0.0.0.0\n")
    result = trimtab("config", "check")
    assert result.exit_code == 2
    assert "access.keys" in result.stderr


def test_check_says_which_file_is_valid(tmp_path):
    assert "no file" in trimtab("config", "check").stdout
    Path("trimtab.yaml").write_text("port: 1\n")
    assert trimtab("config", "check").stdout == f"ok: {tmp_path / 'trimtab.yaml'}\n"


def test_the_schema_is_printed_as_json():
    assert json.loads(trimtab("config", "schema").stdout) == json_schema()


def test_the_real_program_reads_file_and_environment(tmp_path):
    Path("trimtab.yaml").write_text("port: ${PORT}\nhost: 127.0.0.1\n")
    environment = os.environ | {"PORT": "81", "TRIMTAB_HOST": "localhost"}
    command = [sys.executable, "-m", "trimtab", "config", "show", "--json"]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env=environment, cwd=tmp_path
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert (found["port"], found["host"]) == (81, "localhost")
    del environment["PORT"]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env=environment, cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "PORT" in json.loads(done.stderr)["error"]["what"]


PROVIDERS = "providers: [{name: far, kind: openai, api_key: x, models: [{id: small}]}]\n"


@pytest.mark.parametrize(
    ("gateway", "key", "said"),
    [
        (
            "routes: [{name: a, targets: [{model: fare/small}]}]",
            "routes[0].targets[0].model",
            "far",
        ),
        (
            "routes: [{name: a, targets: [{model: far/smal}]}]",
            "routes[0].targets[0].model",
            "small",
        ),
        ("routes: [{name: a, targets: [{model: trimtab/x}]}]", "routes[0].targets[0].model", "x"),
        ("routes: [{name: a, fallbacks: [no/x]}]", "routes[0].fallbacks[0]", "no provider"),
        ("routes: [{name: a, shadows: [{model: a}]}]", "routes[0].shadows[0].model", "not a model"),
        ("routes: [{name: a, cache: {similarity: 0.9}}]", "routes[0].cache.similarity", "embedder"),
        ("default_model: far/large", "default_model", "lists no model"),
        ("cache_embedder: no/x", "cache_embedder", "no provider"),
    ],
)
def test_check_refuses_a_name_that_leads_nowhere(gateway, key, said):
    Path("trimtab.yaml").write_text(f"{PROVIDERS}gateway: {{{gateway}}}\n")
    result = trimtab("config", "check", "--json")
    assert result.exit_code == 2
    assert f"gateway.{key}" in result.output
    assert said in result.output
    assert "trimtab.yaml" in result.output


def test_check_warns_of_a_name_that_the_api_may_still_give_a_meaning():
    Path("trimtab.yaml").write_text(
        f"{PROVIDERS}gateway:\n  default_model: later\n  routes:\n"
        "    - {name: a, aliases: [b], targets: [{model: far/small}], fallbacks: [later, c]}\n"
        "    - {name: c, fallbacks: [b, trimtab/extract]}\n"
    )
    result = trimtab("config", "check", "--json")
    assert result.exit_code == 0
    warned = json.loads(result.stdout)["warnings"]
    keys = [line.split("`")[1] for line in warned]
    assert keys == ["gateway.routes[0].fallbacks[0]", "gateway.routes[1]", "gateway.default_model"]


def test_the_models_that_are_built_in_are_known():
    assert frozenset({MODEL}) == BUILT_IN


def test_without_secrets_a_variable_that_is_not_set_is_no_problem(tmp_path):
    Path("trimtab.yaml").write_text(
        "access: {keys: [{name: a, key: '${A}'}, {name: b, key: '${B}'}]}\n"
        "metadata_url: '${DB}'\n"
        "providers: [{name: far, kind: openai, api_key: '${KEY}', headers: {x-a: 'q ${H}'}}]\n"
    )
    with pytest.raises(ConfigError):
        load(env={}, cwd=tmp_path)
    assert load(env={}, cwd=tmp_path, secrets=False).config.data == ".trimtab"
    Path("trimtab.yaml").write_text("data: '${DIR}'\n")
    with pytest.raises(ConfigError, match="DIR"):
        load(env={}, cwd=tmp_path, secrets=False)


@pytest.mark.parametrize(
    ("rule", "said"),
    [("signal: pii, kinds: [email]", "email_address"), ("signal: bans", "no terms")],
)
def test_a_policy_that_serve_would_refuse_is_no_valid_configuration(rule, said):
    Path("trimtab.yaml").write_text(
        f"guards:\n  policies:\n    - name: mine\n      rules: [{{{rule}}}]\n"
    )
    result = trimtab("config", "check")
    assert result.exit_code == 2
    assert said in result.output
