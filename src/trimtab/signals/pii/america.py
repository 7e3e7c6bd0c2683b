"""Numbers that states of the Americas give to people."""

from __future__ import annotations

from trimtab.signals.pii.cards import is_luhn
from trimtab.signals.pii.kind import Kind


def is_ssn(text: str) -> bool:
    """Numbers that may have been given out: no 000, 666 or 9xx, no 00, no 0000 (SSA, 2011)."""
    digits = "".join(filter(str.isdigit, text))
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


_SSN = "ssn ssns social ss security socials"
_TAX = "itin taxpayer tin"
_PASSPORT = "passport passports pasaporte passeport reisepass paspoort passaporte passaporto"
_LICENCE = "driver drivers driving licence license licencia führerschein dl permit permis"


def is_npi(text: str) -> bool:
    """Luhn's check digit over the number behind 80840 (45 CFR 162.406).

    >>> is_npi("1234567893"), is_npi("1234567890")
    (True, False)
    """
    return is_luhn(f"80840{text}")


_MBI = r"[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y][0-9]"
_MBI_END = r"[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y][0-9]"
_MBI_LAST = r"[AC-HJKMNP-RT-Y]{2}[0-9]{2}"

KINDS = (
    Kind(name="us_npi", pattern=r"[12][0-9]{9}", check=is_npi, words="npi provider", near=0.9),
    Kind(name="us_medicare_mbi", pattern=rf"{_MBI}-?{_MBI_END}-?{_MBI_LAST}",
         words="medicare mbi beneficiary", bare=0.6, near=0.95, any_case=True),
    Kind(name="us_ssn", pattern=r"[0-9]{3}-[0-9]{2}-[0-9]{4}", check=is_ssn, words=_SSN, bare=0.75,
         near=0.95, unchecked=0.4),
    Kind(name="us_ssn", pattern=r"[0-9]{3} [0-9]{2} [0-9]{4}|[0-9]{3}\.[0-9]{2}\.[0-9]{4}",
         check=is_ssn, words=_SSN, near=0.9),
    Kind(name="us_ssn", pattern=r"[0-9]{9}", check=is_ssn, words="ssn social", near=0.7),
    Kind(name="us_itin", pattern=r"9[0-9]{2}[ -]?[0-9]{2}[ -]?[0-9]{4}", check="us.itin",
         words=_TAX, near=0.9),
    Kind(name="us_itin", pattern=r"9[0-9]{2}-[0-9]{2}-[0-9]{4}", check="us.itin", words=_TAX,
         bare=0.6, near=0.9),
    Kind(name="us_ein", pattern=r"[0-9]{2}-[0-9]{7}", check="us.ein", words="ein fein employer irs",
         near=0.8),
    Kind(name="us_passport", pattern=r"[A-Z]?[0-9]{8,9}", words=_PASSPORT, near=0.6, any_case=True),
    Kind(name="passport",
         pattern=r"[A-Z]{2}[0-9]{6,7}|[A-Z][0-9]{7}|[0-9]{2}[A-Z]{2}[0-9]{5}" r""
         r"|[CFGHJKLMNPRTVWXYZ][0-9CFGHJKLMNPRTVWXYZ]{8}", words=_PASSPORT, near=0.55),
    Kind(name="us_driver_license",
         pattern=r"[A-Z]{0,2}[0-9]{6,13}[A-Z]?" r"|[A-Z][0-9]{3}-[0-9]{4}-[0-9]{4}"
         r"|[A-Z][0-9]{3}-[0-9]{3}-[0-9]{2}-[0-9]{3}-?[0-9]?", words=_LICENCE, near=0.65,
         any_case=True),
    Kind(name="uk_driving_licence", pattern=r"[A-Z9]{5}[0-9]{6}[A-Z9]{2}[0-9][A-Z]{2}",
         words=_LICENCE, bare=0.6, near=0.9),
    Kind(name="ca_sin", pattern=r"[0-9]{3}[ -][0-9]{3}[ -][0-9]{3}|[0-9]{9}", check="ca.sin",
         words="sin insurance canada canadian nas assurance", near=0.85),
    Kind(name="mx_curp", pattern=r"[A-Z]{4}[0-9]{6}[HMX][A-Z]{5}[0-9A-Z][0-9]", check="mx.curp",
         words="curp", bare=0.9, near=0.95),
    Kind(name="mx_rfc", pattern=r"[A-ZÑ&]{3,4}[0-9]{6}[0-9A-Z]{3}", check="mx.rfc", words="rfc",
         near=0.85),
    Kind(name="br_cpf", pattern=r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", check="br.cpf",
         words="cpf", bare=0.9, near=0.95, unchecked=0.4),
    Kind(name="br_cpf", pattern=r"[0-9]{11}", check="br.cpf", words="cpf", near=0.85),
    Kind(name="br_cnpj", pattern=r"[0-9]{2}\.[0-9]{3}\.[0-9]{3}/[0-9]{4}-[0-9]{2}", check="br.cnpj",
         words="cnpj", bare=0.9, near=0.95),
    Kind(name="ar_cuit", pattern=r"[0-9]{2}-[0-9]{8}-[0-9]", check="ar.cuit", words="cuit cuil",
         bare=0.8, near=0.95),
    Kind(name="cl_rut", pattern=r"[0-9]{1,2}\.[0-9]{3}\.[0-9]{3}-[0-9K]", check="cl.rut",
         words="rut run", bare=0.85, near=0.95, any_case=True),
    Kind(name="co_nit", pattern=r"[0-9]{3}\.?[0-9]{3}\.?[0-9]{3}-[0-9]", check="co.nit",
         words="nit", near=0.85),
    Kind(name="aba_routing_number", pattern=r"[0-9]{9}", check="us.rtn",
         words="routing aba rtn ach", near=0.9),
    Kind(name="us_bank_number", pattern=r"[0-9]{8,17}", words="bank acct checking savings",
         near=0.5),
)  # fmt: skip
