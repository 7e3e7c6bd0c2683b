"""Train, dev and test: rows that are learnt from, chosen on, and judged on once. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from trimtab.datasets.splitting import parse_ratio, split
from trimtab.errors import InvalidRequest
from trimtab.records import Example
from trimtab.records.example import examples_digest

ALPHA = 0.05
"""The most that may be risked of promoting what is no better, one-sided."""

USUAL_RATIO = {"train": 0.4, "dev": 0.3, "test": 0.3}
LEAST = {"train": 8, "dev": 10, "test": 20}
_NAMES = {"train": ("train", "training"), "dev": ("dev", "validation", "val"), "test": ("test",)}
_CHANGED = 0.3  # share of answers that change between two prompts, to say what could be detected
_SIZES = (50, 100, 200, 400)


class Splits(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of a job; `words` say where their splits come from."""

    train: Sequence[Example]
    dev: Sequence[Example]
    test: Sequence[Example]
    words: str

    @property
    def counts(self) -> dict[str, int]:
        return {"train": len(self.train), "dev": len(self.dev), "test": len(self.test)}

    @property
    def digests(self) -> dict[str, str]:
        return {
            "train": examples_digest(list(self.train)),
            "dev": examples_digest(list(self.dev)),
            "test": examples_digest(list(self.test)),
        }


def splits_of(rows: Sequence[Example], how: str | None = None) -> Splits:
    """Rows as train, dev and test.

    Args:
        how: shares (`train=.4,dev=.3,test=.3`) or names of splits (`train=a,dev=b,test=c`). None:
            the splits that rows have, else by shares of 40, 30 and 30 %; where rows have train and
            test alone, three sevenths of train become dev. Shares draw by a hash of the cluster of
            a row, so that it is always in the same split.
    Raises:
        InvalidRequest: there is no such split, or one has too few rows to tell anything.
    """
    found = _by(rows, how)
    require_enough(found)
    return found


def _by(rows: Sequence[Example], how: str | None) -> Splits:
    if how is not None and not _is_ratio(how):
        return _named(rows, _names_in(how), how)
    present = Counter(row.split for row in rows if row.split is not None)
    if how is not None or not present:
        ratio = USUAL_RATIO if how is None else _three(parse_ratio(how))
        drawn = list(split(rows, ratio))
        words = ", ".join(f"{name} {share:.0%}" for name, share in ratio.items())
        return _named(drawn, {name: name for name in ratio}, f"{words}, by cluster")
    names = {
        part: next((name for name in known if name in present), "")
        for part, known in _NAMES.items()
    }
    if names["train"] and names["test"] and not names["dev"]:
        return _halved(rows, names)
    return _named(rows, names, "the splits of the rows")


def _named(rows: Sequence[Example], names: Mapping[str, str], words: str) -> Splits:
    present = Counter(row.split or "" for row in rows)
    lacking = [part for part in ("train", "dev", "test") if not present[names.get(part) or "\0"]]
    if lacking:
        has = ", ".join(f"{name or 'none'} {count}" for name, count in sorted(present.items()))
        raise InvalidRequest(
            f"the rows have no split for {' and '.join(lacking)}; they have: {has}",
            where="split",
            fix="name them, as train=a,dev=b,test=c, or have rows divided: train=.4,dev=.3,test=.3",
        )
    if len({names[part] for part in names}) < len(names):
        raise InvalidRequest(
            "one split is to be two", where="split", fix="give train, dev and test each their own"
        )
    by = {part: [row for row in rows if row.split == names[part]] for part in names}
    return Splits(train=by["train"], dev=by["dev"], test=by["test"], words=words)


def _halved(rows: Sequence[Example], names: Mapping[str, str]) -> Splits:
    """Rows that have train and test: dev is drawn from train."""
    own = [row for row in rows if row.split == names["train"]]
    drawn = list(split(own, {"train": 4 / 7, "dev": 3 / 7}))
    return Splits(
        train=[row for row in drawn if row.split == "train"],
        dev=[row for row in drawn if row.split == "dev"],
        test=[row for row in rows if row.split == names["test"]],
        words="the splits of the rows, dev drawn from train",
    )


def require_enough(splits: Splits) -> None:
    """Raises InvalidRequest where a split is too small, saying what how many rows could show."""
    small = {part: count for part, count in _independent(splits).items() if count < LEAST[part]}
    if not small:
        return
    has = ", ".join(f"{part} has {count} and needs {LEAST[part]}" for part, count in small.items())
    shown = "; ".join(
        f"{size} show {100 * found:.0f} points"
        for size in _SIZES
        if (found := detectable(size)) is not None
    )
    raise InvalidRequest(
        f"too few independent rows: {has}",
        where="split",
        fix="add rows: the smallest gain that a test split would show with 80 % power, if"
        f" {_CHANGED:.0%} of the answers change: {shown}",
    )


def detectable(rows: int) -> float | None:
    """The smallest gain of a pass rate that so many test rows show with 80 % power."""
    from trimtab.measures.power import mcnemar_detectable

    return mcnemar_detectable(rows, changed=_CHANGED, alpha=2 * ALPHA) if rows else None


def _independent(splits: Splits) -> dict[str, int]:
    """Rows by split; those of one cluster are one."""
    parts = {"train": splits.train, "dev": splits.dev, "test": splits.test}
    return {
        name: len({row.cluster if row.cluster is not None else (row.example_id,) for row in rows})
        for name, rows in parts.items()
    }


def _is_ratio(how: str) -> bool:
    values = [part.partition("=")[2].strip() for part in how.split(",")]
    return all(value.replace(".", "", 1).isdigit() for value in values)


def _three(ratio: Mapping[str, float]) -> Mapping[str, float]:
    if sorted(ratio) != sorted(USUAL_RATIO):
        raise InvalidRequest(
            f"the splits are {', '.join(ratio)}", where="split", fix="write train=.4,dev=.3,test=.3"
        )
    return ratio


def _names_in(how: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in how.split(","))
    names = {part.strip(): name.strip() for part, _, name in pairs}
    if sorted(names) != sorted(USUAL_RATIO) or not all(names.values()):
        raise InvalidRequest(
            f"{how!r} does not name train, dev and test",
            where="split",
            fix="write train=a,dev=b,test=c, or shares: train=.4,dev=.3,test=.3",
        )
    return names
