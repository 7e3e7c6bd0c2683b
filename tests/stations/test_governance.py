"""Who is asking: keys become principals, and local mode is for this machine's own pages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import Forbidden, Unauthenticated
from trimtab.governance.access import Access, Key, require
from trimtab.records import Principal

SECRET = "tt-0123456789abcdef"
OTHER = "tt-fedcba9876543210"
GUARDED = Access(
    [
        Key.of("ci", SECRET, "default", ["runs:*"]),
        Key.of("app", OTHER, "shop", ["gateway:call"]),
    ],
    project="default",
)
LOCAL = Access([], project="home")


class TestKeys:
    @pytest.mark.parametrize(
        "headers",
        [
            {"authorization": f"Bearer {SECRET}"},
            {"authorization": f"bearer {SECRET}"},
            {"authorization": f"Bearer   {SECRET} "},
            {"x-api-key": SECRET},
            {"authorization": "Basic dXNlcjpwYXNz", "x-api-key": SECRET},
            {"authorization": "Bearer ", "x-api-key": SECRET},
        ],
    )
    def test_a_key_is_found_where_clients_put_it(self, headers: dict[str, str]) -> None:
        assert GUARDED.principal(headers) == Principal(
            id="ci", project="default", permissions=frozenset({"runs:*"})
        )

    def test_each_key_has_its_own_project_and_permissions(self) -> None:
        principal = GUARDED.principal({"x-api-key": OTHER})
        assert (principal.id, principal.project) == ("app", "shop")
        assert principal.may("gateway:call")
        assert not principal.may("runs:read")

    def test_the_project_of_a_key_cannot_be_chosen_by_its_holder(self) -> None:
        headers = {"x-api-key": OTHER, "x-trimtab-project": "default"}
        assert GUARDED.principal(headers).project == "shop"

    @pytest.mark.parametrize(
        "headers",
        [{}, {"authorization": ""}, {"authorization": "Bearer"}, {"authorization": "Basic x"}],
    )
    def test_without_a_key_one_is_asked_for(self, headers: dict[str, str]) -> None:
        with pytest.raises(Unauthenticated, match="needs a key"):
            GUARDED.principal(headers)

    @given(st.text(st.characters(max_codepoint=255), min_size=1, max_size=40))
    def test_no_other_text_is_a_key_and_none_is_repeated(self, secret: str) -> None:
        if secret.strip() in (SECRET, OTHER):
            return
        for headers in ({"authorization": f"Bearer x{secret}"}, {"x-api-key": secret}):
            with pytest.raises(Unauthenticated) as caught:
                GUARDED.principal(headers)
            assert "not known" in str(caught.value)
            assert caught.value.fields == {}

    @pytest.mark.parametrize(
        "near", [SECRET[:-1], SECRET + "0", SECRET.upper(), f"{SECRET} {OTHER}", SECRET + "\0"]
    )
    def test_a_key_counts_whole_or_not_at_all(self, near: str) -> None:
        with pytest.raises(Unauthenticated):
            GUARDED.principal({"x-api-key": near})

    def test_with_keys_a_browser_of_anywhere_may_ask_if_it_has_one(self) -> None:
        headers = {"x-api-key": SECRET, "host": "trimtab.example", "origin": "https://a.example"}
        assert GUARDED.principal(headers).id == "ci"

    def test_a_key_is_not_kept_and_not_shown(self) -> None:
        key = Key.of("ci", SECRET, "default", ["*"])
        assert SECRET not in repr(key)
        assert SECRET not in repr(vars(GUARDED))


HOSTS_OF_THIS_MACHINE = ["localhost", "LOCALHOST", "127.0.0.1", "[::1]"]
OTHER_HOSTS = [
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "notlocalhost",
    "127.0.0.2",
    "0.0.0.0",
    "192.168.0.5",
    "[::2]",
    "[::ffff:127.0.0.1]",
    "2130706433",
    "localhost@evil.example",
    "",
    "[",
    "[::1",
    "localhost\u2044evil.example",
]


class TestLocalMode:
    @pytest.mark.parametrize("port", ["", ":8321"])
    @pytest.mark.parametrize("host", HOSTS_OF_THIS_MACHINE)
    def test_this_machine_may_ask_by_any_of_its_names(self, host: str, port: str) -> None:
        headers = {"host": host + port, "origin": f"http://{host}{port}"}
        assert LOCAL.principal(headers) == Principal(id="local", project="home")

    @pytest.mark.parametrize("port", ["", ":8321"])
    @pytest.mark.parametrize("host", OTHER_HOSTS)
    def test_a_name_that_was_rebound_to_this_machine_may_not(self, host: str, port: str) -> None:
        with pytest.raises(Forbidden) as caught:
            LOCAL.principal({"host": host + port})
        assert caught.value.where == "host"

    @pytest.mark.parametrize(
        "origin",
        ["null", "", "file://", "chrome-extension://abc", *(f"https://{h}" for h in OTHER_HOSTS)],
    )
    def test_a_page_from_elsewhere_may_not(self, origin: str) -> None:
        with pytest.raises(Forbidden) as caught:
            LOCAL.principal({"host": "localhost:8321", "origin": origin})
        assert caught.value.where == "origin"

    @given(st.sampled_from(["host", "origin"]), st.text(max_size=30) | st.just("x" * 10_000))
    def test_any_text_is_this_machine_or_refused_in_few_words(self, name: str, value: str) -> None:
        try:
            LOCAL.principal({name: value})
        except Forbidden as error:
            said = str(error)
        else:
            assert any(host.strip("[]") in value.lower() for host in HOSTS_OF_THIS_MACHINE)
            return
        assert len(said) < 1_000

    def test_a_local_user_may_do_everything_in_the_project_of_choice(self) -> None:
        assert LOCAL.is_local
        principal = LOCAL.principal({"host": "localhost", "x-trimtab-project": "shop"})
        assert principal.project == "shop"
        assert principal.may("anything:at-all")


def test_a_missing_permission_is_named_with_what_to_do() -> None:
    reader = Principal(id="reader", project="default", permissions=frozenset({"traces:read"}))
    require(reader, "traces:read")
    with pytest.raises(Forbidden) as caught:
        require(reader, "releases:promote")
    assert caught.value.fields == {"permission": "releases:promote"}
    assert "'releases:promote'" in str(caught.value)
