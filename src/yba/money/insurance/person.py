"""The person of XML1, as `parties` knows persons. Pure.

What a claim cannot say well is left out rather than guessed: a number of an
unknown form, a phone that is none, a card of the short form.
"""

import re
from datetime import date

from yba.foundation.parties.model import (
    HealthInsurance,
    IdentifierKind,
    PersonAddress,
    PersonDetails,
    PersonIdentifier,
    Sex,
    is_well_formed,
    phone_e164,
)
from yba.kernel.text import fold
from yba.money.insurance.claim import Row, read_birth, read_day

_SEX = {"1": Sex.MALE, "2": Sex.FEMALE}
_NEW_UNITS = date(2025, 7, 1)
_FACILITY = re.compile(r"[0-9A-Z]{5}\Z")
_IDENTITY = (IdentifierKind.CCCD, IdentifierKind.CMND, IdentifierKind.PASSPORT)


def birth_text(main: Row) -> str:
    """Return the birth date of XML1 in the precision it has: year, or day."""
    born, _ = read_birth(main["NGAY_SINH"])
    if born is None:
        return ""
    return f"{born.year:04}" if main["NGAY_SINH"][4:8] == "0000" else born.isoformat()


def identity_of(main: Row) -> PersonIdentifier | None:
    """Return the identity number with its kind, told by its form."""
    text = main["SO_CCCD"].strip()
    for kind in _IDENTITY:
        if text and is_well_formed(kind, text):
            return PersonIdentifier(kind=kind, value=text)
    return None


def card_of(main: Row) -> HealthInsurance | None:
    """Return the last card of XML1, None without one of the full form."""
    numbers = main.parts("MA_THE_BHYT")
    if not numbers or not is_well_formed(IdentifierKind.INSURANCE_CARD, numbers[-1]):
        return None

    def last(name: str) -> str:
        parts = main.parts(name)
        return parts[len(numbers) - 1] if len(parts) >= len(numbers) else ""

    place = last("MA_DKBD")
    begins, ends = read_day(last("GT_THE_TU")), read_day(last("GT_THE_DEN"))
    return HealthInsurance(
        number=numbers[-1],
        registered_facility=place if _FACILITY.match(place) else "",
        valid_from=begins,
        valid_to=ends if begins is None or ends is None or ends >= begins else None,
        living_area=main["MA_KHUVUC"],
        five_years_on=main.day("NAM_NAM_LIEN_TUC"),
        copayment_free_from=read_day(main["NGAY_MIEN_CCT"][:8]),
    )


def details_of(main: Row, on: date) -> PersonDetails:
    """Return the person of XML1 as she was on that day."""
    identity = identity_of(main)
    _, time_known = read_birth(main["NGAY_SINH"])
    time = main["NGAY_SINH"][8:]
    return PersonDetails(
        name=main["HO_TEN"],
        birth_date=birth_text(main),
        birth_time=f"{time[:2]}:{time[2:]}" if time_known else "",
        sex=_SEX.get(main["GIOI_TINH"], Sex.UNKNOWN),
        identifiers=(identity,) if identity else (),
        address=PersonAddress(
            text=main["DIA_CHI"],
            province_code=main["MATINH_CU_TRU"],
            commune_code=main["MAXA_CU_TRU"],
            old_codes=on < _NEW_UNITS,
        ),
        phone=main["DIEN_THOAI"] if phone_e164(main["DIEN_THOAI"]) else "",
        nationality=main["MA_QUOCTICH"] or "000",
        ethnicity=main["MA_DANTOC"],
        occupation=main["MA_NGHE_NGHIEP"],
        blood_group=main["NHOM_MAU"],
        insurance=card_of(main),
    )


def is_same_person(main: Row, *, name: str, birth_date: str) -> bool:
    """Return whether a person found by a number that may be shared is the one of XML1.

    Card numbers and a facility's patient numbers are mistyped and reused, so
    the name without accents and the year of birth must agree too.
    """
    return fold(name) == fold(main["HO_TEN"]) and birth_date[:4] == birth_text(main)[:4]
