"""Virtual keys: issued once, found by their digest, refused when they should be."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.tables import metadata_in

from trimtab.errors import Conflict, Forbidden, InvalidRequest, NotFound, Unauthenticated
from trimtab.governance.access import Access, Key, require
from trimtab.governance.keys import Issued, Keys, KeyTerms, digest_of
from trimtab.kit import jsonx
from trimtab.records import Principal
from trimtab.stores.metadata.sql import SQLMetadata
from trimtab.testing.metadata_access import sample_key

NOW = 1_750_000_000_000_000_000
ADMIN = Principal(id="ann", project="shop")
CONFIGURED = "tt-" + "configured" * 4
LOCAL = Principal(id="local", project="home")


class StoppedClock:
    def now_ns(self) -> int:
        return NOW

    def monotonic_ns(self) -> int:
        return 0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLMetadata]:
    with closing(metadata_in(tmp_path)) as store:
        yield store


@pytest.fixture
def keys(store: SQLMetadata) -> Keys:
    return Keys(store.keys, StoppedClock())


def guarded(store: SQLMetadata, *, local: bool = False, now_ns: int = NOW) -> Access:
    configured = [] if local else [Key.of("ci", CONFIGURED, "home", ["*"])]
    access = Access(configured, project="home", now_ns=lambda: now_ns)
    access.set_keys(store.keys.all())
    return access


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


class TestIssuing:
    def test_a_key_is_stored_as_its_digest_and_told_once(
        self, keys: Keys, store: SQLMetadata
    ) -> None:
        issued = keys.issue(KeyTerms(name="app", user="bob", team="till"), by=ADMIN)
        assert re.fullmatch(r"tt-[A-Za-z0-9_-]{43}", issued.secret)
        key = store.keys.get("shop", "app")
        assert key == issued.key
        assert key.digest == hashlib.sha256(issued.secret.encode()).hexdigest()
        assert issued.secret.endswith(key.hint)
        assert (key.project, key.user, key.team, key.created_by) == ("shop", "bob", "till", "ann")
        assert (key.created_ns, key.permissions) == (NOW, ("gateway:call",))
        database = Path(store._database.place)
        for file in database.parent.iterdir():
            assert issued.secret.encode() not in file.read_bytes()

    def test_a_secret_is_in_no_repr(self, keys: Keys) -> None:
        issued = keys.issue(KeyTerms(name="app"), by=ADMIN)
        assert issued.secret not in repr(issued)
        assert issued.secret not in repr(issued.key)

    def test_no_two_secrets_are_the_same(self, keys: Keys) -> None:
        issued = [keys.issue(KeyTerms(name=f"k{i}"), by=ADMIN) for i in range(20)]
        assert len({one.secret for one in issued}) == 20
        assert len({one.key.key_id for one in issued}) == 20

    @pytest.mark.parametrize(
        ("terms", "where"),
        [
            (KeyTerms(name="k", user=" "), "user"),
            (KeyTerms(name="k", team=""), "team"),
            (KeyTerms(name="k", permissions=()), "permissions"),
            (KeyTerms(name="k", models=("",)), "models"),
            (KeyTerms(name="k", expires_ns=NOW), "expires_ns"),
            (KeyTerms(name=""), None),
            (KeyTerms(name="a@b"), None),
        ],
    )
    def test_what_could_never_be_used_is_refused(
        self, keys: Keys, store: SQLMetadata, terms: KeyTerms, where: str | None
    ) -> None:
        with pytest.raises(InvalidRequest) as caught:
            keys.issue(terms, by=ADMIN)
        assert caught.value.where == where
        assert store.keys.all() == []

    def test_a_name_is_given_once(self, keys: Keys) -> None:
        keys.issue(KeyTerms(name="app"), by=ADMIN)
        with pytest.raises(Conflict, match="'app'"):
            keys.issue(KeyTerms(name="app"), by=ADMIN)

    @pytest.mark.parametrize(
        ("own", "wanted", "allowed"),
        [
            ({"*"}, ("*",), True),
            ({"*"}, ("gateway:call", "traces:*"), True),
            ({"*"}, ("admin:write",), False),
            ({"keys:*"}, ("keys:write",), True),
            ({"keys:*"}, ("gateway:call",), False),
            ({"keys:write", "traces:read"}, ("traces:*",), False),
            ({"keys:write", "gateway:*"}, ("*",), False),
        ],
    )
    def test_nobody_gives_or_takes_over_a_permission_that_they_lack(
        self,
        keys: Keys,
        store: SQLMetadata,
        own: set[str],
        wanted: tuple[str, ...],
        allowed: bool,
    ) -> None:
        issuer = Principal(id="key", project="default", permissions=frozenset(own))
        store.keys.add(sample_key(permissions=wanted, models=None), by="ann")
        if allowed:
            assert keys.issue(KeyTerms(name="new", permissions=wanted), by=issuer)
            assert keys.rotate("k1", by=issuer)
            return
        before = store.keys.all()
        with pytest.raises(Forbidden):
            keys.issue(KeyTerms(name="new", permissions=wanted), by=issuer)
        with pytest.raises(Forbidden):
            keys.rotate("k1", by=issuer)
        assert store.keys.all() == before

    def test_nobody_gives_models_that_they_may_not_ask_for(self, keys: Keys) -> None:
        issuer = Principal(id="key", project="shop", models=("a/*", "b/c"))
        assert keys.issue(KeyTerms(name="one", models=("b/c",)), by=issuer)
        for models in (None, ("a/*", "c/*")):
            with pytest.raises(Forbidden, match="models"):
                keys.issue(KeyTerms(name="two", models=models), by=issuer)

    def test_projects_do_not_reach_each_others_keys(self, keys: Keys) -> None:
        keys.issue(KeyTerms(name="app"), by=ADMIN)
        elsewhere = Principal(id="eve", project="elsewhere")
        for attempt in (
            lambda: keys.rotate("app", by=elsewhere),
            lambda: keys.disable("app", disabled=True, by=elsewhere),
            lambda: keys.expire("app", expires_ns=None, by=elsewhere),
        ):
            with pytest.raises(NotFound):
                attempt()

    def test_every_change_is_in_the_audit_table_with_who_made_it(
        self, keys: Keys, store: SQLMetadata
    ) -> None:
        issued = keys.issue(KeyTerms(name="app"), by=ADMIN)
        bob = replace(ADMIN, id="bob")
        keys.rotate("app", by=bob)
        keys.expire("app", expires_ns=NOW + 1, by=bob)
        keys.disable("app", disabled=True, by=bob)
        keys.disable("app", disabled=False, by=ADMIN)
        entries = [(entry.action, entry.principal) for entry in store.audit("shop")][::-1]
        assert entries == [
            ("key.add", "ann"),
            ("key.rotate", "bob"),
            ("key.expire", "bob"),
            ("key.disable", "bob"),
            ("key.enable", "ann"),
        ]
        assert {entry.object for entry in store.audit("shop")} == {issued.key.key_id}
        assert issued.key.digest not in jsonx.encode(store.audit("shop")).decode()


class TestAccess:
    @pytest.fixture
    def issued(self, keys: Keys) -> Issued:
        return keys.issue(KeyTerms(name="app", user="bob", team="till", models=("a/*",)), by=ADMIN)

    @pytest.mark.parametrize("local", [True, False], ids=["local", "guarded"])
    def test_a_request_with_a_key_is_that_keys(
        self, store: SQLMetadata, issued: Issued, local: bool
    ) -> None:
        access = guarded(store, local=local)
        expected = Principal(
            id="app",
            project="shop",
            permissions=frozenset({"gateway:call"}),
            key=issued.key.key_id,
            user="bob",
            team="till",
            models=("a/*",),
        )
        chosen = {"x-trimtab-project": "home"}
        assert access.principal(bearer(issued.secret) | chosen) == expected
        assert access.principal({"x-api-key": issued.secret}) == expected

    def test_configured_and_virtual_keys_stand_side_by_side(
        self, store: SQLMetadata, issued: Issued
    ) -> None:
        access = guarded(store)
        assert access.principal(bearer(CONFIGURED)).id == "ci"
        assert access.principal(bearer(CONFIGURED)).key is None
        for headers in ({}, bearer(issued.secret + "x"), bearer("sk-anything")):
            with pytest.raises(Unauthenticated):
                access.principal(headers)

    def test_without_configured_keys_a_mistaken_key_is_refused_and_a_foreign_one_is_not(
        self, store: SQLMetadata, issued: Issued
    ) -> None:
        access = guarded(store, local=True)
        assert access.is_local
        assert access.principal({"host": "127.0.0.1"}) == LOCAL
        assert access.principal(bearer("sk-what-an-sdk-wants")) == LOCAL
        for secret in (issued.secret[:-1], "tt-", issued.secret + "x"):
            with pytest.raises(Unauthenticated, match="not known"):
                access.principal(bearer(secret))
        with pytest.raises(Unauthenticated):
            access.principal(bearer("sk-foreign") | {"x-api-key": "tt-unknown"})
        with pytest.raises(Forbidden):
            access.principal(bearer("sk-foreign") | {"origin": "https://evil.example"})

    def test_a_key_ends_at_its_nanosecond(
        self, store: SQLMetadata, keys: Keys, issued: Issued
    ) -> None:
        keys.expire("app", expires_ns=NOW + 5, by=ADMIN)
        assert guarded(store, now_ns=NOW + 4).principal(bearer(issued.secret)).id == "app"
        for local in (True, False):
            with pytest.raises(Unauthenticated, match="'app' expired at 2025-06-15T"):
                guarded(store, local=local, now_ns=NOW + 5).principal(bearer(issued.secret))

    def test_a_disabled_key_is_refused_until_it_is_enabled(
        self, store: SQLMetadata, keys: Keys, issued: Issued
    ) -> None:
        keys.disable("app", disabled=True, by=ADMIN)
        for local in (True, False):
            with pytest.raises(Unauthenticated, match="disabled"):
                guarded(store, local=local).principal(bearer(issued.secret))
        keys.disable("app", disabled=False, by=ADMIN)
        assert guarded(store).principal(bearer(issued.secret)).id == "app"

    def test_after_a_rotation_only_the_new_secret_opens(
        self, store: SQLMetadata, keys: Keys, issued: Issued
    ) -> None:
        access = guarded(store)
        rotated = keys.rotate("app", by=ADMIN)
        assert rotated.key.key_id == issued.key.key_id
        assert access.principal(bearer(issued.secret)).id == "app", "what was not read yet"
        access.set_keys(store.keys.all())
        assert access.principal(bearer(rotated.secret)).id == "app"
        with pytest.raises(Unauthenticated):
            access.principal(bearer(issued.secret))

    def test_a_virtual_key_does_not_take_the_place_of_a_configured_one(
        self, store: SQLMetadata
    ) -> None:
        store.keys.add(sample_key(digest=digest_of(CONFIGURED), disabled=True), by="ann")
        assert guarded(store).principal(bearer(CONFIGURED)).id == "ci"

    @given(st.text(min_size=1, max_size=60))
    def test_no_text_that_is_not_a_key_is_one(self, text: str) -> None:
        access = Access([], project="home", now_ns=lambda: NOW)
        access.set_keys([sample_key(digest=digest_of("tt-the-one"))])
        assert access.principal({"x-api-key": f"sk-{text}"}).key is None
        with pytest.raises(Unauthenticated) as caught:
            access.principal({"x-api-key": f"tt-{text}"})
        assert caught.value.fields == {}

    def test_secrets_are_not_kept(self, store: SQLMetadata, issued: Issued) -> None:
        access = guarded(store)
        access.principal(bearer(issued.secret))
        assert issued.secret not in repr(vars(access))

    def test_a_virtual_key_that_may_not_says_where_it_comes_from(
        self, store: SQLMetadata, issued: Issued
    ) -> None:
        principal = guarded(store).principal(bearer(issued.secret))
        with pytest.raises(Forbidden, match="issued with the permission 'traces:read'"):
            require(principal, "traces:read")
