"""Two fictitious visits that break no rule, for tests to change one thing at a time."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from yba.kernel.clock import VIETNAM
from yba.money.charging.model import Card, CostLine, CoverageTerms, SplitBill, Table
from yba.money.charging.rulebook import shipped_rules
from yba.money.charging.split import split
from yba.money.insurance.build import build_check_in, build_episode
from yba.money.insurance.claim import CheckIn, Claim, Episode, Row
from yba.money.insurance.tables import layout
from yba.money.insurance.visit import (
    CardForClaim,
    DrugForClaim,
    NoteForClaim,
    PersonForClaim,
    ReExamForClaim,
    ResultForClaim,
    ServiceForClaim,
    VisitForClaim,
    VitalSigns,
    dose_notation,
)

FACILITY = "99999"
DOCTOR = "000001/XX-GPHN"
TECHNICIAN = "000002/XX-GPHN"
HEAD = "000009/XX-GPHN"


def moment(text: str) -> datetime:
    """Return the aware moment written as `yyyyMMddHHmm` on Vietnam's clock."""
    return datetime.strptime(text, "%Y%m%d%H%M").replace(tzinfo=VIETNAM)


WOMAN = PersonForClaim(
    patient_number="BN000017",
    full_name="Nguyễn Thị Thử Nghiệm",
    born=date(1985, 3, 12),
    sex="2",
    address="Số 5 ngõ Mẫu, phường Ba Đình, Thành phố Hà Nội",
    province="01",
    commune="00004",
    identity="001185000017",
    phone="0900000017",
    occupation="22",
)
CARD = CardForClaim("GD4010000000017", FACILITY, date(2026, 1, 1), date(2026, 12, 31))


def _cost(key: str, table: Table, group: int, price: str, at: str, **more: object) -> CostLine:
    values: dict[str, object] = {
        "key": key,
        "table": table,
        "group": group,
        "quantity": Decimal(1),
        "hospital_price": Decimal(price),
        "insurance_price": Decimal(price),
        "ordered_at": moment(at),
        **more,
    }
    return CostLine(**values)  # type: ignore[arg-type]


def _bill(lines: Sequence[CostLine], *, inpatient: bool, arrived: str, ended: str) -> SplitBill:
    terms = CoverageTerms(
        category="1.1",
        is_inpatient=inpatient,
        arrived_at=moment(arrived),
        ended_at=moment(ended),
        cards=[Card(CARD.number, date(2026, 1, 1), CARD.valid_to, CARD.registered_at)],
    )
    return split(lines, terms, shipped_rules())


def outpatient() -> VisitForClaim:
    """Return an examination with one test, one image, two drugs and a re-exam."""
    lines = [
        _cost("exam", Table.SERVICE, 13, "50600", "202609150805"),
        _cost("lab", Table.SERVICE, 1, "248500", "202609150820"),
        _cost("image", Table.SERVICE, 2, "73300", "202609150821"),
        _cost("drug", Table.DRUG, 4, "1450.5", "202609151010", quantity=Decimal(20)),
        _cost("syrup", Table.DRUG, 6, "65000", "202609151010", insurance_ratio=50),
    ]
    bill = _bill(lines, inpatient=False, arrived="202609150800", ended="202609151030")
    exam, lab, image, drug, syrup = bill.lines
    service = ServiceForClaim(
        split=exam,
        code="02.1896",
        name="Khám Nội",
        unit="Lần",
        department="K01",
        orderer=DOCTOR,
        performer=DOCTOR,
        done_at=moment("202609150810"),
        result_at=moment("202609150818"),
    )
    test = replace(
        service,
        split=lab,
        code="23.0075.1494",
        name="Định lượng Glucose [máu]",
        performer=TECHNICIAN,
        done_at=moment("202609150835"),
        result_at=moment("202609150920"),
        machine="SH.1.Z1",
    )
    picture = replace(
        test,
        split=image,
        code="18.0119.0028",
        name="Chụp X-quang ngực thẳng",
        done_at=moment("202609150840"),
        result_at=moment("202609150900"),
        machine="XQ.1.Z2",
    )
    pill = DrugForClaim(
        split=drug,
        code="40.30",
        name="Paracetamol Mẫu",
        strength="500mg",
        route="1.01",
        dose=dose_notation("1", "viên", 4, 5, "4"),
        unit="Viên",
        form="Viên nén",
        directions="Uống khi sốt",
        registration="VD-90017-26",
        tender="QĐ12;G1;N2;2026",
        department="K01",
        doctor=DOCTOR,
    )
    bottle = replace(
        pill,
        split=syrup,
        code="40.998",
        name="Siro Ho Mẫu",
        strength="100ml",
        unit="Chai",
        dose="5ml * 3 lần * 5 ngày [15ml/ngày]",
        form="Siro",
    )
    return VisitForClaim(
        key="DEMO0001",
        facility=FACILITY,
        record_number="HS2600017",
        person=WOMAN,
        category="1.1",
        care_type="01",
        arrived_at=moment("202609150800"),
        ended_at=moment("202609151030"),
        reason="Ho, sốt 3 ngày",
        diagnosis_on_arrival="Theo dõi viêm họng",
        diagnosis="Viêm họng cấp, không xác định; tăng huyết áp",
        main_code="J02.9",
        other_codes=("I10",),
        departments=("K01",),
        head_licence=HEAD,
        cards=(CARD,),
        paid_at=moment("202609151045"),
        weight_kg=Decimal("52.5"),
        treatment="Nội khoa",
        advice="Uống nhiều nước",
        five_years_on=date(2020, 1, 1),
        drugs=(pill, bottle),
        services=(service, test, picture),
        results=(
            ResultForClaim(
                service="23.0075.1494",
                index="1000001",
                name="Glucose",
                value="5.4",
                unit="mmol/L",
                result_at=moment("202609150920"),
                reader=TECHNICIAN,
            ),
            ResultForClaim(
                service="18.0119.0028",
                name="X-quang ngực",
                description="Hai phế trường sáng",
                conclusion="Không thấy bất thường",
                result_at=moment("202609150900"),
                reader=DOCTOR,
            ),
        ),
        notes=(
            NoteForClaim(
                text="Tỉnh, họng đỏ & đau "
                + VitalSigns(
                    pulse=88, temperature=Decimal("38.2"), systolic=130, diastolic=80
                ).notation(),
                at=moment("202609150812"),
                writer=DOCTOR,
            ),
        ),
        re_exams=(
            ReExamForClaim(
                slip="GH2600017", day=date(2026, 9, 22), doctor=DOCTOR, issued=date(2026, 9, 15)
            ),
        ),
    )


def inpatient() -> VisitForClaim:
    """Return a stay of three days with an operation, a supply, beds and a drug."""
    lines = [
        _cost("exam", Table.SERVICE, 13, "50600", "202609010800"),
        _cost("operation", Table.SERVICE, 8, "2816900", "202609011000"),
        _cost("supply", Table.SERVICE, 10, "1200000", "202609011000", package="G1"),
        _cost("bed", Table.SERVICE, 15, "336700", "202609010900", quantity=Decimal(2)),
        _cost("drug", Table.DRUG, 4, "1450.5", "202609011100", quantity=Decimal(4)),
    ]
    bill = _bill(lines, inpatient=True, arrived="202609010755", ended="202609031000")
    exam, operation, supply, bed, drug = bill.lines
    service = ServiceForClaim(
        split=exam,
        code="10.1897",
        name="Khám Ngoại",
        unit="Lần",
        department="K01",
        orderer=DOCTOR,
        performer=DOCTOR,
        done_at=moment("202609010805"),
        result_at=moment("202609010815"),
    )
    cut = replace(
        service,
        split=replace(operation, cost=replace(operation.cost, package="G1")),
        code="10.0506.0459",
        name="Phẫu thuật cắt ruột thừa",
        department="K19",
        performer=f"{DOCTOR};{TECHNICIAN}",
        anaesthesia="1",
        procedure="47.09",
        machine="PT.1.Z9",
        done_at=moment("202609011030"),
        result_at=moment("202609011130"),
    )
    mesh = replace(
        service,
        split=supply,
        code="10.0506.0459",
        name="",
        supply_code="N07.06.050.1234",
        supply_name="Lưới Mẫu",
        tender="QĐ12;G1;N2;2026",
        unit="Cái",
        department="K19",
        performer="",
        done_at=None,
        result_at=None,
    )
    ward = replace(
        service,
        split=bed,
        code="K19.1913",
        name="Giường Ngoại khoa loại 3",
        unit="Ngày",
        department="K19",
        performer="",
        done_at=None,
        bed="H001",
        result_at=moment("202609031000"),
    )
    pill = replace(
        outpatient().drugs[0],
        split=drug,
        department="K19",
        dose=dose_notation("1", "viên", 4, 1, "4"),
    )
    return replace(
        outpatient(),
        key="DEMO0002",
        care_type="03",
        arrived_at=moment("202609010755"),
        admitted_at=moment("202609010900"),
        admission_reason="Đau hố chậu phải",
        ended_at=moment("202609031000"),
        paid_at=moment("202609031100"),
        main_code="K35.8",
        diagnosis="Viêm ruột thừa cấp, khác và không xác định",
        diagnosis_on_arrival="Viêm ruột thừa",
        other_codes=(),
        procedure_codes=("47.09",),
        departments=("K01", "K19"),
        services=(service, cut, mesh, ward),
        drugs=(pill,),
        results=(),
        notes=tuple(
            NoteForClaim("Ổn định", moment(f"2026090{day}0930"), DOCTOR) for day in (1, 2, 3)
        ),
        re_exams=(),
    )


def _paper(table: str, on: date, **values: str) -> tuple[Row, ...]:
    names = layout(table, on).by_name
    return (Row(table, 1, {name: values.get(name, "") for name in names}),)


def _stay_papers(main: Row, on: date) -> dict[str, tuple[Row, ...]]:
    shared = {name: main[name] for name in ("MA_LK", "NGAY_VAO", "NGAY_RA", "CHAN_DOAN_RV")}
    signed = {"MA_TTDV": HEAD, "MA_BS": DOCTOR, "TEN_BS": "Trần Văn Mẫu", "NGAY_CT": "20260903"}
    return {
        "XML7": _paper(
            "XML7",
            on,
            **shared,
            **signed,
            SO_LUU_TRU=main["MA_HSBA"],
            MA_YTE=main["MA_BN"],
            MA_KHOA_RV="K19",
            PP_DIEUTRI="Phẫu thuật",
            MA_DINH_CHI_THAI="0",
            SO_NGAY_NGHI="5",
            NGOAITRU_TUNGAY="20260904",
            NGOAITRU_DENNGAY="20260908",
        ),
        "XML8": _paper(
            "XML8",
            on,
            **shared,
            **signed,
            MA_LOAI_KCB=main["MA_LOAI_KCB"],
            CHAN_DOAN_VAO=main["CHAN_DOAN_VAO"],
            QT_BENHLY="Đau bụng 1 ngày",
            TOMTAT_KQ="Bạch cầu tăng",
            PP_DIEUTRI="Phẫu thuật",
            KET_QUA_DTRI=main["KET_QUA_DTRI"],
        ),
    }


def _other_papers(main: Row, on: date) -> dict[str, tuple[Row, ...]]:
    """Return one row of each table that the others lack, without an error of its own."""
    key = {"MA_LK": main["MA_LK"]}
    signed = {"MA_TTDV": HEAD, "MA_BS": DOCTOR, "TEN_BS": "Trần Văn Mẫu", "NGAY_CT": "20260903"}
    leave = {"TU_NGAY": "20260903", "DEN_NGAY": "20260907"}
    return {
        "XML6": _paper(
            "XML6",
            on,
            **key,
            NOI_LAY_MAU_XN=FACILITY,
            NOI_XN_KD=FACILITY,
            NOI_BDDT_ARV=FACILITY,
            MA_LYDO_DTRI="1",
            LOAI_DTRI_LAO="2",
            SANG_LOC_LAO="2",
            PHACDO_DTRI_LAO="1",
            NGAYBD_DTRI_LAO="20260801",
            KQ_DTRI_LAO="1",
            MA_LOAI_BN="1",
            GIAI_DOAN_LAM_SANG="1",
            NHOM_DOI_TUONG="11",
            MA_TINH_TRANG_DK="9",
            MA_XU_TRI="1;2",
            NGAY_BAT_DAU_XU_TRI="20260901",
            NGAY_KET_THUC_XU_TRI="20260930",
            SO_NGAY_CAP_THUOC_ARV="29",
            MA_PHAC_DO_DIEU_TRI="KHAC",
            MA_BAC_PHAC_DO="1",
        ),
        "XML9": _paper(
            "XML9",
            on,
            **key,
            **signed,
            HO_TEN_NND=main["HO_TEN"],
            NGAYSINH_NND="19850312",
            MA_DANTOC_NND="01",
            SO_CCCD_NND=main["SO_CCCD"],
            NGAYCAP_CCCD_NND="20220101",
            NOICAP_CCCD_NND="Cục Mẫu",
            NOI_CU_TRU_NND=main["DIA_CHI"],
            MA_QUOCTICH="000",
            MATINH_CU_TRU="01",
            MAXA_CU_TRU="00004",
            MA_THE_TAM="TE1010000000099",
            GIOI_TINH_CON="1",
            SO_CON="1",
            LAN_SINH="2",
            SO_CON_SONG="2",
            CAN_NANG_CON="3200",
            NGAY_SINH_CON="202609011045",
            NOI_SINH_CON="Bệnh viện Mẫu",
            TINH_TRANG_CON="Tốt",
            SINHCON_PHAUTHUAT="1",
            SINHCON_DUOI32TUAN="0",
            GHI_CHU="Sinh con phải phẫu thuật",
            NGUOI_DO_DE="Lê Thị Mẫu",
            NGUOI_GHI_PHIEU="Lê Thị Mẫu",
            SO="17",
            QUYEN_SO="2026",
        ),
        "XML10": _paper(
            "XML10",
            on,
            **key,
            **signed,
            **leave,
            SO_SERI="A17",
            SO_CT="17",
            SO_NGAY="5",
            DON_VI="Công ty Mẫu",
            CHAN_DOAN_RV="Nghỉ dưỡng thai",
        ),
        "XML11": _paper(
            "XML11",
            on,
            **key,
            **signed,
            **leave,
            SO_CT="17",
            SO_SERI="B17",
            SO_KCB="17",
            DON_VI="Công ty Mẫu",
            MA_BHXH="0123456789",
            CHAN_DOAN_RV=main["CHAN_DOAN_RV"],
            PP_DIEUTRI="ngoại khoa",
            SO_NGAY_NGHI="5",
            MAU_SO="CT07",
        ),
        "XML15": _paper(
            "XML15",
            on,
            **key,
            MA_BN=main["MA_BN"],
            PHANLOAI_LAO_VITRI="1",
            PHANLOAI_LAO_TS="1",
            PHANLOAI_LAO_HIV="2",
            PHANLOAI_LAO_VK="1",
            PHANLOAI_LAO_KT="1",
            LOAI_DTRI_LAO="2",
            NGAYBD_DTRI_LAO="20260801",
            PHACDO_DTRI_LAO="1",
            KET_QUA_DTRI_LAO="2",
        ),
    }


def _transfer(main: Row, on: date) -> tuple[Row, ...]:
    repeated = {
        name: main[name]
        for name in (
            "MA_LK",
            "HO_TEN",
            "NGAY_SINH",
            "GIOI_TINH",
            "DIA_CHI",
            "MA_THE_BHYT",
            "NGAY_VAO",
            "NGAY_RA",
            "CHAN_DOAN_RV",
            "MA_BENH_CHINH",
        )
    }
    return _paper(
        "XML13",
        on,
        **repeated,
        SO_HOSO="17",
        SO_CHUYENTUYEN="17",
        GIAY_CHUYEN_TUYEN="CT17",
        MA_CSKCB_DEN="99998",
        DAU_HIEU_LS="Tỉnh",
        QT_BENHLY="Đau bụng",
        MA_LOAI_RV="2",
        MA_LYDO_CT="1",
        HUONG_DIEU_TRI="Theo dõi",
        PHUONGTIEN_VC="Xe cứu thương",
        MA_BAC_SI=DOCTOR,
        MA_TTDV=HEAD,
    )


def episode(kind: str) -> Episode:
    """Return a faultless episode: `outpatient`, `inpatient` or `everything` (all tables)."""
    if kind == "outpatient":
        return build_episode(outpatient())
    stay = build_episode(inpatient())
    on = date(2026, 9, 3)
    tables = {**stay.tables, **_stay_papers(stay.main, on)}
    if kind == "everything":
        changed = {
            "MA_NOI_DEN": "99998",
            "MA_LOAI_RV": "2",
            "MA_BENH_KT": "A15.0;O82.9",
            "CAN_NANG_CON": "3200",
        }
        main = Row("XML1", 1, {**stay.main, **changed})
        tables |= {"XML1": (main,), **_other_papers(main, on), "XML13": _transfer(main, on)}
        slip = episode("outpatient").rows("XML14")[0]
        tables["XML14"] = (
            Row(
                "XML14",
                1,
                {
                    **slip,
                    **{n: main[n] for n in slip if main[n]},
                    "NGAY_HEN_KL": "20260910",
                    "NGAY_CT": "20260903",
                },
            ),
        )
        tables["XML1"] = (Row("XML1", 1, {**main, "NGAY_TAI_KHAM": "20260910"}),)
        tables["XML4"] = ()
    order = sorted((name for name, rows in tables.items() if rows), key=lambda name: int(name[3:]))
    return Episode({name: tables[name] for name in order})


def claim(*kinds: str) -> Claim:
    """Return a claim file of those episodes, made on 2026-09-16."""
    episodes = tuple(episode(kind) for kind in kinds)
    return Claim(FACILITY, "20260916", episodes, str(len(episodes)))


def check_in() -> CheckIn:
    """Return the check-in of the outpatient."""
    return build_check_in(outpatient())
