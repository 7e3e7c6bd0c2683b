"""Refusal, gibberish, language, readability, code and length are read from the text alone."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.signals.catalogue import signal
from trimtab.signals.code import Code
from trimtab.signals.gibberish import Gibberish
from trimtab.signals.language import LanguageOf
from trimtab.signals.readability import Readability
from trimtab.signals.refusal import Refusal
from trimtab.signals.shape import Compressibility, Length, shape
from trimtab.signals.signal import Signal
from trimtab.signals.text import Text

NAMES = ("refusal", "gibberish", "language", "readability", "code", "length", "compressibility")
PARTS = st.sampled_from(
    (
        *("I can't help", "not ", "```\n", "def f(x):\n", "{", ";\n", "select a from b", "\n\n"),
        *(
            "Straße ",
            "ещё ",
            "日本",
            "\u200b",
            "\U000e0041",
            "a. b! ",
            "0",
            "\ud800",
            "((",
            "xqzk ",
        ),
    )
)
TEXTS = st.one_of(st.text(), st.lists(PARTS, max_size=30).map("".join))


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("I'm sorry, but I can't assist with that request.", "refusal"),
        ("I\u2019m afraid I must decline.", "refusal"),
        ("As an AI language model, I cannot give medical advice.", "refusal"),
        ("This goes against our guidelines.", "refusal"),
        ("The documentation does not mention a limit.", "abstention"),
        ("I don't know.", "abstention"),
        ("No information was found.", "abstention"),
        ("Sure! Here is the recipe you asked for.", None),
        ("You can't park here. I can help you to find another place.", None),
        ("Nothing is against it.", None),
        ("It works. " * 90 + "I can't help with that.", None),
    ],
)
def test_an_answer_that_declines_says_so_first(answer: str, label: str | None) -> None:
    reading = Refusal().read(Text(answer))
    assert (reading.label, reading.score) == (label, float(label is not None))


@pytest.mark.parametrize(
    "text",
    ["sdkjfh skdjfh wkejrh", "asdfghjkl qwrtzp", "hjkhjkhjkhjk vbnvbnvbn", "ZXQWKJ VBNXQK PQZX"],
)
def test_keys_hit_at_random_are_gibberish(text: str) -> None:
    reading = Gibberish().read(Text(text))
    assert reading.label == "letters" or text.isupper()
    assert (reading.score or 0) > 0.5 or text.isupper()


@pytest.mark.parametrize(
    "text",
    [
        "Nguyen, Kowalczyk, O'Shaughnessy and Schwarzenegger met in Reykjavik.",
        "kubectl rollout restart deployment nginx --namespace default",
        "for (int idx = 0; idx < ctx->len; idx++) { memcpy(dst, src, sizeof(*dst)); }",
        "Donaudampfschifffahrtsgesellschaft und Rechtsschutzversicherung",
        "Życzę ci wszystkiego najlepszego, Grzegorz!",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ],
)
def test_names_code_and_other_languages_are_no_gibberish(text: str) -> None:
    assert (Gibberish().read(Text(text)).score or 0) < 0.3


def test_the_same_over_and_over_is_repetition() -> None:
    assert Gibberish().read(Text("buy now " * 100)).label == "repetition"
    assert Gibberish().read(Text("\u4f60\u597d")).reason is not None


LANGUAGES = {
    "en": "Where can I renew my library card before the weekend?",
    "de": "Der Hund schläft heute schon seit Stunden unter dem Tisch.",
    "fr": "Elle cherche un appartement plus grand, mais les loyers sont trop chers.",
    "es": "Mañana vamos a la playa si no llueve por la tarde.",
    "pt": "Não encontrei as chaves, mas acho que ficaram em cima da mesa.",
    "it": "Domani andiamo al mare, se non piove nel pomeriggio.",
    "nl": "Morgen gaan we naar het strand, als het 's middags niet regent.",
    "sv": "I morgon åker vi till stranden om det inte regnar på eftermiddagen.",
    "da": "Jeg kan ikke finde mine nøgler, måske ligger de stadig hjemme hos dig?",
    "fi": "Huomenna menemme rannalle, jos iltapäivällä ei sada.",
    "pl": "Jutro pojedziemy nad morze, jeżeli nie będzie padać.",
    "cs": "Zítra pojedeme k moři, pokud nebude odpoledne pršet.",
    "hu": "Holnap kimegyünk a partra, ha délután nem esik az eső.",
    "ro": "Mâine mergem la plajă dacă nu plouă după-amiază.",
    "tr": "Bu akşam evde kitap okumak istiyorum, çünkü çok yorgunum.",
    "vi": "Ngày mai chúng tôi đi biển nếu buổi chiều trời không mưa.",
    "id": "Besok kami pergi ke pantai kalau sore tidak hujan.",
    "hr": "Sutra idemo na plažu ako poslijepodne ne bude kiše.",
    "ca": "Demà anirem a la platja si no plou a la tarda.",
    "ru": "Завтра мы поедем на пляж, если днём не будет дождя.",
    "uk": "Завтра ми поїдемо на пляж, якщо вдень не буде дощу.",
    "bg": "Утре ще отидем на плажа, ако следобед няма дъжд.",
    "ar": "سوف نذهب غدا إلى الشاطئ إذا لم تمطر بعد الظهر.",
    "fa": "فردا به ساحل می‌رویم اگر بعد از ظهر باران نبارد.",
    "el": "Πάμε στην παραλία, φίλε μου;",
    "he": "מחר נלך לחוף אם לא ירד גשם.",
    "hi": "कल हम समुद्र तट पर जाएँगे।",
    "th": "พรุ่งนี้เราจะไปทะเล",
    "ko": "내일 우리는 바다에 갈 거예요.",
    "ja": "明日は海に行きます。",
    "zh": "明天我们去海边。",
}


@pytest.mark.parametrize(("code", "text"), LANGUAGES.items())
def test_the_language_of_a_sentence_is_named(code: str, text: str) -> None:
    reading = LanguageOf().read(Text(text))
    assert reading.label == code
    assert reading.score is not None
    assert reading.score > 0.3


@pytest.mark.parametrize("text", ["ok", "hi", "Berlin", "xqz", "ja"])
def test_a_word_or_two_is_told_with_little_confidence(text: str) -> None:
    reading = LanguageOf().read(Text(text))
    assert reading.score is not None
    assert reading.score < 0.5


@pytest.mark.parametrize("text", ["", "12:30", "\U0001f600!", "\u2660\u2661"])
def test_without_letters_there_is_no_language(text: str) -> None:
    reading = LanguageOf().read(Text(text))
    assert (reading.score, reading.label) == (None, None)
    assert reading.reason


def test_long_words_and_sentences_read_less_easily() -> None:
    easy = Readability().read(Text("The dog ran. The cat sat. We all had fun in the sun.")).score
    hard = Readability().read(
        Text("Notwithstanding considerable methodological heterogeneity, investigators "
             "consistently demonstrated statistically insignificant amelioration.")
    ).score  # fmt: skip
    assert easy is not None
    assert hard is not None
    assert easy > 90
    assert hard < 0


SNIPPETS = {
    "python": "def add(a, b):\n    total = a + b\n    return total\n",
    "javascript": "const add = (a, b) => {\n  console.log(a);\n  return a + b;\n};\n",
    "java": "public static int add(int a, int b) {\n    System.out.print(a);\n    return a;\n}\n",
    "c": "#include <stdio.h>\nint main(void) {\n    printf(\"hi\");\n    return 0;\n}\n",
    "go": "package main\n\nfunc add(a int, b int) int {\n\tsum := a + b\n\treturn sum\n}\n",
    "rust": "fn add(a: i32, b: i32) -> i32 {\n    let mut s = a;\n    s += b;\n    s\n}\n",
    "sql": "SELECT name, count(*) FROM staff\nWHERE age > 30\nGROUP BY name;\n",
    "html": "<div class=\"a\">\n  <p>Hello</p>\n</div>\n",
    "json": "{\n  \"name\": \"x\",\n  \"size\": 3\n}\n",
}  # fmt: skip


@pytest.mark.parametrize(("language", "snippet"), SNIPPETS.items())
def test_code_is_found_with_and_without_a_fence(language: str, snippet: str) -> None:
    bare = Code().read(Text(snippet))
    assert (bare.label, (bare.score or 0) > 0.8) == (language, True)
    raw = f"Could you explain this to me, please?\n```{language}\n{snippet}```\nThanks a lot!"
    fenced = Code().read(Text(raw))
    (found,) = fenced.findings
    assert raw[found.start : found.end] == f"```{language}\n{snippet}```"
    assert (fenced.label, found.kind) == (language, "code_block")


@pytest.mark.parametrize(
    "text",
    [
        "Please select a colour from the list; then update the order. Return it if it's broken.",
        "With the following in mind: if it rains, we stay (all of us) at home. For example: tea!",
        "Import duties are paid by the class of goods. Let me know: is 3 < 5 = true?",
        "1. Buy milk\n2. Call Ann\n- bread (brown)\n- cheese & wine",
        "Dear Sir,\n\nwhile I was away, the price rose to $40. Else, all was well.\n\nYours,\nAnn",
    ],
)
def test_prose_with_words_of_code_is_no_code(text: str) -> None:
    assert Code().read(Text(text)).score == 0.0


def test_the_shape_of_a_text_is_counted() -> None:
    found = shape(Text("One two. THREE 4!\nFin"))
    assert (found.words, found.sentences, found.lines, found.chars) == (5, 3, 2, 21)
    assert found.upper_share == pytest.approx(7 / 21)
    assert found.digit_share == pytest.approx(1 / 21)
    assert found.space_share == pytest.approx(4 / 21)
    assert found.punctuation_share == pytest.approx(2 / 21)
    assert shape(Text("abab")).entropy_bits == pytest.approx(1.0)
    assert shape(Text("aaaa")).entropy_bits == 0.0
    assert shape(Text("a b a b")).type_token_ratio == 0.5


def test_only_what_repeats_is_compressible() -> None:
    dull, varied = (
        ("word " * 300),
        "".join(chr(33 + int(str(i * 7919)[-4:]) % 89) for i in range(200)),
    )
    assert (Compressibility().read(Text(dull)).score or 0) > 0.9
    assert (Compressibility().read(Text(varied)).score or 0) < 0.5
    assert Compressibility().read(Text("")).score is None
    assert Length().read(Text("")).score == 0.0


@pytest.mark.parametrize("name", NAMES)
def test_the_catalogue_knows_it(name: str) -> None:
    found = signal(name)
    assert isinstance(found, Signal)
    assert found.name == name


@given(TEXTS)
@settings(deadline=None)
def test_any_text_has_a_reading_within_bounds_or_a_reason(raw: str) -> None:
    for name in NAMES:
        one = signal(name)
        reading = one.read(Text(raw))
        assert (reading.score is None) == (reading.reason is not None)
        if one.scale == "unit" and reading.score is not None:
            assert 0 <= reading.score <= 1
        for found in reading.findings:
            assert 0 <= found.start < found.end <= len(raw)
        assert list(reading.findings) == sorted(reading.findings)
    numbers = shape(Text(raw))
    shares = [getattr(numbers, field) for field in numbers.__struct_fields__ if "share" in field]
    assert all(0 <= share <= 1 for share in shares)
    assert 0 <= numbers.type_token_ratio <= 1
    assert numbers.entropy_bits >= 0


@given(TEXTS)
@settings(deadline=None)
def test_a_text_reads_as_what_is_left_of_it_after_normalising(raw: str) -> None:
    plain = Text(raw).plain
    for name in NAMES:
        one = signal(name)
        first, second = one.read(Text(raw)), one.read(Text(plain))
        assert (first.score, first.label, first.reason) == (
            second.score,
            second.label,
            second.reason,
        )


HOSTILE = (
    *("a", " ", ";", "(", "{", "\n", "```\n", "ab cd ", "def a(", "select from ", "<a ", "x="),
    *("a.", "not i can't ", "class ", "if (", "@a(", '"a": ', "for in ", "at a(", "$ "),
    *("\u0430", "\u4e00"),
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("unit", HOSTILE)
def test_work_is_bounded_whatever_a_text_repeats(name: str, unit: str) -> None:
    """A second is far above the few milliseconds it takes, and far below what a power would."""
    text = Text(unit * (100_000 // len(unit)))
    assert text.plain is not None
    started = time.process_time()
    signal(name).read(text)
    assert time.process_time() - started < 1.0


def test_no_word_of_the_weights_is_markup() -> None:
    from trimtab.signals.language import _weights

    assert not [feature for feature in _weights().place if re.search(r"[<>{}\d]", feature)]
