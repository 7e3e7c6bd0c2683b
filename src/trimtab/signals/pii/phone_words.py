"""What tells a telephone number from other digits: the words near it, and how it is grouped."""

from __future__ import annotations

from trimtab.signals.pii.view import Words, lexicon

WORDS = Words(
    """phone phones telephone tel mobile cell cellphone fax call calls called calling dial ring
    reach reached contact text texted texting sms whatsapp viber telegram signal answering
    answer hotline helpline landline voicemail handy telefon telefono teléfono telefone
    téléphone portable móvil movil celular cellulare telefonnummer handynummer rufnummer
    anrufen mobil mobiel telefoon puhelin telefonu numero fono ph callback dispatch message
    messages switchboard reception pager office home work телефон телефону тел
    ruf rufen ruft llámame llámanos llama llamar llame appelle appelez звони звоните позвони
    电话 手机 手机号 電話 携帯 号码"""
)
LABELS = lexicon("""office fax mobile cell home work phone tel handy mobil direct""")
OTHERS = lexicon(
    """order orders invoice ticket case ref reference tracking serial isbn issn account acct
    version release model part sku item id ids page pages zip postcode postal patent flight
    room code pin otp passport licence license policy member membership customer client
    product batch lot vin imei routing sort iban card cc ssn social security tax vat nhs
    insurance coordinates latitude longitude lat lon lng build commit hash ean upc barcode rfc
    doi pmid pid port timestamp epoch usd eur gbp dollars price total amount balance score
    line row record claim docket parcel shipment confirmation booking reservation transaction
    employee student badge ip mac date born birth year years password dni nie nif bsn pesel
    cpf cnpj nir steuer identification registration certificate permit prescription
    application"""
)

FIRM = {  # groups of digits that telephone numbers are written in and little else is
    "(000) 000-0000", "(000)000-0000", "(000) 000 0000", "(000)-000-0000", "000-000-0000",
    "000.000.0000", "0-000-000-0000", "0 000 000 0000", "0 (000) 000-0000", "0.000.000.0000",
    "(00) 0000-0000", "(00) 00000-0000", "(0000) 000000", "(000) 0000 0000", "(00) 0000 0000",
    "(000) 0000000", "(0000) 000 000", "(00000) 000000", "000-0000-0000", "00 00 00 00 00",
    "00.00.00.00.00", "00-00-00-00-00", "0000 000 0000", "00000 000000", "000 0000 0000",
    "000 000 00 00", "0-000-000-00-00", "0 (000) 000-00-00", "0000 000 000",
    "(000) 000-000", "(00) 000-000", "(00) 000-0000",
}  # fmt: skip
OWNERS = lexicon("""my your his her our their mein meine""")
"""Whose number it is: `my number` is a telephone's."""
TELLING = Words(*WORDS.all, "number")
"""Without any of these in a text, no number in it is called a telephone's."""
