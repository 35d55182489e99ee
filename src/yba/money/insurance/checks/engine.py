"""Running the rules over an episode, a file or a check-in message."""

from collections.abc import Iterator, Sequence
from datetime import date

from yba.money.insurance.checks import (
    bills,
    cards,
    check_in,
    days,
    diagnoses,
    formats,
    lines,
    papers,
    results,
    shape,
    stays,
    totals,
)
from yba.money.insurance.checks.case import Case, Hit, Options
from yba.money.insurance.checks.registry import REGISTRY
from yba.money.insurance.claim import CheckIn, Claim, Episode
from yba.money.insurance.findings import Finding, finding, shown
from yba.money.insurance.reference import Reference, shipped
from yba.money.insurance.tables import CHECK_IN

# Importing a module registers its rules; the tuple keeps the imports honest.
MODULES = (
    bills,
    cards,
    check_in,
    days,
    diagnoses,
    formats,
    lines,
    papers,
    results,
    shape,
    stays,
    totals,
)
_SIGNED_FROM = date(2026, 1, 1)


def decided_rules() -> frozenset[str]:
    """Return the ids of every rule that is written."""
    return frozenset(REGISTRY.ids)


def _found(rule_id: str, found: Hit) -> Finding:
    row, field, expected = found
    return finding(
        rule_id,
        row.table,
        row.number,
        field,
        found=shown(field, row[field]),
        expected=shown(field, expected),
    )


def _run(case: Case) -> Iterator[Finding]:
    for rows in case.episode.tables.values():
        for row in rows:
            yield from shape.fields_of(row, case.on)
            for rule_id, check in REGISTRY.row.get(row.table, ()):
                for found in check(row, case):
                    yield _found(rule_id, found)
    for rule_id, check in REGISTRY.episode.items():
        for found in check(case):
            yield _found(rule_id, found)


def check_episode(
    episode: Episode,
    *,
    created: date | None = None,
    reference: Reference | None = None,
    options: Options | None = None,
) -> list[Finding]:
    """Return everything the rules find in one episode.

    `created` is the day the file was made; without it nothing is called late.
    """
    if not episode.rows("XML1"):
        return [finding("VN-S006", "XML1", None, "LOAIHOSO")]
    case = Case(
        episode,
        reference=reference or shipped(),
        created=created,
        options=options or Options(),
        default_day=created or date.max,
    )
    return list(_run(case))


def check_envelope(
    *,
    facility: str,
    created: str,
    declared_count: str,
    count: int,
    is_signed: bool,
    options: Options,
    today: date | None = None,
) -> list[Finding]:
    """Return what is wrong with the envelope itself (VN-S002, S003, S004, S023)."""
    found: list[Finding] = []
    claim = Claim(facility, created, ())
    if declared_count != str(count):
        found.append(
            finding("VN-S002", "", None, "SOLUONGHOSO", found=declared_count, expected=str(count))
        )
    if options.facility and facility != options.facility:
        found.append(
            finding("VN-S003", "", None, "MACSKCB", found=facility, expected=options.facility)
        )
    day = claim.created_day
    if day is None or (today is not None and day > today):
        found.append(finding("VN-S004", "", None, "NGAYLAP", found=created))
    if options.for_payment and not is_signed and (day is None or day >= _SIGNED_FROM):
        found.append(finding("VN-S023", "", None, "CHUKYDONVI"))
    return found


def check_facility(facility: str, episode: Episode, number: int) -> list[Finding]:
    """Return VN-S003 if XML1 names another facility than the envelope."""
    code = episode.main["MA_CSKCB"]
    if code == facility:
        return []
    return [
        finding("VN-S003", "XML1", 1, "MA_CSKCB", found=code, expected=facility).of_episode(number)
    ]


def repeated_key(number: int) -> Finding:
    """Return VN-S013 for the HOSO of that number."""
    return finding("VN-S013", "XML1", 1, "MA_LK").of_episode(number)


def check_claim(
    claim: Claim,
    *,
    reference: Reference | None = None,
    options: Options | None = None,
    today: date | None = None,
    problems: Sequence[Finding] = (),
) -> list[Finding]:
    """Return everything the rules find in a file, `problems` of the reader first."""
    wanted = options or Options()
    found = list(problems)
    found += check_envelope(
        facility=claim.facility,
        created=claim.created,
        declared_count=claim.declared_count or str(len(claim.episodes)),
        count=len(claim.episodes),
        is_signed=claim.is_signed,
        options=wanted,
        today=today,
    )
    keys: set[str] = set()
    for number, episode in enumerate(claim.episodes, start=1):
        if episode.key in keys:
            found.append(repeated_key(number))
        keys.add(episode.key)
        found += check_facility(claim.facility, episode, number)
        found += (
            one.of_episode(number)
            for one in check_episode(
                episode, created=claim.created_day, reference=reference, options=wanted
            )
        )
    return found


def check_check_in(
    message: CheckIn, on: date, *, reference: Reference | None = None
) -> list[Finding]:
    """Return everything the rules find in a check-in message received on that day."""
    known = reference or shipped()
    found: list[Finding] = []
    for row in message.rows:
        found += shape.fields_of(row, on)
        case = Case(
            Episode({CHECK_IN: (row,)}),
            reference=known,
            created=on,
            options=Options(),
            default_day=on,
        )
        for rule_id, check in REGISTRY.row.get(CHECK_IN, ()):
            found += (_found(rule_id, one) for one in check(row, case))
    return found
