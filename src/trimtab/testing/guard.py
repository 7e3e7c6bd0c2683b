"""What every guard does, as tests: subclass and provide the fixtures `guard` and `offending`.

    class TestMyGuard(GuardContract):
        @pytest.fixture
        def guard(self):
            return MyGuard()

        @pytest.fixture
        def offending(self):
            return "a text that it does not let pass"

The contract is about what the gateway relies on; how often a guard is right must be measured.
"""

from __future__ import annotations

import asyncio

import msgspec

from trimtab.ports import Guard, GuardSubject, GuardText, Place, Ruling

_HARMLESS = ("", "Which port does the server listen on?", "Grüße, 世界 🚢", "a" * 10_000)
_FILLER = "The port is 8321. "


def _subject(guard: Guard, *texts: str) -> GuardSubject:
    stage = "input" if guard.stage == "both" else guard.stage
    given = [
        GuardText(place=Place(role="user", index=index), text=text)
        for index, text in enumerate(texts)
    ]
    return GuardSubject(stage=stage, texts=given)


def _ruled(guard: Guard, subject: GuardSubject) -> Ruling:
    async def work() -> Ruling:
        async with asyncio.timeout(30):
            return await guard.check(subject)

    return asyncio.run(work())


def _timeless(ruling: Ruling) -> Ruling:
    opinions = [msgspec.structs.replace(one, ms=0.0) for one in ruling.opinions]
    return msgspec.structs.replace(ruling, opinions=opinions)


class GuardContract:
    """Everything `ports.Guard` promises."""

    def test_it_says_what_it_is(self, guard: Guard) -> None:
        assert guard.name
        assert guard.version
        assert guard.stage in ("input", "output", "both")
        assert guard.on_error in ("open", "closed")
        assert guard.budget_ms > 0
        assert guard.window_chars is None or guard.window_chars >= 0

    def test_harmless_texts_and_none_pass(self, guard: Guard) -> None:
        assert _ruled(guard, _subject(guard)).action == "pass"
        for text in _HARMLESS:
            assert _ruled(guard, _subject(guard, text)).action == "pass", text[:50]

    def test_an_offending_text_does_not_pass_wherever_it_stands(
        self, guard: Guard, offending: str
    ) -> None:
        for texts in ((offending,), (_FILLER, offending), (f"{_FILLER}{offending} {_FILLER}",)):
            assert _ruled(guard, _subject(guard, *texts)).action != "pass"

    def test_the_same_subject_is_ruled_the_same_by_many_at_once(
        self, guard: Guard, offending: str
    ) -> None:
        subject = _subject(guard, _FILLER, offending)

        async def work() -> list[Ruling]:
            async with asyncio.timeout(30):
                return await asyncio.gather(*[guard.check(subject) for _ in range(16)])

        rulings = [_timeless(one) for one in asyncio.run(work())]
        assert rulings == [rulings[0]] * 16

    def test_edits_stand_within_the_texts_that_were_shown(
        self, guard: Guard, offending: str
    ) -> None:
        subject = _subject(guard, _FILLER, f"{offending} {offending}")
        shown = {one.place: one.text for one in subject.texts}
        for edit in _ruled(guard, subject).edits:
            assert 0 <= edit.start <= edit.end <= len(shown[edit.place])

    def test_a_reason_does_not_quote_what_is_to_be_hidden(
        self, guard: Guard, offending: str
    ) -> None:
        ruling = _ruled(guard, _subject(guard, offending))
        if ruling.edits:
            assert offending not in f"{ruling.reason} {ruling.evidence}"
