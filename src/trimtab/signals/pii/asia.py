"""Numbers that states of Asia, Africa and the Pacific give to people, checked by python-stdnum."""

from __future__ import annotations

from trimtab.signals.pii.kind import Kind, standard

_FIRST_ROW = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def _is_nric(text: str) -> bool:
    """Weights 2 7 6 5 4 3 2 over the digits, plus 4 for T and G; modulo 11, a letter."""
    weighed = zip(text[1:8], (2, 7, 6, 5, 4, 3, 2), strict=True)
    total = sum(int(digit) * weight for digit, weight in weighed) + (4 if text[0] in "TG" else 0)
    return ("JZIHGFEDCBA" if text[0] in "ST" else "XWUTRQPNMLK")[total % 11] == text[8]


def _is_medicare(text: str) -> bool:
    """The ninth digit is the first eight, times 1 3 7 9 1 3 7 9, modulo 10."""
    digits = [int(char) for char in text if char.isdigit()]
    weights = (1, 3, 7, 9, 1, 3, 7, 9)
    return sum(d * w for d, w in zip(digits, weights, strict=False)) % 10 == digits[8]


def _product(first: int, second: int) -> int:
    """Of two turns or flips of a pentagon, one after the other (the dihedral group D5)."""
    turn = first - second if first > 4 else first + second
    return turn % 5 + (5 if (first > 4) != (second > 4) else 0)


def _rows() -> list[tuple[int, ...]]:
    rows = [tuple(range(10))]
    for _ in range(11):
        rows.append(tuple(rows[-1][digit] for digit in _FIRST_ROW))
    return rows


_PRODUCTS = [[_product(first, second) for second in range(10)] for first in range(10)]
_VERHOEFF = _rows()
"""The permutation of each place, from the last (Verhoeff 1969); they come round after eight."""


def is_aadhaar(text: str) -> bool:
    """Twelve digits with Verhoeff's check digit, and not the same backwards.

    >>> is_aadhaar("2341 2341 2346"), is_aadhaar("2341 2341 2347")
    (True, False)
    """
    digits = text.replace(" ", "").replace("-", "")
    check = 0
    for digit, row in zip(reversed(digits), _VERHOEFF, strict=True):
        check = _PRODUCTS[check][row[int(digit)]]
    return check == 0 and digits != digits[::-1]


def _is_rrn(text: str) -> bool:
    """Written with a hyphen or a space."""
    return standard("kr.rrn")(text.replace(" ", "-"))


KINDS = (
    Kind(name="au_tfn", pattern=r"[0-9]{3} ?[0-9]{3} ?[0-9]{2,3}", check="au.tfn", words="tfn file",
         near=0.95),
    Kind(name="au_medicare", pattern=r"[2-6][0-9]{3} ?[0-9]{5} ?[0-9](?:[ /\-]?[0-9])?",
         check=_is_medicare, words="medicare", near=0.95),
    Kind(name="au_abn", pattern=r"[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}", check="au.abn",
         words="abn", near=0.95),
    Kind(name="au_acn", pattern=r"[0-9]{3} ?[0-9]{3} ?[0-9]{3}", check="au.acn", words="acn",
         near=0.95),
    Kind(name="nz_ird", pattern=r"[0-9]{2,3}[ -]?[0-9]{3}[ -]?[0-9]{3}", check="nz.ird",
         words="ird", near=0.95),
    Kind(name="in_aadhaar", pattern=r"[2-9][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}", check=is_aadhaar,
         words="aadhaar aadhar uidai uid आधार", near=0.95, unchecked=0.4),
    Kind(name="in_aadhaar", pattern=r"[2-9][0-9]{3} [0-9]{4} [0-9]{4}", check=is_aadhaar,
         words="aadhaar", bare=0.5, near=0.95),
    Kind(name="in_pan", pattern=r"[A-Z]{3}[ABCFGHLJPTK][A-Z][0-9]{4}[A-Z]", check="in_.pan",
         words="pan income tax", bare=0.75, near=0.95),
    Kind(name="cn_resident_id", pattern=r"[1-9][0-9]{5}(?:19|20)[0-9]{9}[0-9X]", check="cn.ric",
         words="身份证 身份證 身份证号 resident identity", bare=0.9, near=0.95, any_case=True),
    Kind(name="sg_nric_fin", pattern=r"[STFG][0-9]{7}[A-Z]", check=_is_nric, words="nric fin ic",
         bare=0.8, near=0.95, unchecked=0.5),
    Kind(name="kr_rrn", pattern=r"[0-9]{6}[- ][0-9]{7}", check=_is_rrn,
         words="주민등록번호 rrn resident",
         bare=0.85, near=0.95),
    Kind(name="za_id", pattern=r"[0-9]{10}[01][89][0-9]", check="za.idnr",
         words="id identity south african", near=0.9),
    Kind(name="il_id", pattern=r"[0-9]{8,9}", check="il.idnr", words="teudat zehut זהות israeli",
         near=0.9),
    Kind(name="jp_my_number", pattern=r"[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}", check="jp.in_",
         words="マイナンバー 個人番号 mynumber", near=0.9),
    Kind(name="th_pin", pattern=r"[1-8]-?[0-9]{4}-?[0-9]{5}-?[0-9]{2}-?[0-9]", check="th.pin",
         words="ประชาชน บัตรประชาชน thai thailand", near=0.9),
    Kind(name="id_nik", pattern=r"[0-9]{16}", words="nik ktp", near=0.8),
    Kind(name="my_nric",
         pattern=r"[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])-[0-9]{2}-[0-9]{4}",
         words="mykad nric ic kad pengenalan", bare=0.7, near=0.9),
    Kind(name="hk_id", pattern=r"[A-Z]{1,2}[0-9]{6}\([0-9A]\)", words="hkid hong kong identity",
         bare=0.7, near=0.95),
    Kind(name="tw_id", pattern=r"[A-Z][12][0-9]{8}", words="身分證 身分證字號 taiwan", near=0.9),
)  # fmt: skip
