"""An episode of another system as FHIR resources. Pure.

What the record can say is said: encounter, diagnoses, drugs, services,
procedures, results, reports, notes, claim. What it cannot stays in the
episode's own tables, so nothing is lost. Each resource has a name that comes
from the file (`drug:3`), so that a corrected file changes the same resource.

Standard: FHIR R4; codes and identifiers under `kernel.systems`.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from yba.fhir import r4
from yba.foundation.parties.model import HealthInsurance
from yba.foundation.parties.service import coverage_resource
from yba.foundation.terminology.model import normal_code
from yba.kernel import systems
from yba.money.insurance.claim import Episode, Row, aware, read_day, read_number
from yba.money.insurance.person import card_of

_HL7 = "http://terminology.hl7.org/CodeSystem/"
_OUTCOME_TYPE = "urn:yba:vn:code:ma-loai-rv"
_SUBSTANCE = "urn:yba:vn:code:substance"
_SUPPLY = "urn:yba:vn:code:supply"
_COST_GROUP = "urn:yba:vn:code:ma-nhom"
_KIND = "urn:yba:vn:code:service-kind"
_INPATIENT = frozenset({"03", "04", "06", "09"})
_PROCEDURES = frozenset({"8", "18"})
_KINDS = {"1": "laboratory", "2": "imaging", "3": "function-test", "13": "exam"}
_UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")

Resource = Any


@dataclass(frozen=True, slots=True)
class Named:
    """A resource and the name it has in its file."""

    name: str
    resource: Resource


@dataclass(frozen=True, slots=True)
class Episodic:
    """What every resource of an episode refers to."""

    facility: str
    patient_id: str
    encounter_id: str
    read_at: datetime
    id_of: Callable[[str], str]

    @property
    def patient(self) -> r4.Reference:
        """Return the reference to the patient."""
        return r4.Reference(reference=f"Patient/{self.patient_id}")

    @property
    def encounter(self) -> r4.Reference:
        """Return the reference to the encounter."""
        return r4.Reference(reference=f"Encounter/{self.encounter_id}")


def _text(text: str) -> str | None:
    clean = _UNREADABLE.sub("", text).strip()
    return clean or None


def _code(text: str) -> str | None:
    return " ".join(_UNREADABLE.sub("", text).split()) or None


def _concept(system: str, code: str, display: str = "") -> r4.CodeableConcept | None:
    value, name = _code(code), _text(display)
    if value is None and name is None:
        return None
    coding = [r4.Coding(system=system, code=value, display=name)] if value else None
    return r4.CodeableConcept(coding=coding, text=name)


def _moment(row: Row, name: str) -> str | None:
    moment = row.moment(name)
    return None if moment is None else aware(moment).isoformat(timespec="seconds")


def _staff(text: str) -> r4.Reference | None:
    first = _text(text.split(";")[0])
    if first is None:
        return None
    return r4.Reference(identifier=r4.Identifier(system=systems.LICENCE, value=first))


def _period(start: str | None, end: str | None) -> r4.Period | None:
    return r4.Period(start=start, end=end) if start or end else None


def _facility(code: str) -> r4.Reference:
    return r4.Reference(
        identifier=r4.Identifier(system=systems.FACILITY_CODE, value=_code(code) or "00000")
    )


def _quantity(text: str, unit: str = "") -> r4.Quantity | None:
    value = read_number(text)
    return None if value is None else r4.Quantity(value=value, unit=_text(unit))


def _extensions(**texts: str) -> list[r4.Extension] | None:
    found = [
        r4.Extension(url=systems.EXTENSION + name.replace("_", "-"), valueString=value)
        for name, text in texts.items()
        if (value := _text(text))
    ]
    return found or None


def _codes(main: Row) -> list[str]:
    codes = [main["MA_BENH_CHINH"].strip(), *main.parts("MA_BENH_KT")]
    return list(dict.fromkeys(code for code in codes if _code(code)))


def _encounter(main: Row, about: Episodic) -> r4.Encounter:
    inside = main["MA_LOAI_KCB"] in _INPATIENT
    start, end = _moment(main, "NGAY_VAO"), _moment(main, "NGAY_RA")
    card: HealthInsurance | None = card_of(main)
    departments = main.parts("MA_KHOA")
    return r4.Encounter(
        id=about.encounter_id,
        contained=[coverage_resource("coverage", about.patient_id, card)] if card else None,
        identifier=[
            r4.Identifier(
                use="official", system=systems.ENCOUNTER_CLAIM_KEY, value=_text(main["MA_LK"])
            )
        ],
        status="finished",
        class_=r4.Coding(
            system=_HL7 + "v3-ActCode",
            code="IMP" if inside else "AMB",
            display="inpatient encounter" if inside else "ambulatory",
        ),
        type=_listed(_concept(systems.CARE_TYPE, main["MA_LOAI_KCB"])),
        serviceType=_concept(systems.DEPARTMENT_CODE, departments[-1]) if departments else None,
        subject=about.patient,
        period=_period(start, end),
        reasonCode=_listed(_concept("", "", main["LY_DO_VV"])),
        diagnosis=[
            r4.EncounterDiagnosis(
                condition=r4.Reference(reference=f"Condition/{about.id_of(f'diagnosis:{code}')}"),
                use=_concept(_HL7 + "diagnosis-role", "CC" if rank == 1 else "CM"),
                rank=rank,
            )
            for rank, code in enumerate(_codes(main), 1)
        ]
        or None,
        hospitalization=_hospitalization(main),
        serviceProvider=_facility(about.facility),
        extension=_extensions(
            patient_category=main["MA_DOITUONG_KCB"],
            outcome=main["KET_QUA_DTRI"],
            treatment=main["PP_DIEU_TRI"],
            advice=main["GHI_CHU"],
            referring_facility=main["MA_NOI_DI"],
            referral_number=main["GIAY_CHUYEN_TUYEN"],
            injury_cause=main["MA_TAI_NAN"],
            record_number=main["MA_HSBA"],
        ),
    )


def _hospitalization(main: Row) -> r4.EncounterHospitalization | None:
    way = _concept(_OUTCOME_TYPE, main["MA_LOAI_RV"])
    goal = _facility(main["MA_NOI_DEN"]) if _code(main["MA_NOI_DEN"]) else None
    origin = _facility(main["MA_NOI_DI"]) if _code(main["MA_NOI_DI"]) else None
    if way is None and goal is None and origin is None:
        return None
    return r4.EncounterHospitalization(dischargeDisposition=way, destination=goal, origin=origin)


def _listed(concept: r4.CodeableConcept | None) -> list[r4.CodeableConcept] | None:
    return None if concept is None else [concept]


def _conditions(main: Row, about: Episodic) -> Iterator[Named]:
    for rank, code in enumerate(_codes(main), 1):
        name = f"diagnosis:{code}"
        shown = main["CHAN_DOAN_RV"] if rank == 1 else ""
        concept = _concept(systems.ICD10, normal_code("icd10", code)) or r4.CodeableConcept()
        concept.text = _text(shown) or _text(code)
        yield Named(
            name,
            r4.Condition(
                id=about.id_of(name),
                clinicalStatus=_concept(_HL7 + "condition-clinical", "active"),
                verificationStatus=_concept(_HL7 + "condition-ver-status", "confirmed"),
                category=_listed(_concept(_HL7 + "condition-category", "encounter-diagnosis")),
                code=concept,
                subject=about.patient,
                encounter=about.encounter,
                recordedDate=_moment(main, "NGAY_RA"),
            ),
        )


def _drug(row: Row, about: Episodic) -> Named:
    name = f"drug:{row.number}"
    codings = [
        r4.Coding(system=system, code=code, display=_text(row["TEN_THUOC"]))
        for system, text in ((_SUBSTANCE, row["MA_THUOC"]),)
        if (code := _code(text))
    ]
    route = _concept(systems.ROUTE, row["DUONG_DUNG"])
    quantity = _quantity(row["SO_LUONG"], row["DON_VI_TINH"])
    return Named(
        name,
        r4.MedicationRequest(
            id=about.id_of(name),
            status="completed",
            intent="order",
            medicationCodeableConcept=r4.CodeableConcept(
                coding=codings or None,
                text=_text(f"{row['TEN_THUOC']} {row['HAM_LUONG']}") or "—",
            ),
            subject=about.patient,
            encounter=about.encounter,
            authoredOn=_moment(row, "NGAY_YL"),
            requester=_staff(row["MA_BAC_SI"]),
            dosageInstruction=[
                r4.Dosage(
                    text=_text(row["LIEU_DUNG"]),
                    patientInstruction=_text(row["CACH_DUNG"]),
                    route=route,
                )
            ]
            if _text(row["LIEU_DUNG"]) or _text(row["CACH_DUNG"]) or route
            else None,
            dispenseRequest=r4.MedicationRequestDispenseRequest(quantity=quantity)
            if quantity
            else None,
            extension=_extensions(
                strength=row["HAM_LUONG"],
                form=row["DANG_BAO_CHE"],
                registration=row["SO_DANG_KY"],
            ),
        ),
    )


def _service_code(row: Row) -> r4.CodeableConcept:
    if row["MA_VAT_TU"]:
        found = _concept(_SUPPLY, row["MA_VAT_TU"], row["TEN_VAT_TU"])
    else:
        found = _concept(systems.SERVICE, row["MA_DICH_VU"], row["TEN_DICH_VU"])
    return found or r4.CodeableConcept(text="—")


def _service(row: Row, about: Episodic) -> Named:
    name = f"service:{row.number}"
    kind = _KINDS.get(row["MA_NHOM"], "supply" if row["MA_VAT_TU"] else "other")
    return Named(
        name,
        r4.ServiceRequest(
            id=about.id_of(name),
            status="completed",
            intent="order",
            category=_listed(_concept(_KIND, kind)),
            code=_service_code(row),
            quantityQuantity=_quantity(row["SO_LUONG"], row["DON_VI_TINH"]),
            subject=about.patient,
            encounter=about.encounter,
            authoredOn=_moment(row, "NGAY_YL"),
            occurrenceDateTime=_moment(row, "NGAY_TH_YL"),
            requester=_staff(row["MA_BAC_SI"]),
            reasonCode=_listed(
                _concept(systems.ICD10, normal_code("icd10", row["MA_BENH"].split(";")[0]))
            )
            if row["MA_BENH"].strip()
            else None,
        ),
    )


def _procedure(row: Row, about: Episodic) -> Named:
    name = f"procedure:{row.number}"
    start, end = _moment(row, "NGAY_TH_YL"), _moment(row, "NGAY_KQ")
    people = [person for part in row.parts("NGUOI_THUC_HIEN") if (person := _staff(part))]
    return Named(
        name,
        r4.Procedure(
            id=about.id_of(name),
            status="completed",
            category=_concept(_COST_GROUP, row["MA_NHOM"]),
            code=_service_code(row),
            subject=about.patient,
            encounter=about.encounter,
            performedPeriod=_period(start, end),
            performer=[r4.ProcedurePerformer(actor=person) for person in people] or None,
        ),
    )


def _value(row: Row) -> dict[str, Any]:
    quantity = _quantity(row["GIA_TRI"].replace(",", "."), row["DON_VI_DO"])
    if quantity is not None:
        return {"valueQuantity": quantity}
    text = _text(row["GIA_TRI"]) or _text(row["KET_LUAN"]) or _text(row["MO_TA"])
    return {"valueString": text} if text else {}


def _results(episode: Episode, about: Episodic) -> Iterator[Named]:
    """Yield an Observation a row of XML4, and a report for each service that has any."""
    orders = {row["MA_DICH_VU"]: row for row in reversed(episode.rows("XML3"))}
    grouped: dict[str, list[tuple[Row, str]]] = {}
    for row in episode.rows("XML4"):
        name = f"result:{row.number}"
        order = orders.get(row["MA_DICH_VU"])
        group = order["MA_NHOM"] if order else ""
        code = _concept(systems.LAB_INDEX, row["MA_CHI_SO"], row["TEN_CHI_SO"])
        based = f"ServiceRequest/{about.id_of(f'service:{order.number}')}" if order else None
        is_request = order is not None and group not in _PROCEDURES
        yield Named(
            name,
            r4.Observation(
                id=about.id_of(name),
                status="final" if row["NGAY_KQ"] else "registered",
                category=_listed(
                    _concept(
                        _HL7 + "observation-category",
                        "imaging" if group == "2" else "laboratory",
                    )
                ),
                code=code or _concept(systems.SERVICE, row["MA_DICH_VU"]) or _concept("", "", "—"),
                basedOn=[r4.Reference(reference=based)] if is_request else None,
                subject=about.patient,
                encounter=about.encounter,
                effectiveDateTime=_moment(row, "NGAY_KQ"),
                issued=_moment(row, "NGAY_KQ"),
                performer=[person] if (person := _staff(row["MA_BS_DOC_KQ"])) else None,
                **_value(row),
            ),
        )
        if _code(row["MA_DICH_VU"]):
            grouped.setdefault(row["MA_DICH_VU"], []).append((row, name))
    for service, members in grouped.items():
        yield _report(service, members, orders.get(service), about)


def _report(
    service: str, members: Sequence[tuple[Row, str]], order: Row | None, about: Episodic
) -> Named:
    name = f"report:{service}"
    first = members[0][0]
    conclusions = [text for row, _ in members if (text := _text(row["KET_LUAN"]))]
    return Named(
        name,
        r4.DiagnosticReport(
            id=about.id_of(name),
            status="final" if first["NGAY_KQ"] else "registered",
            code=_service_code(order)
            if order
            else _concept(systems.SERVICE, service) or r4.CodeableConcept(text="—"),
            subject=about.patient,
            encounter=about.encounter,
            effectiveDateTime=_moment(first, "NGAY_KQ"),
            issued=_moment(first, "NGAY_KQ"),
            resultsInterpreter=[who] if (who := _staff(first["MA_BS_DOC_KQ"])) else None,
            result=[
                r4.Reference(reference=f"Observation/{about.id_of(member)}")
                for _, member in members
            ],
            conclusion="\n".join(conclusions) or None,
        ),
    )


def _note(row: Row, about: Episodic) -> Named:
    name = f"note:{row.number}"
    parts = [text for part in ("DIEN_BIEN_LS", "GIAI_DOAN_BENH") if (text := _text(row[part]))]
    notes = [
        r4.Annotation(text=text)
        for part in ("HOI_CHAN", "PHAU_THUAT")
        if (text := _text(row[part]))
    ]
    return Named(
        name,
        r4.ClinicalImpression(
            id=about.id_of(name),
            status="completed",
            subject=about.patient,
            encounter=about.encounter,
            effectiveDateTime=_moment(row, "THOI_DIEM_DBLS"),
            assessor=_staff(row["NGUOI_THUC_HIEN"]),
            summary="\n".join(parts) or None,
            note=notes or None,
        ),
    )


def _claim(episode: Episode, about: Episodic, created: date) -> Named:
    main = episode.main
    lines = [*episode.rows("XML2"), *episode.rows("XML3")]
    return Named(
        "claim",
        r4.Claim(
            id=about.id_of("claim"),
            status="active",
            type=_concept(_HL7 + "claim-type", "institutional"),
            use="claim",
            patient=about.patient,
            created=created.isoformat(),
            billablePeriod=_period(_moment(main, "NGAY_VAO"), _moment(main, "NGAY_RA")),
            provider=_facility(about.facility),
            priority=_concept(_HL7 + "processpriority", "normal"),
            insurance=[
                r4.ClaimInsurance(
                    sequence=1,
                    focal=True,
                    coverage=r4.Reference(
                        identifier=r4.Identifier(
                            system=systems.BHYT_CARD,
                            value=_text(main["MA_THE_BHYT"].split(";")[-1]) or "—",
                        )
                    ),
                )
            ],
            item=[_item(sequence, row) for sequence, row in enumerate(lines, 1)] or None,
            total=_dong(main.amount("T_TONGCHI_BV")),
            extension=_extensions(
                insurance_pays=main["T_BHTT"],
                co_payment=main["T_BNCCT"],
                patient_pays=main["T_BNTT"],
                other_pays=main["T_NGUONKHAC"],
            ),
        ),
    )


def _dong(value: Decimal) -> r4.Money:
    return r4.Money(value=value, currency="VND")


def _item(sequence: int, row: Row) -> r4.ClaimItem:
    day = read_day(row["NGAY_YL"][:8])
    if row.table == "XML2":
        product = _concept(_SUBSTANCE, row["MA_THUOC"], row["TEN_THUOC"])
    else:
        product = _service_code(row)
    price = row.number_in("DON_GIA" if row.table == "XML2" else "DON_GIA_BV")
    return r4.ClaimItem(
        sequence=sequence,
        category=_concept(_COST_GROUP, row["MA_NHOM"]),
        productOrService=product or r4.CodeableConcept(text="—"),
        servicedDate=day.isoformat() if day else None,
        quantity=_quantity(row["SO_LUONG"], row["DON_VI_TINH"]),
        unitPrice=None if price is None else _dong(price),
        net=_dong(row.amount("THANH_TIEN_BV")),
        extension=_extensions(insurance_pays=row["T_BHTT"], level=row["MUC_HUONG"]),
    )


def resources_of(episode: Episode, about: Episodic, *, created: date) -> list[Named]:
    """Return the resources that stand for an episode, the encounter first."""
    main = episode.main
    found = [Named("encounter", _encounter(main, about)), *_conditions(main, about)]
    found += (_drug(row, about) for row in episode.rows("XML2"))
    found += (
        (_procedure if row["MA_NHOM"] in _PROCEDURES else _service)(row, about)
        for row in episode.rows("XML3")
    )
    found += _results(episode, about)
    found += (_note(row, about) for row in episode.rows("XML5"))
    found.append(_claim(episode, about, created))
    return found
