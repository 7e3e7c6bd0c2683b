"""The configuration: precedence, positions of problems, and secrets that are never shown."""

from __future__ import annotations

import json
import os
import pickle
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trimtab.config import Config, ConnectionUrl, Loaded, Secret, dump, json_schema, load
from trimtab.config import require_safe as check_exposure
from trimtab.config import settings as shown_settings
from trimtab.config.decode import known_settings
from trimtab.errors import ConfigError

PROVIDER = "{name: acme, kind: openai_compatible, base_url: 'https://acme.example/v1'}"
per_example = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)


@pytest.fixture
def write(tmp_path: Path):
    def _write(text: str | bytes) -> Path:
        data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        (tmp_path / "trimtab.yaml").write_bytes(data)
        return tmp_path

    return _write


def read(cwd: Path, /, env: dict[str, str] | None = None, **overrides: Any) -> Loaded:
    return load(env=env or {}, cwd=cwd, overrides=overrides)


def failure(cwd: Path, env: dict[str, str] | None = None, path: Path | None = None) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(path, env=env or {}, cwd=cwd)
    assert caught.value.exit_code == 2
    return caught.value


# -- sources -----------------------------------------------------------------------------------


def test_nothing_at_all_is_a_valid_configuration(tmp_path):
    loaded = read(tmp_path)
    assert loaded.config == Config()
    assert loaded.path is None
    assert set(loaded.origins.values()) == {"default"}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "~", "limits:\n  # all off\n"])
def test_an_empty_file_or_section_means_the_defaults(write, text):
    assert read(write(text)).config == Config()


def test_a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default(write):
    cwd = write("host: ::1\nport: 1\nproject: one\nlog:\n  level: debug\n")
    env = {"TRIMTAB_PORT": "2", "TRIMTAB_PROJECT": "two"}
    loaded = load(env=env, cwd=cwd, overrides={"port": 3, "data": None})
    config, origins = loaded.config, loaded.origins
    assert (config.host, config.port, config.project) == ("::1", 3, "two")
    assert (origins["host"], origins["port"]) == ("trimtab.yaml:1", "--port")
    assert (origins["project"], origins["log.level"]) == ("TRIMTAB_PROJECT", "trimtab.yaml:5")
    assert (origins["data"], origins["log.format"]) == ("default", "default")


def test_every_value_of_the_configuration_has_an_origin(write):
    loaded = read(write(f"providers: [{PROVIDER}]\nscoring: {{scorers: [cost]}}\n"))
    assert "  # trimtab.yaml:1\n" in dump(loaded.config, loaded.origins)
    lines = dump(loaded.config, loaded.origins).splitlines()
    assert all("  # " in line for line in lines if not line.endswith(":"))


def test_the_file_is_named_by_argument_then_variable_then_place(write, tmp_path):
    cwd = write("port: 1\n")
    (tmp_path / "other.yaml").write_text("port: 2\n")
    (tmp_path / "third.yaml").write_text("port: 3\n")
    env = {"TRIMTAB_CONFIG": "other.yaml"}
    assert load(env={}, cwd=cwd).config.port == 1
    assert load(env=env, cwd=cwd).config.port == 2
    named = load(Path("third.yaml"), env=env, cwd=cwd)
    assert (named.config.port, named.origins["port"]) == (3, "third.yaml:1")


def test_paths_in_a_file_start_at_that_file(tmp_path):
    (tmp_path / "etc").mkdir()
    file = tmp_path / "etc" / "trimtab.yaml"
    file.write_text("data: store\ncorpora: [{name: docs, path: ~/docs}]\n")
    config = load(file, env={"HOME": "/home/ann"}, cwd=tmp_path).config
    assert config.data == str(tmp_path / "etc" / "store")
    assert config.corpora[0].path == "/home/ann/docs"
    flagged = load(file, env={}, cwd=tmp_path, overrides={"data": "mine"}).config
    assert flagged.data == "mine"


@pytest.mark.parametrize(
    ("name", "value", "key", "expected"),
    [
        ("TRIMTAB_LIMITS__BODY_BYTES", "1000", "limits.body_bytes", 1000),
        ("TRIMTAB_LIMITS__DRAIN_S", "1.5", "limits.drain_s", 1.5),
        ("TRIMTAB_LIMITS__REQUESTS_PER_MINUTE", "null", "limits.requests_per_minute", None),
        ("TRIMTAB_METADATA_URL", "postgresql://db/x", "metadata_url", "postgresql://db/x"),
        ("TRIMTAB_SCORING__SCORERS", "cost, latency", "scoring.scorers", ("cost", "latency")),
        ("TRIMTAB_SCORING__SCORERS", '["cost"]', "scoring.scorers", ("cost",)),
        ("TRIMTAB_LIMITS", '{"concurrency": 3}', "limits.concurrency", 3),
        ("TRIMTAB_PORT", "", "port", 8321),
        ("TRIMTAB_PROJECT", "0123", "project", "0123"),
    ],
)
def test_a_variable_sets_the_key_it_names(tmp_path, name, value, key, expected):
    loaded = read(tmp_path, {name: value})
    found: Any = loaded.config
    for part in key.split("."):
        found = getattr(found, part)
    assert found == expected


def test_every_setting_can_be_given_by_a_variable(tmp_path):
    for key in known_settings():
        variable = "TRIMTAB_" + key.upper().replace(".", "__")
        try:
            origin = read(tmp_path, {variable: "7"}).origins[key]
        except ConfigError as error:
            origin = error.fields["file"]
        assert origin == variable


def test_a_list_of_sections_is_given_as_json(tmp_path):
    value = json.dumps([{"name": "ci", "key": "sk-0123456789", "permissions": ["runs:*"]}])
    key = read(tmp_path, {"TRIMTAB_ACCESS__KEYS": value}).config.access.keys[0]
    assert (key.name, key.key.reveal(), key.permissions) == ("ci", "sk-0123456789", ("runs:*",))


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("TRIMTAB_PROT", "TRIMTAB_PORT"),
        ("TRIMTAB_LOG_LEVEL", "TRIMTAB_LOG__LEVEL"),
        ("TRIMTAB_LIMITS__BODY", "TRIMTAB_LIMITS"),
        ("TRIMTAB_ACCESS__KEYS__0__KEY", "TRIMTAB_ACCESS__KEYS"),
    ],
)
def test_a_misspelt_variable_is_an_error_that_names_the_right_one(tmp_path, name, advice):
    error = failure(tmp_path, {name: "x"})
    assert error.where == name
    assert advice in str(error.fix)


def test_variables_of_others_are_left_alone_and_listed(tmp_path):
    env = {"TRIMTAB_SERVICE_HOST": "10.0.0.1", "TRIMTAB_DEBUG": "1", "TRIMTAB_URL": "http://x"}
    assert read(tmp_path, env).unknown_variables == ("TRIMTAB_SERVICE_HOST",)


def test_the_variable_kubernetes_sets_for_a_service_is_explained(tmp_path):
    assert "enableServiceLinks" in str(failure(tmp_path, {"TRIMTAB_PORT": "tcp://10.0.0.1:80"}))


# -- problems ----------------------------------------------------------------------------------


def test_all_problems_of_a_file_are_reported_together_with_line_column_and_advice(write):
    error = failure(
        write(
            "prot: 3\n"
            "port: 99999\n"
            "port: 1\n"
            "limits:\n"
            "  body-bytes: 20\n"
            '  concurrency: "12"\n'
            "log: {level: inof}\n"
            "level: debug\n"
            "providers:\n"
            "  - name: trimtab\n"
            "    base_url: ftp://x\n"
            "    models: [{id: 3}]\n"
        )
    )
    listed = error.fields["problems"]
    found = {one["key"]: one for one in reversed(listed)}
    places = {key: (one["line"], one["column"]) for key, one in found.items()}
    assert places == {
        "prot": (1, 1),
        "port": (2, 7),
        "limits.body-bytes": (5, 3),
        "limits.concurrency": (6, 16),
        "log.level": (7, 14),
        "level": (8, 1),
        "providers[0].name": (10, 11),
        "providers[0].kind": (10, 5),
        "providers[0].base_url": (11, 15),
        "providers[0].models[0].id": (12, 19),
    }
    assert found["prot"]["fix"] == "did you mean `port`?"
    assert found["port"]["allowed"] == "a whole number from 0 to 65535"
    assert found["limits.body-bytes"]["fix"] == "did you mean `body_bytes`?"
    assert (found["limits.concurrency"]["got"], found["limits.concurrency"]["fix"]) == (
        "'12'",
        "write it without quotes",
    )
    assert found["log.level"]["fix"] == "did you mean `info`?"
    assert found["level"]["fix"] == "did you mean `log.level`?"
    assert "is missing" in found["providers[0].kind"]["what"]
    assert "quotes" in found["providers[0].models[0].id"]["fix"]
    assert len(listed) == 11
    assert "`port` is set twice, first in line 2" in str(error)
    assert "trimtab.yaml:7:14" in str(error)


def test_a_single_problem_carries_its_fields_directly(write):
    error = failure(write("log:\n  format: xml\n"))
    fields = {name: error.fields[name] for name in ("file", "line", "column", "key", "got")}
    assert fields == {
        "file": "trimtab.yaml", "line": 2, "column": 11, "key": "log.format", "got": "'xml'",
    }  # fmt: skip
    assert error.fields["allowed"] == "one of json, text"
    assert error.where == "trimtab.yaml:2:11"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a:\n\t- b\n", 2, "tabs"),
        ('host: "abc\nport: 1\n', 3, "not valid YAML"),
        ("limits: {body_bytes: 1\n", 2, "not valid YAML"),
        ("port: 1\nb: *x\n", 2, "alias"),
        ("port: !!int 1\n", 1, "tag"),
        ("port: !!python/object/apply:os.system ['true']\n", 1, "tag"),
        ("port: 1\n---\nport: 2\n", 2, "document"),
        ("port: 1\nport: 2\n", 2, "set twice"),
        ("limits:\n  drain_s: 1\n  drain_s: 1\n", 3, "set twice"),
        ("a: \x07\n", 1, "U+0007"),
        ("- port\n", 1, "name: value"),
        ("just text\n", 1, "name: value"),
        ("? [a]\n: b\n", 1, "plain word"),
        ("limits: 3\n", 1, "a section"),
        ("providers: acme\n", 1, "a list"),
        ("providers: [acme]\n", 1, "a section"),
        ("host: {a: 1}\n", 1, "must be text"),
        ("port:\n", 1, "got nothing"),
        ("<<: {port: 1}\n", 1, "unknown key"),
        ("x: " + "[" * 60 + "]" * 60 + "\n", 1, "deeper"),
        ("\n" * 4 + "x: " + "{a: " * 3000, 5, "deeper"),
    ],
)
def test_bad_yaml_is_refused_with_its_line(write, text, line, said):
    error = failure(write(text))
    assert error.fields["problems"][0]["line"] == line
    assert said in str(error)


def test_an_alias_bomb_is_refused_before_it_expands(write):
    lines = ["a0: &a0 [x, x]"] + [
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)
    ]
    error = failure(write("\n".join(lines)))
    assert (error.fields["line"], error.fields["column"]) == (1, 5)


def test_a_file_that_cannot_be_used_is_a_configuration_error_that_names_it(write, tmp_path):
    assert "Is a directory" in str(failure(tmp_path, path=tmp_path))
    assert "No such file" in str(failure(tmp_path, path=Path("absent.yaml")))
    assert "too large" in str(failure(tmp_path, path=Path("/dev/zero")))
    assert failure(tmp_path, path=Path("a\0b")).exit_code == 2
    assert failure(write(b"port: 1\nhost: \xff\n")).fields["line"] == 2
    assert "UTF-8" in str(failure(write("port: 1\n".encode("utf-16"))))


def test_an_unreadable_file_is_a_configuration_error(write):
    cwd = write("port: 1\n")
    if os.geteuid() == 0:
        (cwd / "trimtab.yaml").unlink()
        (cwd / "trimtab.yaml").symlink_to("trimtab.yaml")
    else:
        (cwd / "trimtab.yaml").chmod(0)
    assert "cannot be read" in str(failure(cwd))


def test_the_near_miss_of_the_file_name_is_not_ignored(tmp_path):
    (tmp_path / "trimtab.yml").write_text("port: 1\n")
    assert "trimtab.yaml" in str(failure(tmp_path).fix)


def test_a_byte_order_mark_and_windows_line_ends_are_no_problem(write):
    assert read(write(b"\xef\xbb\xbfport: 5\r\nhost: localhost\r\n")).config.port == 5


def test_plain_words_stay_text_whatever_yaml_1_1_made_of_them(write):
    loaded = read(write("project: no\nscoring: {scorers: [on, 1:30, 2026-11-21, y]}\n"))
    assert loaded.config.project == "no"
    assert loaded.config.scoring.scorers == ("on", "1:30", "2026-11-21", "y")


@given(value=st.integers() | st.floats() | st.booleans() | st.none())
@per_example
def test_a_port_is_accepted_exactly_within_its_range(tmp_path, value):
    text = f"port: {json.dumps(value)}\n".replace("Infinity", ".inf").replace("NaN", ".nan")
    (tmp_path / "trimtab.yaml").write_text(text)
    valid = type(value) is int and 0 <= value <= 65_535
    if valid:
        assert read(tmp_path).config.port == value
    else:
        assert failure(tmp_path).fields["key"] == "port"


@given(sample=st.floats())
@per_example
def test_a_sample_is_a_share_from_0_to_1(tmp_path, sample):
    env = {"TRIMTAB_SCORING__SAMPLE": repr(sample)}
    if 0 <= sample <= 1:
        assert read(tmp_path, env).config.scoring.sample == sample
    else:
        assert failure(tmp_path, env).fields["key"] == "scoring.sample"


_WORD = st.from_regex(r"[a-z][a-z_-]{0,20}[0-9]{0,2}", fullmatch=True)
_SECTIONS = ["", "limits", "access", "scoring", "log"]


@given(name=_WORD, section=st.sampled_from(_SECTIONS), comments=st.integers(0, 5))
@per_example
def test_an_unknown_key_is_always_an_error_with_its_line(tmp_path, name, section, comments):
    key = f"{section}.{name}" if section else name
    if key in set(known_settings()):
        return
    text = "# x\n" * comments + (f"{section}:\n  {name}: 1\n" if section else f"{name}: 1\n")
    (tmp_path / "trimtab.yaml").write_text(text)
    error = failure(tmp_path)
    assert error.fields["key"] == key
    assert error.fields["line"] == comments + (2 if section else 1)


@given(text=st.text(alphabet=st.sampled_from("ab:-[]{}#&*!|>'\"%@`,?\n\t $1.~é\x00\x85\ud800")))
@settings(per_example, max_examples=300)
def test_any_text_is_a_configuration_or_a_configuration_error(tmp_path, text):
    (tmp_path / "trimtab.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
    with suppress(ConfigError):
        assert isinstance(read(tmp_path).config, Config)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (f"providers: [{PROVIDER}, {PROVIDER}]", "providers[1].name"),
        ("corpora: [{name: a, path: x}, {name: a, path: y}]", "corpora[1].name"),
        ("access: {keys: [{name: a, key: k1}, {name: a, key: k2}]}", "access.keys[1].name"),
        ("access: {keys: [{name: a, key: same-1}, {name: b, key: same-1}]}", "access.keys[1].key"),
        (
            f"providers: [{PROVIDER[:-1]}, models: [{{id: m}}, {{id: m}}]}}]",
            "providers[0].models[1].id",
        ),
    ],
)  # fmt: skip
def test_a_repeated_name_or_key_is_an_error_at_the_second(write, text, key):
    error = failure(write(text))
    assert error.fields["key"] == key
    assert "same-1" not in str(error)


@pytest.mark.parametrize(
    "url",
    ["ftp://x", "x", "https://", "https://u:pw1234@x", "https://x?a=1", "https://x:70000",
     "https://[::1", "https://x/\\n", "https://bücher.example", "//x", "https://a b"],
)  # fmt: skip
def test_a_base_url_that_cannot_be_right_is_refused_without_repeating_it(write, url):
    provider = f'{{name: a, kind: openai_compatible, base_url: "{url}"}}'
    error = failure(write(f"providers: [{provider}]"))
    assert error.fields["key"] == "providers[0].base_url"
    assert error.fields["got"] is None
    assert "pw1234" not in str(error)


def test_prices_are_exact_decimals_and_never_negative(write):
    def priced(price: str) -> str:
        return f"providers: [{PROVIDER[:-1]}, models: [{{id: m, price: {price}}}]}}]"

    model = (
        read(write(priced("{input: 0.1, output: '2.50', cache_read: 3}")))
        .config.providers[0]
        .models[0]
    )
    assert model.price is not None
    assert (model.price.input, model.price.output) == (Decimal("0.1"), Decimal("2.50"))
    assert (model.price.cache_read, model.price.reasoning) == (Decimal(3), None)
    for wrong in ("{input: -1}", "{input: .nan}", "{input: .inf}", "{input: free}", "{inptu: 1}"):
        assert ".price" in failure(write(priced(wrong))).fields["key"]
    assert (
        read(write(priced("{cache_write_5m: 1}")))
        .origins["providers[0].models[0].price.cache_write_5m"]
        .startswith("trimtab.yaml")
    )
    assert read(write(priced("null"))).config.providers[0].models[0].price is None


# -- variables in the file ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "env", "project"),
    [
        ("project: ${NAME}", {"NAME": "a"}, "a"),
        ("project: 'x-${NAME}.y'", {"NAME": "a"}, "x-a.y"),
        ("project: ${NAME:-b}", {}, "b"),
        ("project: ${NAME:-b}", {"NAME": ""}, "b"),
        ("project: ${NAME:-b}", {"NAME": "12"}, "12"),
        ("project: ${A}${B}", {"A": "x", "B": "y"}, "xy"),
    ],
)
def test_a_variable_is_replaced_in_a_value(write, text, env, project):
    assert read(write(text), env).config.project == project


def test_what_is_inserted_is_not_replaced_again_and_a_double_dollar_is_one(write):
    cwd = write("host: ${A}\nmetadata_url: a$$b$${c}$d\n")
    config = read(cwd, {"A": "${B}", "B": "no"}).config
    assert (config.host, config.metadata_url) == ("${B}", "a$b${c}$d")


def test_a_number_may_come_from_a_variable(write):
    config = read(
        write("port: ${PORT}\nscoring: {sample: '${S}'}"), {"PORT": "80", "S": "0.5"}
    ).config
    assert (config.port, config.scoring.sample) == (80, 0.5)


def test_a_missing_variable_is_named_with_key_and_line(write):
    error = failure(write("port: 1\naccess:\n  keys:\n    - {name: ci, key: '${CI_KEY}'}\n"))
    assert "CI_KEY" in error.what
    assert (error.fields["key"], error.fields["line"]) == ("access.keys[0].key", 4)


@pytest.mark.parametrize("text", ["${", "${}", "${A-b}", "${1A}", "${A:b}", "a ${ b"])
def test_a_reference_that_is_none_is_an_error(write, text):
    assert "names no variable" in str(failure(write(f"host: '{text}'\n")))


def test_a_wrong_value_from_a_variable_is_not_repeated(write):
    error = failure(write("port: ${TOKEN}\n"), {"TOKEN": "sk-topsecret"})
    assert error.fields["got"] == "'${TOKEN}'"


# -- secrets -----------------------------------------------------------------------------------


def test_a_secret_shows_itself_nowhere_but_when_asked():
    secret = Secret("sk-topsecret")
    assert {str(secret), repr(secret), f"{secret}"} == {"***"}
    assert secret.reveal() == "sk-topsecret"
    assert secret == Secret("sk-topsecret") != Secret("sk-topsecreT")
    assert secret != "sk-topsecret"
    for write_out in (pickle.dumps, msgspec.json.encode, msgspec.to_builtins):
        with pytest.raises(TypeError) as caught:
            write_out(secret)
        assert "topsecret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("postgresql://ann:pw@db/x", "postgresql://ann:***@db/x"),
        ("postgresql://ann:p@w/1:2@db:5432/x", "postgresql://ann:***@db:5432/x"),
        ("redis://:pw@h:6379/0", "redis://:***@h:6379/0"),
        ("postgresql://db/x?user=a&password=pw", "postgresql://db/x?user=a&password=***"),
        ("host=db password=pw dbname=x", "host=db password=*** dbname=x"),
        ("sqlite:///a.db", "sqlite:///a.db"),
    ],
)
def test_a_connection_url_hides_its_password_and_works_as_text(url, masked):
    value = ConnectionUrl(url)
    assert value == url
    assert value.masked == masked
    assert repr(value) == repr(masked)
    assert value.has_password == (url != masked)


_SECRETS = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="$"),
    min_size=8,
    max_size=40,
).map(lambda text: "Zq7" + text)


def _secret_file(secret: str, *, broken: bool) -> str:
    quoted = json.dumps(secret)
    return (
        f"metadata_url: {json.dumps('postgresql://ann:' + secret + '@db/x')}\n"
        "access:\n"
        f"  keys: [{{name: ci, key: {quoted}}}]\n"
        "providers:\n"
        f"  - {{name: acme, kind: openai_compatible, base_url: 'http://x', api_key: {quoted}}}\n"
    ) + ("prot: 1\nport: x\nlog: {level: []}\n" if broken else "")


@given(secret=_SECRETS)
@per_example
def test_no_secret_is_in_anything_that_shows_a_configuration(tmp_path, secret):
    (tmp_path / "trimtab.yaml").write_text(_secret_file(secret, broken=False))
    loaded = read(tmp_path)
    assert loaded.config.providers[0].api_key == Secret(secret)
    views = [repr(loaded), str(loaded.config), dump(loaded.config, loaded.origins),
             json.dumps(shown_settings(loaded.config)), json.dumps(json_schema())]  # fmt: skip
    assert not [view for view in views if secret in view]
    assert set(loaded.literal_secrets) == {
        "metadata_url", "access.keys[0].key", "providers[0].api_key",
    }  # fmt: skip


@given(
    secret=_SECRETS,
    cut=st.integers(0, 400),
    junk=st.sampled_from(["", "'", '"', "{", "*", "&", "!", "\t"]),
)
@per_example
def test_no_secret_is_in_an_error_however_the_file_is_broken(tmp_path, secret, cut, junk):
    text = _secret_file(secret, broken=True)
    text = text[:cut] + junk + text[cut:]
    (tmp_path / "trimtab.yaml").write_text(text)
    error = failure(tmp_path)
    everything = f"{error} {error!r} {error.fields}"
    assert secret not in everything
    assert secret[:6] not in everything


@pytest.mark.parametrize(
    "line",
    ["key: *{}", "key: &{} x", "key: !{} x", "key: !{}!y x", "key: '{}", "key:{}", "key: %{}",
     "key: @{}", "key: {{{}: 1}}", "key: [{}]", "key: |{}", 'key: "\\{}"', "key: - {}"],
)  # fmt: skip
def test_a_secret_that_yaml_misreads_is_not_repeated(write, line):
    written = line.format("sk-topsecret")
    error = failure(write(f"access:\n  keys:\n    - name: ci\n      {written}\n"))
    assert "topsecret" not in f"{error} {error.fields}"


def test_a_secret_that_a_missing_space_makes_part_of_a_name_is_not_repeated(write):
    for keys in ("[{name: ci, key:sk-0123}]", "[{'key:sk-0123': 1, 'key:sk-0123': 2}]"):
        error = failure(write(f"access: {{keys: {keys}}}"))
        assert "unknown key `access.keys[0].(unreadable)`" in str(error)
        assert "sk-0123" not in f"{error} {error.fields}"


def test_a_secret_from_the_environment_is_not_a_literal_one(write):
    cwd = write("access: {keys: [{name: ci, key: '${K}'}, {name: b, key: '${L:-in-the-file}'}]}")
    assert read(cwd, {"K": "sk-0123456789"}).literal_secrets == ("access.keys[1].key",)


@pytest.mark.parametrize("value", ["''", "' sk-12345'", '"sk-12\\n"', '"sk-é"'])
def test_a_secret_that_no_header_can_carry_is_refused(write, value):
    error = failure(write(f"access: {{keys: [{{name: ci, key: {value}}}]}}"))
    assert error.fields["key"] == "access.keys[0].key"
    assert "sk-" not in str(error)


# -- what is shown -----------------------------------------------------------------------------

_NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}", fullmatch=True)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(
    lambda text: not text.startswith("~")
)


@given(
    port=st.integers(0, 65_535), project=_NAMES, host=_TEXT, data=_TEXT,
    scorers=st.lists(_TEXT), rate=st.none() | st.integers(1, 10**12), sample=st.floats(0, 1),
    corpora=st.dictionaries(_NAMES.filter(lambda name: name != "trimtab"), _TEXT, max_size=3),
)  # fmt: skip
@per_example
def test_a_shown_configuration_loads_to_the_same(
    tmp_path, port, project, host, data, scorers, rate, sample, corpora
):
    plain = {
        "port": port, "project": project, "host": host, "data": data,
        "limits": {"requests_per_minute": rate},
        "scoring": {"scorers": scorers, "sample": sample},
        "corpora": [{"name": name, "path": path} for name, path in corpora.items()],
    }  # fmt: skip
    config = msgspec.convert(plain, Config)
    (tmp_path / "trimtab.yaml").write_text(dump(config), encoding="utf-8")
    assert read(tmp_path).config == config


def test_the_default_configuration_shown_loads_to_itself(write):
    assert read(write(dump(Config()))).config == Config()


def test_the_shown_configuration_is_yaml_for_any_reader():
    assert yaml.safe_load(dump(Config())) == json.loads(json.dumps(shown_settings(Config())))


def test_the_schema_describes_every_setting_and_allows_no_other():
    schema = json_schema()
    # Records that the gateway works with, described as a whole.
    names = {"Price", "Allowance", "ApprovedModel", "Breaker", "CacheSettings", "ModelTarget"}
    names |= {"GuardPolicy", "GuardRule", "ModelSlot", "RecordRules", "RouteGuards"}
    names |= {"Bandit", "ReleaseShare", "Retries", "Route", "RouteDefaults", "Shadow", "Timeouts"}
    for name, definition in schema["$defs"].items():
        assert definition["additionalProperties"] is False
        assert definition["description"]
        if name not in names:
            assert all(one.get("description") for one in definition["properties"].values()), name
    keys = set(known_settings())
    assert set(schema["$defs"]["Config"]["properties"]) == {key for key in keys if "." not in key}
    limits = schema["$defs"]["Limits"]["properties"]["concurrency"]
    assert limits["anyOf"][0] == {"type": "integer", "minimum": 1}
    assert limits["anyOf"][1]["pattern"] == r"\$\{"
    assert schema["$schema"].startswith("https://json-schema.org/")
    json.dumps(schema)


# -- prices ------------------------------------------------------------------------------------


def test_prices_are_read_with_their_day_and_their_long_context(write):
    cwd = write(
        "prices:\n"
        "  - {model: gpt-4o, provider: azure, since: 2026-01-31, price: {input: 2.2}}\n"
        "  - model: llama3\n"
        "    price: {input: 0, output: '0'}\n"
        "    above: {input_tokens: 200000, price: {input: 1e-3}}\n"
    )
    dated, free = read(cwd).config.prices
    assert (dated.model, dated.provider, dated.since) == ("gpt-4o", "azure", "2026-01-31")
    assert dated.price.input == Decimal("2.2")
    assert (free.provider, free.since, free.price.output) == (None, None, Decimal(0))
    assert free.above is not None
    assert (free.above.input_tokens, free.above.price.input) == (200_000, Decimal("0.001"))


@pytest.mark.parametrize(
    ("entry", "key"),
    [
        ("{model: m}", "prices[0].price"),
        ("{price: {input: 1}}", "prices[0].model"),
        ("{model: m, price: {input: -1}}", "prices[0].price"),
        ("{model: m, price: {inputs: 1}}", "prices[0].price.inputs"),
        ("{model: m, price: {input: 1}, since: tomorrow}", "prices[0].since"),
        ("{model: m, price: {input: 1}, since: 2026-02-30}", "prices[0].since"),
        (
            "{model: m, price: {}, above: {input_tokens: 0, price: {}}}",
            "prices[0].above.input_tokens",
        ),
    ],
)
def test_a_wrong_price_is_reported_at_its_key(write, entry, key):
    assert failure(write(f"prices: [{entry}]\n")).fields["key"] == key


# -- exposure ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.8.8.8", "localhost", "LOCALHOST", "::1", "[::1]"]
)
def test_this_machine_may_be_served_without_keys(host):
    check_exposure(Config(host=host))


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.168.0.2", "example.com", "localhost.example.com", "*"]
)
def test_the_network_may_not_be_served_without_keys(write, host):
    with pytest.raises(ConfigError) as caught:
        check_exposure(Config(host=host))
    assert caught.value.fields["key"] == "host"
    keyed = read(write(f"host: '{host}'\naccess: {{keys: [{{name: ci, key: sk-0123456789}}]}}"))
    check_exposure(keyed.config)
