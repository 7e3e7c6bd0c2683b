"""The files of deploy/ say what Docker Compose, Kubernetes and Trimtab understand, and the same."""

from __future__ import annotations

import copy
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
import yaml
from click.testing import CliRunner
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from packaging.requirements import Requirement
from packaging.version import Version

from trimtab.api.table import TABLE
from trimtab.cli.shell import root
from trimtab.config import Config, load, require_safe
from trimtab.stores.telemetry.clickhouse.connection import Place

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SECRETS = {"CLICKHOUSE_PASSWORD": "c1", "POSTGRES_PASSWORD": "p1", "ADMIN_KEY": "k" * 32}
KUBERNETES_VERSION = "1.37"


def compose() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))


def manifests() -> list[dict[str, Any]]:
    return [
        document
        for file in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
        for document in yaml.safe_load_all(file.read_text("utf-8"))
    ]


def manifest(kind: str, name: str) -> dict[str, Any]:
    [found] = [one for one in manifests() if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return found


def configuration(text: str, folder: Path) -> Config:
    path = folder / "trimtab.yaml"
    path.write_text(text)
    return load(path, env=SECRETS, overrides={}, cwd=folder).config


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return configuration((DEPLOY / "trimtab.yaml").read_text("utf-8"), tmp_path)


# -- schemas ---------------------------------------------------------------------------------------


def compose_validator() -> Validator:
    # The Compose Specification's own schema, as `check-jsonschema` carries it.
    path = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    schema = json.loads(path.read_text("utf-8"))
    return validator_for(schema)(schema)


def test_compose_yaml_is_what_the_compose_specification_says() -> None:
    assert [error.message for error in compose_validator().iter_errors(compose())] == []


def test_the_schema_of_compose_would_tell_a_mistake() -> None:
    wrong = copy.deepcopy(compose())
    wrong["services"]["trimtab-1"]["helthcheck"] = {}
    assert list(compose_validator().iter_errors(wrong))


@pytest.mark.parametrize(
    "document", manifests(), ids=lambda one: f"{one['kind']}-{one['metadata']['name']}"
)
def test_kubernetes_yaml_is_what_its_schemas_say(document: dict[str, Any]) -> None:
    kubernetes_validate.validate(document, KUBERNETES_VERSION, strict=True)


def test_the_schemas_of_kubernetes_would_tell_a_mistake() -> None:
    wrong = copy.deepcopy(manifest("StatefulSet", "trimtab"))
    wrong["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, KUBERNETES_VERSION, strict=True)


# -- what Trimtab makes of them --------------------------------------------------------------------


def test_both_run_with_one_configuration_which_is_valid_and_safe(
    config: Config, tmp_path: Path
) -> None:
    mapped = manifest("ConfigMap", "trimtab")["data"]["trimtab.yaml"]
    assert configuration(mapped, tmp_path) == config
    require_safe(config)


def test_a_configuration_without_its_secrets_is_refused(tmp_path: Path) -> None:
    text = (DEPLOY / "trimtab.yaml").read_text("utf-8")
    path = tmp_path / "trimtab.yaml"
    path.write_text(text)
    with pytest.raises(Exception, match="CLICKHOUSE_PASSWORD"):
        load(path, env={}, overrides={}, cwd=tmp_path)


def test_databases_are_where_the_configuration_looks_for_them(config: Config) -> None:
    assert config.telemetry_url is not None
    assert config.metadata_url is not None
    place = Place.of(config.telemetry_url)
    postgres = urlsplit(str.__str__(config.metadata_url))
    services = compose()["services"]
    for host, port in ((place.host, place.port), (postgres.hostname, postgres.port)):
        assert host in services
        assert manifest("Service", str(host))["spec"]["ports"][0]["port"] == port
    given = services[place.host]["environment"]
    assert (given["CLICKHOUSE_DB"], given["CLICKHOUSE_USER"]) == (place.database, place.user)
    given = services[str(postgres.hostname)]["environment"]
    assert (given["POSTGRES_DB"], given["POSTGRES_USER"]) == (
        postgres.path.strip("/"),
        postgres.username,
    )


def test_every_variable_of_the_configuration_is_given(config: Config) -> None:
    wanted = set(re.findall(r"\$\{(\w+)\}", (DEPLOY / "trimtab.yaml").read_text("utf-8")))
    assert wanted == SECRETS.keys()
    for name in ("trimtab-1", "trimtab-2"):
        assert compose()["services"][name]["environment"].keys() == wanted
    head = (DEPLOY / "kubernetes" / "trimtab.yaml").read_text("utf-8").partition("apiVersion")[0]
    assert set(re.findall(r"--from-literal=(\w+)", head)) == wanted


def test_servers_are_probed_where_they_answer(config: Config) -> None:
    container = manifest("StatefulSet", "trimtab")["spec"]["template"]["spec"]["containers"][0]
    paths = {endpoint.path for endpoint in TABLE}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["path"] in paths
    assert container["ports"][0]["containerPort"] == config.port
    for name in ("trimtab-1", "trimtab-2"):
        service = compose()["services"][name]
        assert f":{config.port}/readyz" in service["healthcheck"]["test"][-1]
        assert service["ports"][0].endswith(f":{config.port}")
        assert CliRunner().invoke(root, [*service["command"], "--help"]).exit_code == 0
    assert CliRunner().invoke(root, [*container["args"], "--help"]).exit_code == 0


def test_no_two_servers_share_a_directory(config: Config) -> None:
    services = compose()["services"]
    mounts = [services[name]["volumes"] for name in ("trimtab-1", "trimtab-2")]
    assert mounts[0] != mounts[1]
    assert all(
        mount == [f"{name}:{config.data}"]
        for name, mount in zip(("trimtab-1", "trimtab-2"), mounts, strict=True)
    )
    servers = manifest("StatefulSet", "trimtab")["spec"]
    assert [one["metadata"]["name"] for one in servers["volumeClaimTemplates"]] == ["data"]


def test_a_server_gets_the_time_to_finish(config: Config) -> None:
    pod = manifest("StatefulSet", "trimtab")["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] > config.limits.drain_s
    for name in ("trimtab-1", "trimtab-2"):
        grace = compose()["services"][name]["stop_grace_period"]
        assert float(grace.removesuffix("s")) > config.limits.drain_s


def test_a_service_named_trimtab_sets_no_setting() -> None:
    """Kubernetes would give TRIMTAB_PORT=tcp://... to every container beside it."""
    pod = manifest("StatefulSet", "trimtab")["spec"]["template"]["spec"]
    assert pod["enableServiceLinks"] is False


def test_images_of_databases_have_a_version_and_are_the_same() -> None:
    for name in ("clickhouse", "postgres"):
        image = compose()["services"][name]["image"]
        assert re.fullmatch(r"[\w/-]+:\d+(\.\d+)?", image)
        pod = manifest("StatefulSet", name)["spec"]["template"]["spec"]
        assert pod["containers"][0]["image"] == image


def test_clickhouse_is_the_version_that_the_tests_run() -> None:
    chdb = pytest.importorskip("chdb")
    image = compose()["services"]["clickhouse"]["image"]
    tested = Version(str(chdb.engine_version).lstrip("v"))
    assert image.endswith(f":{tested.major}.{tested.minor}")


def test_the_image_installs_extras_that_exist() -> None:
    pyproject = (ROOT / "pyproject.toml").read_text("utf-8")
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    [extras] = re.findall(r'"/source(\[[\w,]+\])"', text)
    for extra in Requirement(f"trimtab{extras}").extras:
        assert re.search(rf"^{extra} = \[", pyproject, re.MULTILINE)
    user = re.search(r"^USER (\d+)$", text, re.MULTILINE)
    pod = manifest("StatefulSet", "trimtab")["spec"]["template"]["spec"]
    assert user is not None
    assert int(user[1]) == pod["securityContext"]["runAsUser"]
