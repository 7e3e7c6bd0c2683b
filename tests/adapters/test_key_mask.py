"""Several credentials at once, masked however the bytes are split."""

from __future__ import annotations

import base64
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from trimtab.kit.mask import KeyMask, base64_of

KEYS = st.lists(st.text("ab/", min_size=2, max_size=5).map(str.encode), min_size=1, max_size=3)


@given(KEYS, st.text("ab/c\\", max_size=40).map(str.encode), st.lists(st.integers(0, 40)))
@example([b"ab", b"abc"], b"ab" + b"c", [2])
@example([b"acb", b"cc"], b"accacb", [2, 4])
def test_no_key_of_several_passes(keys: list[bytes], body: bytes, cuts: list[int]) -> None:
    mask, shown = KeyMask(*keys), b""
    places = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    for start, end in pairwise(places):
        shown += mask.feed(body[start:end])
    shown += mask.flush()
    spellings = {spelt for key in keys for spelt in (key, key.replace(b"/", b"\\/"))}
    assert not any(spelt in shown for spelt in spellings)
    assert not any(spelt in KeyMask(*keys).whole(body) for spelt in spellings)
    if not any(spelt in body for spelt in spellings):
        assert shown == body


def test_one_made_like_another_keeps_nothing_of_its_body() -> None:
    first = KeyMask(b"secret-key", b"")
    assert first.feed(b"a secret") == b"a "
    assert first.fresh().feed(b"-key secret-key.") == b"-key ***."


@given(
    st.binary(min_size=8, max_size=40), st.binary(max_size=7), st.binary(max_size=7), st.booleans()
)
def test_a_key_is_known_in_base64_whatever_stands_around_it(
    key: bytes, before: bytes, after: bytes, url_safe: bool
) -> None:
    encode = base64.urlsafe_b64encode if url_safe else base64.b64encode
    mask = KeyMask(*base64_of(key))
    assert mask.holds(encode(before + key + after))
    assert mask.holds(encode(before + key + after).replace(b"/", rb"\/"))
