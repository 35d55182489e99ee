"""From a visit to its claim and its check-in: pure, field by field.

Every field of a table is written, blank ones too. Totals of XML1 are sums of
the rows as written, so that file and rows can never disagree.

Standard: 130/QĐ-BYT with 4750, 3176 and 1931; XML1 to XML5, XML7, XML13, XML14, check-in.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from yba.kernel.clock import local_date
from yba.kernel.money import amount
from yba.money.charging.model import Source, SplitLine
from yba.money.insurance.claim import CheckIn, Claim, Episode, Row, write_day, write_moment
from yba.money.insurance.errors import NothingToClaim
from yba.money.insurance.tables import CHECK_IN, layout
from yba.money.insurance.visit import (
    DischargeForClaim,
    DrugForClaim,
    NoteForClaim,
    PersonForClaim,
    ReExamForClaim,
    ResultForClaim,
    ServiceForClaim,
    TransferForClaim,
    VisitForClaim,
)

_COUNTED_STAY = frozenset({"02", "03", "04", "06"})
_SUPPLIES = frozenset({"10", "11"})
_SOURCES = (
    ("T_NGUONKHAC_NSNN", Source.STATE),
    ("T_NGUONKHAC_VTNN", Source.FOREIGN),
    ("T_NGUONKHAC_VTTN", Source.DOMESTIC),
    ("T_NGUONKHAC_CL", Source.REMAINING),
)


def number(value: Decimal | int) -> str:
    """Return the number with a dot and without needless zeros."""
    text = f"{Decimal(value):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def money(value: Decimal) -> str:
    """Return an amount of at most two decimals."""
    return number(amount(value))


def _row(table: str, on: date, position: int, values: Mapping[str, str]) -> Row:
    """Return the row with every field of its layout, in order, the others blank."""
    return Row(table, position, {name: values.get(name, "") for name in layout(table, on).by_name})


def _birth(person: PersonForClaim) -> str:
    if person.born_at is not None:
        return write_moment(person.born_at)
    return (
        f"{person.born.year:04}00000000"
        if person.only_year_known
        else write_day(person.born) + "0000"
    )


def _identity(visit: VisitForClaim) -> dict[str, str]:
    person = visit.person
    return {
        "MA_LK": visit.key,
        "MA_BN": person.patient_number,
        "HO_TEN": person.full_name,
        "SO_CCCD": person.identity,
        "NGAY_SINH": _birth(person),
        "GIOI_TINH": person.sex,
        "DIA_CHI": person.address,
        "MA_CSKCB": visit.facility,
        "MA_DOITUONG_KCB": visit.category,
        "MA_LOAI_KCB": visit.care_type,
        "NGAY_VAO": write_moment(visit.arrived_at),
        "NGAY_VAO_NOI_TRU": write_moment(visit.admitted_at),
        "LY_DO_VNT": visit.admission_reason,
        "MA_THE_BHYT": ";".join(card.number for card in visit.cards),
        "MA_DKBD": ";".join(card.registered_at for card in visit.cards),
        "GT_THE_TU": ";".join(write_day(card.valid_from) for card in visit.cards),
        "GT_THE_DEN": ";".join(write_day(card.valid_to) for card in visit.cards).strip(";"),
    }


def _diagnosis(visit: VisitForClaim) -> dict[str, str]:
    return {
        "CHAN_DOAN_RV": visit.diagnosis,
        "MA_BENH_CHINH": visit.main_code,
        "MA_BENH_KT": ";".join(visit.other_codes),
        "MA_BENH_YHCT": ";".join(visit.traditional_codes),
    }


def _days_of_treatment(visit: VisitForClaim) -> int:
    """Return SO_NGAY_DTRI by the type of care (4750/QĐ-BYT, XML1 field 39)."""
    first, last = local_date(visit.arrived_at), local_date(visit.ended_at)
    if visit.care_type in _COUNTED_STAY:
        return (last - first).days + 1
    if visit.care_type == "05":
        return max((_drug_days(drug.dose) for drug in visit.drugs), default=0)
    if visit.care_type == "08":
        return len({local_date(s.split.cost.ordered_at) for s in visit.services})
    return 0


def _drug_days(dose: str) -> int:
    parts = dose.split("*")
    digits = (
        "".join(letter for letter in parts[2].split("[")[0] if letter.isdigit())
        if len(parts) > 2
        else ""
    )
    return int(digits) if digits else 0


def _shares(split: SplitLine) -> dict[str, str]:
    values = {name: money(split.other_of(source)) for name, source in _SOURCES}
    return values | {
        "TYLE_TT_BH": str(split.insurance_ratio),
        "SO_LUONG": number(split.quantity),
        "THANH_TIEN_BV": money(split.amount),
        "THANH_TIEN_BH": money(split.insured_amount),
        "T_NGUONKHAC": money(split.other_pays),
        "MUC_HUONG": number(split.level),
        "T_BNTT": money(split.patient_pays),
        "T_BNCCT": money(split.co_payment),
        "T_BHTT": money(split.insurance_pays),
        "MA_NHOM": str(int(split.cost.group)),
        "PHAM_VI": str(int(split.cost.scope)),
        "NGAY_YL": write_moment(split.cost.ordered_at),
    }


def _drug(drug: DrugForClaim, visit: VisitForClaim) -> dict[str, str]:
    return _shares(drug.split) | {
        "MA_THUOC": drug.code,
        "MA_PP_CHEBIEN": drug.processing,
        "MA_CSKCB_THUOC": drug.supplier,
        "TEN_THUOC": drug.name,
        "DON_VI_TINH": drug.unit or drug.split.cost.unit,
        "HAM_LUONG": drug.strength,
        "DUONG_DUNG": drug.route,
        "DANG_BAO_CHE": drug.form,
        "LIEU_DUNG": drug.dose,
        "CACH_DUNG": drug.directions,
        "SO_DANG_KY": drug.registration,
        "TT_THAU": drug.tender,
        "DON_GIA": number(drug.split.cost.hospital_price),
        "MA_KHOA": drug.department or drug.split.cost.department,
        "MA_BAC_SI": drug.doctor,
        "MA_DICH_VU": drug.service,
        "NGAY_TH_YL": write_moment(drug.given_at),
        "MA_PTTT": drug.payment_method,
        "NGUON_CTRA": drug.payer,
        "MA_LK": visit.key,
    }


def _service(item: ServiceForClaim, visit: VisitForClaim) -> dict[str, str]:
    cost = item.split.cost
    return _shares(item.split) | {
        "MA_DICH_VU": item.code,
        "MA_PTTT_QT": item.procedure,
        "MA_VAT_TU": item.supply_code,
        "GOI_VTYT": cost.package,
        "TEN_VAT_TU": item.supply_name,
        "TEN_DICH_VU": item.name,
        "MA_XANG_DAU": item.fuel,
        "DON_VI_TINH": item.unit or cost.unit,
        "DON_GIA_BV": number(cost.hospital_price),
        "DON_GIA_BH": number(cost.insurance_price),
        "TT_THAU": item.tender,
        "TYLE_TT_DV": str(item.split.service_ratio),
        "T_TRANTT": "" if item.split.ceiling is None else money(item.split.ceiling),
        "MA_KHOA": item.department or cost.department,
        "MA_GIUONG": item.bed,
        "MA_BAC_SI": item.orderer,
        "NGUOI_THUC_HIEN": item.performer,
        "MA_BENH": item.diagnosis or visit.main_code,
        "NGAY_TH_YL": write_moment(item.done_at),
        "NGAY_KQ": write_moment(item.result_at),
        "MA_PTTT": item.payment_method,
        "PP_VO_CAM": item.anaesthesia,
        "MA_MAY": item.machine,
        "MA_HIEU_SP": item.model_number,
        "TAI_SU_DUNG": "1" if item.is_reused else "",
        "MA_LK": visit.key,
    }


def _result(item: ResultForClaim, visit: VisitForClaim) -> dict[str, str]:
    return {
        "MA_LK": visit.key,
        "MA_DICH_VU": item.service,
        "MA_CHI_SO": item.index,
        "TEN_CHI_SO": item.name,
        "GIA_TRI": item.value,
        "DON_VI_DO": item.unit,
        "MO_TA": item.description,
        "KET_LUAN": item.conclusion,
        "NGAY_KQ": write_moment(item.result_at),
        "MA_BS_DOC_KQ": item.reader,
    }


def _note(item: NoteForClaim, visit: VisitForClaim) -> dict[str, str]:
    return {
        "MA_LK": visit.key,
        "DIEN_BIEN_LS": item.text,
        "GIAI_DOAN_BENH": item.stage,
        "HOI_CHAN": item.consultation,
        "PHAU_THUAT": item.operation,
        "THOI_DIEM_DBLS": write_moment(item.at),
        "NGUOI_THUC_HIEN": item.writer,
    }


def _re_exam(item: ReExamForClaim, visit: VisitForClaim) -> dict[str, str]:
    return (
        _identity(visit)
        | _diagnosis(visit)
        | {
            "SO_GIAYHEN_KL": item.slip,
            "NGAY_RA": write_moment(visit.ended_at),
            "NGAY_HEN_KL": write_day(item.day),
            "MA_BAC_SI": item.doctor,
            "MA_TTDV": visit.head_licence,
            "NGAY_CT": write_day(item.issued),
        }
    )


def _discharge(paper: DischargeForClaim, visit: VisitForClaim) -> dict[str, str]:
    return (
        _identity(visit)
        | _diagnosis(visit)
        | {
            "SO_LUU_TRU": paper.archive_number,
            "MA_YTE": visit.person.patient_number,
            "MA_KHOA_RV": paper.department,
            "NGAY_RA": write_moment(visit.ended_at),
            "MA_DINH_CHI_THAI": "0",
            "PP_DIEUTRI": paper.method,
            "GHI_CHU": paper.advice,
            "MA_TTDV": visit.head_licence,
            "MA_BS": paper.signer,
            "TEN_BS": paper.signer_name,
            "NGAY_CT": write_day(local_date(visit.ended_at)),
            "HO_TEN_CHA": paper.father,
            "HO_TEN_ME": paper.mother,
        }
    )


def _transfer(slip: TransferForClaim, visit: VisitForClaim) -> dict[str, str]:
    person = visit.person
    return (
        _identity(visit)
        | _diagnosis(visit)
        | {
            "SO_HOSO": slip.file_number,
            "SO_CHUYENTUYEN": slip.book_number,
            "GIAY_CHUYEN_TUYEN": slip.slip,
            "MA_CSKCB_DI": visit.sender,
            "MA_CSKCB_DEN": visit.receiver,
            "MA_NOI_DI": visit.sender,
            "MA_NOI_DEN": visit.receiver,
            "MA_QUOCTICH": person.nationality,
            "MA_DANTOC": person.ethnicity,
            "MA_NGHE_NGHIEP": person.occupation,
            "NGAY_RA": write_moment(visit.ended_at),
            "DAU_HIEU_LS": slip.signs,
            "QT_BENHLY": slip.course,
            "TOMTAT_KQ": slip.results,
            "PP_DIEU_TRI": visit.treatment,
            "TINH_TRANG_CT": slip.condition,
            "MA_LOAI_RV": visit.leaving,
            "MA_LYDO_CT": slip.reason,
            "HUONG_DIEU_TRI": slip.plan,
            "PHUONGTIEN_VC": slip.transport,
            "HOTEN_NGUOI_HT": slip.escort,
            "MA_BAC_SI": slip.doctor,
            "MA_TTDV": visit.head_licence,
        }
    )


def _sum(rows: Iterable[Row], name: str) -> str:
    return money(sum((row.amount(name) for row in rows), Decimal(0)))


def _totals(drugs: Sequence[Row], services: Sequence[Row]) -> dict[str, str]:
    lines = [*drugs, *services]
    return {
        "T_THUOC": _sum(drugs, "THANH_TIEN_BV"),
        "T_VTYT": _sum((r for r in services if r["MA_NHOM"] in _SUPPLIES), "THANH_TIEN_BV"),
        "T_TONGCHI_BV": _sum(lines, "THANH_TIEN_BV"),
        "T_TONGCHI_BH": _sum(lines, "THANH_TIEN_BH"),
        "T_BNTT": _sum(lines, "T_BNTT"),
        "T_BNCCT": _sum(lines, "T_BNCCT"),
        "T_BHTT": _sum(lines, "T_BHTT"),
        "T_NGUONKHAC": _sum(lines, "T_NGUONKHAC"),
        "T_BHTT_GDV": _sum((r for r in lines if r["MA_PTTT"] == "1"), "T_BHTT"),
    }


def _exemption(visit: VisitForClaim) -> str:
    """Return the day of the paper, or the minute if it was reached inside this visit."""
    at = visit.exempt_from
    if at is None:
        return ""
    return write_moment(at) if at >= visit.arrived_at else write_day(local_date(at))


def _main(visit: VisitForClaim, totals: dict[str, str]) -> dict[str, str]:
    person = visit.person
    settled = local_date(visit.paid_at or visit.ended_at)
    return (
        _identity(visit)
        | _diagnosis(visit)
        | totals
        | {
            "STT": "1",
            "NHOM_MAU": person.blood_group,
            "MA_QUOCTICH": person.nationality,
            "MA_DANTOC": person.ethnicity,
            "MA_NGHE_NGHIEP": person.occupation,
            "MATINH_CU_TRU": person.province,
            "MAXA_CU_TRU": person.commune,
            "DIEN_THOAI": person.phone,
            "NGAY_MIEN_CCT": _exemption(visit),
            "LY_DO_VV": visit.reason,
            "CHAN_DOAN_VAO": visit.diagnosis_on_arrival,
            "MA_PTTT_QT": ";".join(visit.procedure_codes),
            "MA_NOI_DI": visit.sender,
            "MA_NOI_DEN": visit.receiver,
            "MA_TAI_NAN": visit.injury,
            "NGAY_RA": write_moment(visit.ended_at),
            "GIAY_CHUYEN_TUYEN": visit.slip,
            "SO_NGAY_DTRI": str(_days_of_treatment(visit)),
            "PP_DIEU_TRI": visit.treatment,
            "KET_QUA_DTRI": visit.outcome,
            "MA_LOAI_RV": visit.leaving,
            "GHI_CHU": visit.advice,
            "NGAY_TTOAN": write_moment(visit.paid_at),
            "NAM_QT": f"{settled.year:04}",
            "THANG_QT": str(settled.month),
            "MA_KHOA": ";".join(visit.departments),
            "MA_KHUVUC": visit.living_area,
            "CAN_NANG": "" if visit.weight_kg is None else number(visit.weight_kg),
            "CAN_NANG_CON": ";".join(map(str, visit.baby_weights_g)),
            "NAM_NAM_LIEN_TUC": write_day(visit.five_years_on),
            "NGAY_TAI_KHAM": ";".join(write_day(item.day) for item in visit.re_exams),
            "MA_HSBA": visit.record_number,
            "MA_TTDV": visit.head_licence,
        }
    )


def _numbered(table: str, on: date, contents: Iterable[Mapping[str, str]]) -> tuple[Row, ...]:
    return tuple(
        _row(table, on, position, {**values, "STT": str(position)})
        for position, values in enumerate(contents, start=1)
    )


def build_episode(visit: VisitForClaim) -> Episode:
    """Return the tables of one visit, those without rows left out.

    Raises NothingToClaim if the visit has no drug and no service.
    """
    if not visit.drugs and not visit.services:
        raise NothingToClaim
    on = local_date(visit.ended_at)
    drugs = _numbered("XML2", on, (_drug(item, visit) for item in visit.drugs))
    services = _numbered("XML3", on, (_service(item, visit) for item in visit.services))
    tables = {
        "XML1": (_row("XML1", on, 1, _main(visit, _totals(drugs, services))),),
        "XML2": drugs,
        "XML3": services,
        "XML4": _numbered("XML4", on, (_result(item, visit) for item in visit.results)),
        "XML5": _numbered("XML5", on, (_note(item, visit) for item in visit.notes)),
        "XML7": (_row("XML7", on, 1, _discharge(visit.discharge, visit)),)
        if visit.discharge
        else (),
        "XML13": (_row("XML13", on, 1, _transfer(visit.transfer, visit)),)
        if visit.transfer
        else (),
        "XML14": tuple(_row("XML14", on, 1, _re_exam(item, visit)) for item in visit.re_exams[:1]),
    }
    return Episode({name: rows for name, rows in tables.items() if rows})


def build_claim(visit: VisitForClaim, *, created: datetime) -> Claim:
    """Return the claim file of one visit, made at `created` (aware).

    Raises NothingToClaim if the visit has no drug and no service.
    """
    return Claim(
        facility=visit.facility,
        created=write_day(local_date(created)),
        episodes=(build_episode(visit),),
        declared_count="1",
    )


def build_check_in(visit: VisitForClaim) -> CheckIn:
    """Return the check-in of a visit: the person, the card and the first thing that costs.

    Raises NothingToClaim as long as nothing was ordered.
    """
    costs: list[tuple[datetime, dict[str, str]]] = [
        (s.split.cost.ordered_at, _first_service(s)) for s in visit.services
    ]
    costs += [
        (d.split.cost.ordered_at, {"MA_THUOC": d.code, "TEN_THUOC": d.name}) for d in visit.drugs
    ]
    if not costs:
        raise NothingToClaim
    ordered_at, first = min(costs, key=lambda cost: cost[0])
    values = _identity(visit) | first | {"STT": "1", "NGAY_YL": write_moment(ordered_at)}
    return CheckIn((_row(CHECK_IN, local_date(visit.arrived_at), 1, values),))


def _first_service(item: ServiceForClaim) -> dict[str, str]:
    if item.supply_code:
        return {"MA_VAT_TU": item.supply_code, "TEN_VAT_TU": item.supply_name}
    return {"MA_DICH_VU": item.code, "TEN_DICH_VU": item.name}
