"""What a medical record still lacks before it may be closed. Pure over a visit and its papers."""

from collections.abc import Iterable, Sequence

from yba.care.archive.model import Gap
from yba.care.documents.model import Document, Kind
from yba.care.encounters.model import VisitState, VisitView
from yba.care.orders.model import Prescription, PrescriptionState
from yba.plumbing.i18n import N_

_OPEN_VISIT = N_("The visit has not been closed.")
_NO_RECORD = N_("The outpatient medical record has not been signed.")
_OLD_RECORD = N_("The visit was changed after its record was signed: sign a new version.")
_NO_REPORT = N_("The laboratory results have not been signed.")
_OLD_REPORT = N_("Results were released after the report was signed: sign a new version.")
_NO_PRESCRIPTION = N_("A prescription has not been signed.")
_NO_IDENTITY = N_("The patient's identity number is missing.")
_NO_BIRTH = N_("The patient's birth date is missing.")
_IN_FORCE = (PrescriptionState.ISSUED, PrescriptionState.SENT)


def gaps(
    view: VisitView, documents: Iterable[Document], prescriptions: Sequence[Prescription]
) -> tuple[Gap, ...]:
    """Return what is missing, in the order in which a doctor would put it right.

    Required fields first (Circular 13/2025 asks for every field of the form), then papers and
    signatures. A temporary identity is no gap for the newborn and the unknown: the form has a
    place to say so, and the number is looked for only where a birth date is known.
    """
    papers = {(one.kind, one.about): one for one in documents if one.replaced_by is None}
    found = [Gap("field", sentence) for sentence in view.missing]
    if not view.birth_date:
        found.append(Gap("birth-date", _NO_BIRTH))
    elif not view.identity_number:
        found.append(Gap("identity", _NO_IDENTITY))
    if view.state is not VisitState.FINISHED:
        found.append(Gap("visit-open", _OPEN_VISIT))
    found += _record_gaps(view, papers.get((Kind.OUTPATIENT_RECORD, view.encounter_id)))
    found += _report_gaps(view, papers.get((Kind.LABORATORY_REPORT, view.encounter_id)))
    for one in prescriptions:
        if one.state in _IN_FORCE and (Kind.PRESCRIPTION, one.code) not in papers:
            found.append(Gap("prescription-unsigned", _NO_PRESCRIPTION))
    return tuple(found)


def _record_gaps(view: VisitView, signed: Document | None) -> list[Gap]:
    if signed is None:
        return [Gap("record-unsigned", _NO_RECORD)]
    if view.closed_at is not None and signed.signed_at < view.closed_at:
        return [Gap("record-outdated", _OLD_RECORD)]
    return []


def _report_gaps(view: VisitView, signed: Document | None) -> list[Gap]:
    if not view.results:
        return []
    if signed is None:
        return [Gap("report-unsigned", _NO_REPORT)]
    last = max((one.resulted_at for one in view.results if one.resulted_at), default=None)
    if last is not None and signed.signed_at < last:
        return [Gap("report-outdated", _OLD_REPORT)]
    return []
