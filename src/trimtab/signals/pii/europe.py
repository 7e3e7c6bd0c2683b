"""Numbers that states of Europe give to people, checked by python-stdnum."""

from __future__ import annotations

from trimtab.signals.pii.kind import Kind

_BIRTH = r"(?:0[1-9]|[12][0-9]|3[01])(?:0[1-9]|1[0-2])[0-9]{2}"
_SOCIAL = "sécurité sociale secu nir insee numéro social security"
_VAT = (
    r"(?:AT ?U[0-9]{8}|BE ?[01][0-9]{9}|DE ?[0-9]{9}|DK ?[0-9]{8}|ES ?[A-Z0-9][0-9]{7}[A-Z0-9]"
    r"|FI ?[0-9]{8}|FR ?[0-9A-Z]{2} ?[0-9]{9}|IE ?[0-9][0-9A-Z][0-9]{5}[A-Z]{1,2}|IT ?[0-9]{11}"
    r"|LU ?[0-9]{8}|NL ?[0-9]{9}B[0-9]{2}|PL ?[0-9]{10}|PT ?[0-9]{9}|SE ?[0-9]{12}|CZ ?[0-9]{8,10}"
    r"|EL ?[0-9]{9}|HU ?[0-9]{8}|RO ?[0-9]{2,10}|SK ?[0-9]{10}|SI ?[0-9]{8}|BG ?[0-9]{9,10}"
    r"|HR ?[0-9]{11}|EE ?[0-9]{9}|LT ?[0-9]{9,12}|LV ?[0-9]{11}|MT ?[0-9]{8}|CY ?[0-9]{8}[A-Z]"
    r"|GB ?[0-9]{3} ?[0-9]{4} ?[0-9]{2})"
)

_SORT = "[0-9]{2}-[0-9]{2}-[0-9]{2}"


def is_no_date(text: str) -> bool:
    """Whether three pairs of digits are no day, month and year, in no order.

    >>> is_no_date("20-00-00"), is_no_date("24-12-99")
    (True, False)
    """
    first, second, third = map(int, text.split("-"))
    months = [(first, second), (second, first), (second, third)]
    return not any(1 <= day <= 31 and 1 <= month <= 12 for day, month in months)


_INN = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)


def is_inn(text: str) -> bool:
    """Ten digits with one check digit, or twelve with two (weights of the tax service, modulo 11).

    >>> is_inn("500100732259"), is_inn("7707083893"), is_inn("500100732258")
    (True, True, False)
    """
    digits = [int(char) for char in text]
    places = (9,) if len(digits) == 10 else (10, 11)
    return all(
        sum(d * w for d, w in zip(digits, _INN[11 - at :], strict=False)) % 11 % 10 == digits[at]
        for at in places
    )


KINDS = (
    Kind(name="ru_inn", pattern=r"[0-9]{12}|[0-9]{10}", check=is_inn, words="инн inn", near=0.95),
    Kind(name="uk_sort_code", pattern=_SORT, check=is_no_date, words="sort sortcode", near=0.8),
    Kind(name="uk_bank_account",
         pattern=rf"[0-9]{{8}}[ ,;/]{{1,3}}(?:sort ?code:? )?{_SORT}"
         rf"|{_SORT}[ ,;/]{{1,3}}(?:account |acct? )?(?:number:? |no\.?:? )?[0-9]{{8}}",
         words="sort sortcode account bank", near=0.9, any_case=True),
    Kind(name="uk_nhs", pattern=r"[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}", check="gb.nhs",
         words="nhs patient gp", near=0.95),
    Kind(name="uk_nino",
         pattern=r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]",
         words="nino national insurance ni", bare=0.75, near=0.95),
    Kind(name="uk_utr", pattern=r"[0-9]{5} ?[0-9]{5}", check="gb.utr", words="utr taxpayer",
         near=0.85),
    Kind(name="de_tax_id", pattern=r"[1-9][0-9](?: ?[0-9]{3}){3}", check="de.idnr",
         words="steuer steuerid idnr identifikationsnummer steueridentifikationsnummer tax tin",
         near=0.95),
    Kind(name="de_social_security", pattern=r"[0-9]{2} ?" + _BIRTH + r" ?[A-Z] ?[0-9]{3}",
         words="rentenversicherungsnummer sozialversicherungsnummer rvnr svnr rentenversicherung",
         near=0.9),
    Kind(name="de_id_card", pattern=r"[CFGHJKLMNPRTVWXYZ0-9]{9}[0-9]?",
         words="personalausweis ausweisnummer personalausweisnummer", near=0.7),
    Kind(name="fr_nir",
         pattern=r"[1-478] ?[0-9]{2} ?(?:0[1-9]|[1-9][0-9]) ?[0-9][0-9AB] ?[0-9]{3} ?[0-9]{3} "
         r"?[0-9]{2}", check="fr.nir", words=_SOCIAL, bare=0.9, near=0.95),
    Kind(name="es_nif", pattern=r"[0-9]{2}\.?[0-9]{3}\.?[0-9]{3}-?[A-Z]", check="es.dni",
         words="dni nif documento identidad", bare=0.75, near=0.95, any_case=True),
    Kind(name="es_nie", pattern=r"[XYZ]-?[0-9]{7}-?[A-Z]", check="es.nie", words="nie extranjero",
         bare=0.85, near=0.95, any_case=True),
    Kind(name="it_fiscal_code",
         pattern=r"[A-Z]{6}[0-9LMNPQRSTUV]{2}[A-EHLMPRST][0-9LMNPQRSTUV]{2}[A-Z][0-9LMNPQRSTUV]{3"
         r"}[A-Z]", check="it.codicefiscale", words="codice fiscale cf", bare=0.9, near=0.95,
         any_case=True),
    Kind(name="it_vat_code", pattern=r"[0-9]{11}", check="it.iva", words="partita iva piva",
         near=0.9),
    Kind(name="nl_bsn", pattern=r"[0-9]{3}[. ]?[0-9]{2}[. ]?[0-9]{1}[. ]?[0-9]{3}|[0-9]{8,9}",
         check="nl.bsn", words="bsn burgerservicenummer sofinummer sofi", near=0.95),
    Kind(name="pl_pesel", pattern=r"[0-9]{11}", check="pl.pesel", words="pesel", near=0.95),
    Kind(name="pl_nip", pattern=r"[0-9]{3}-[0-9]{3}-[0-9]{2}-[0-9]{2}|[0-9]{10}", check="pl.nip",
         words="nip", near=0.9),
    Kind(name="se_personnummer",
         pattern=r"(?:19|20)?[0-9]{2}(?:0[1-9]|1[0-2])[0-9]{2}[-+]?[0-9]{4}",
         check="se.personnummer", words="personnummer personal samordningsnummer identity",
         near=0.95),
    Kind(name="se_personnummer",
         pattern=r"(?:19|20)?[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[-+][0-9]{4}",
         check="se.personnummer", words="personnummer", bare=0.6, near=0.95),
    Kind(name="fi_hetu", pattern=_BIRTH + r"[-+A-FYXWVU][0-9]{3}[0-9A-Y]", check="fi.hetu",
         words="henkilötunnus hetu sotu", bare=0.9, near=0.95),
    Kind(name="dk_cpr", pattern=_BIRTH + r"[- ]?[0-9]{4}", words="cpr personnummer", check="dk.cpr",
         near=0.9),
    Kind(name="no_fodselsnummer", pattern=r"[0-7][0-9][0-9]{4} ?[0-9]{5}", check="no.fodselsnummer",
         words="fødselsnummer fodselsnummer personnummer fnr", near=0.95),
    Kind(name="is_kennitala", pattern=_BIRTH + r"-?[0-9]{4}", check="is_.kennitala",
         words="kennitala kt", near=0.95),
    Kind(name="be_national_number", pattern=r"[0-9]{2}\.?[0-9]{2}\.?[0-9]{2}-?[0-9]{3}\.?[0-9]{2}",
         check="be.nn", words="rijksregisternummer national registre nn insz niss", near=0.95),
    Kind(name="be_national_number", pattern=r"[0-9]{2}\.[0-9]{2}\.[0-9]{2}-[0-9]{3}\.[0-9]{2}",
         check="be.nn", words="rijksregisternummer", bare=0.9, near=0.95),
    Kind(name="pt_nif", pattern=r"[0-9]{3} ?[0-9]{3} ?[0-9]{3}", check="pt.nif",
         words="nif contribuinte fiscal", near=0.9),
    Kind(name="ch_ahv", pattern=r"756\.?[0-9]{4}\.?[0-9]{4}\.?[0-9]{2}", check="ch.ssn",
         words="ahv avs sozialversicherung", bare=0.9, near=0.95),
    Kind(name="at_social_security", pattern=r"[0-9]{4} ?[0-9]{6}", check="at.vnr",
         words="svnr sozialversicherungsnummer versicherungsnummer", near=0.9),
    Kind(name="ie_pps", pattern=r"[0-9]{7}[A-W][A-IW]?", check="ie.pps", words="pps ppsn",
         near=0.95),
    Kind(name="cz_birth_number", pattern=r"[0-9]{6}/[0-9]{3,4}", check="cz.rc",
         words="rodné rodne číslo cislo rč", bare=0.7, near=0.95),
    Kind(name="ro_cnp", pattern=r"[1-9][0-9]{12}", check="ro.cnp", words="cnp", near=0.95),
    Kind(name="bg_egn", pattern=r"[0-9]{10}", check="bg.egn", words="егн egn", near=0.95),
    Kind(name="hr_oib", pattern=r"[0-9]{11}", check="hr.oib", words="oib", near=0.95),
    Kind(name="ee_isikukood", pattern=r"[1-8][0-9]{10}", check="ee.ik", words="isikukood",
         near=0.95),
    Kind(name="lt_asmens_kodas", pattern=r"[1-8][0-9]{10}", check="lt.asmens", words="asmens kodas",
         near=0.95),
    Kind(name="gr_amka", pattern=r"[0-9]{11}", check="gr.amka", words="αμκα amka", near=0.95),
    Kind(name="tr_identity", pattern=r"[1-9][0-9]{10}", check="tr.tckimlik", words="kimlik tckn tc",
         near=0.95),
    Kind(name="vat_id", pattern=_VAT, check="eu.vat",
         words="vat ust ustid tva iva btw mwst moms tax", near=0.9, unchecked=0.5),
)  # fmt: skip
