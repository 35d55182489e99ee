"""A visit of a fictitious patient, as the papers of that visit say it."""

import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pypdfium2
import pytest

from yba.care.documents import model

NOON = datetime(2026, 9, 15, 5, 0, tzinfo=UTC)
ASSETS = Path(__file__).parents[3] / "var" / "assets" / "fonts"


@pytest.fixture(scope="session")
def fonts() -> Path:
    """Return the folder of print fonts, which need not exist."""
    return ASSETS


@pytest.fixture(scope="session")
def text_of() -> Callable[[bytes], str]:
    """Return a reader of all pages: one space between words, in NFC."""

    def read(pdf: bytes) -> str:
        document = pypdfium2.PdfDocument(pdf)
        words = " ".join(page.get_textpage().get_text_range() for page in document)
        document.close()
        return unicodedata.normalize("NFC", " ".join(words.split()))

    return read


@pytest.fixture
def facility() -> model.Facility:
    """Return a hospital that does not exist."""
    return model.Facility(
        code="99999",
        name="Bệnh viện Đa khoa Thử Nghiệm",
        address="Số 1 đường Thử Nghiệm, phường Mẫu, Thành phố Hà Nội",
        phone="024 0000 0000",
        authority="Sở Y tế minh họa",
    )


@pytest.fixture
def patient() -> model.PatientBlock:
    """Return a patient with every letter that printers get wrong."""
    return model.PatientBlock(
        patient_number="26000123",
        name="Nguyễn Thị Phượng Ưởng",
        birth_date="1985-03-12",
        sex="female",
        identity_number="001185000000",
        phone="0912 000 000",
        address="Số 7 ngõ 15 đường Hoa Sữa, phường Mẫu, Thành phố Hà Nội",
        insurance=model.InsuranceBlock(
            number="GD4010100000001",
            registered_facility="99999",
            valid_from=date(2026, 1, 1),
            valid_to=date(2026, 12, 31),
        ),
    )


@pytest.fixture
def doctor() -> model.SignerBlock:
    """Return the doctor who signs."""
    return model.SignerBlock(name="Trần Thị Ngọc Ánh", licence="012345/HNO-GPHN")


@pytest.fixture
def diagnoses() -> tuple[model.DiagnosisLine, ...]:
    """Return a main disease and another one."""
    return (
        model.DiagnosisLine(code="J20.9", name="Viêm phế quản cấp, không đặc hiệu", main=True),
        model.DiagnosisLine(code="I10", name="Tăng huyết áp vô căn (nguyên phát)"),
    )


@pytest.fixture
def prescription() -> model.PrescriptionBlock:
    """Return an ordinary prescription of three drugs."""
    return model.PrescriptionBlock(
        code="99999a1b2c3d-c",
        kind="c",
        issued_at=NOON,
        collect_until=date(2026, 9, 20),
        days=7,
        advice="Uống nhiều nước ấm, nghỉ ngơi. Khó thở hoặc sốt trên 39 °C: đến khám ngay.",
        lines=(
            model.DrugLine(
                name="Amoxicilin (Ampharco)",
                strength="500 mg",
                quantity="21 viên",
                dosage="Uống ngày 3 lần, mỗi lần 1 viên, sau ăn, trong 7 ngày",
            ),
            model.DrugLine(
                name="Paracetamol (Hapacol)",
                strength="500 mg",
                quantity="08 viên",
                dosage="Uống 1 viên khi sốt từ 38,5 °C, cách nhau ít nhất 6 giờ, tối đa 4 viên/ngày",
            ),
            model.DrugLine(
                name="Acetylcystein",
                strength="200 mg",
                quantity="14 gói",
                dosage="Hòa nước uống ngày 2 lần, mỗi lần 1 gói, trong 7 ngày",
            ),
        ),
    )


@pytest.fixture
def results() -> tuple[model.ResultLine, ...]:
    """Return a blood count with a high value."""
    return (
        model.ResultLine(
            name="Bạch cầu (WBC)", value="12,4", unit="G/L", reference="4,0–10,0", flag="H"
        ),
        model.ResultLine(name="Huyết sắc tố (HGB)", value="128", unit="g/L", reference="120–160"),
        model.ResultLine(name="CRP", value="24", unit="mg/L", reference="≤ 5", flag="H"),
    )


@pytest.fixture
def record(facility, patient, doctor, diagnoses, prescription, results) -> model.OutpatientRecord:
    """Return a complete outpatient record."""
    vital = model.VitalLine
    return model.OutpatientRecord(
        facility=facility,
        patient=patient,
        encounter_id="enc0000000001",
        claim_key="99999260000123",
        clinic="Phòng khám Nội tổng hợp 1",
        patient_category="BHYT đúng tuyến",
        opened_at=datetime(2026, 9, 15, 1, 12, tzinfo=UTC),
        closed_at=NOON,
        reason="Ho có đờm, sốt ngày thứ ba",
        history="Bệnh ba ngày nay: ho có đờm vàng, sốt 38,5 °C về chiều, không khó thở.\n"
        "Đã tự uống hạ sốt, đỡ ít.",
        past_history="Tăng huyết áp 2 năm, đang dùng amlodipin 5 mg.",
        allergies="Không có dị ứng đã biết",
        vitals=(
            vital(name="Mạch", value="92", unit="lần/phút"),
            vital(name="Nhiệt độ", value="38,5", unit="°C", flag="H"),
            vital(name="Huyết áp", value="135/85", unit="mmHg"),
            vital(name="Nhịp thở", value="20", unit="lần/phút"),
            vital(name="SpO₂", value="97", unit="%"),
            vital(name="Cân nặng", value="54", unit="kg"),
        ),
        findings="Tỉnh, tiếp xúc tốt. Họng đỏ. Phổi: ran ngáy hai bên, không ran nổ. Tim đều.",
        preliminary_diagnosis="Theo dõi viêm phế quản cấp",
        services=(
            model.ServiceLine(name="Tổng phân tích tế bào máu ngoại vi"),
            model.ServiceLine(name="Định lượng CRP"),
            model.ServiceLine(name="Chụp X-quang ngực thẳng", note="tư thế đứng"),
        ),
        results=results,
        diagnoses=diagnoses,
        prescriptions=(prescription,),
        course="",
        treatment="Kháng sinh, hạ sốt, long đờm; tiếp tục thuốc huyết áp.",
        outcome="Đỡ",
        advice="Uống nhiều nước ấm, nghỉ ngơi. Khó thở hoặc sốt trên 39 °C: đến khám ngay.",
        follow_up=date(2026, 9, 22),
        follow_up_reason="khám lại sau một tuần",
        doctor=doctor,
    )


@pytest.fixture
def sealing() -> model.Sealing:
    """Return what a signed paper says of itself."""
    return model.Sealing(
        document_id="0f3k2m9s00001",
        short_id="k7m2p9x4d8qa",
        address="https://yba.example/verify/k7m2p9x4d8qa",
        version=1,
        reason="",
        at=NOON,
    )


@pytest.fixture
def prescription_sheet(
    facility, patient, doctor, diagnoses, prescription
) -> model.PrescriptionSheet:
    """Return a prescription for the pharmacy."""
    return model.PrescriptionSheet(
        facility=facility,
        patient=patient,
        encounter_id="enc0000000001",
        weight_kg=Decimal(54),
        diagnoses=diagnoses,
        prescription=prescription,
        follow_up=date(2026, 9, 22),
        doctor=doctor,
    )


@pytest.fixture
def laboratory_report(facility, patient, results) -> model.LaboratoryReport:
    """Return a laboratory report."""
    return model.LaboratoryReport(
        facility=facility,
        patient=patient,
        encounter_id="enc0000000001",
        clinic="Phòng khám Nội tổng hợp 1",
        requester="Trần Thị Ngọc Ánh",
        diagnosis="J20.9 Viêm phế quản cấp",
        resulted_at=NOON,
        results=results,
        performer=model.SignerBlock(name="Lê Văn Bền", licence="054321/HNO-GPHN"),
    )


@pytest.fixture
def receipt(facility) -> model.Receipt:
    """Return a receipt of three lines."""

    def line(name: str, price: int, insurance: int) -> model.ReceiptLine:
        return model.ReceiptLine(
            name=name,
            quantity=Decimal(1),
            unit_price=Decimal(price),
            amount=price,
            insurance=insurance,
            patient=price - insurance,
        )

    return model.Receipt(
        facility=facility,
        number="PT26-000123",
        patient_name="Nguyễn Thị Phượng Ưởng",
        patient_number="26000123",
        address="Phường Mẫu, Thành phố Hà Nội",
        lines=(
            line("Khám Nội", 45000, 36000),
            line("Tổng phân tích tế bào máu ngoại vi", 49700, 39760),
            line("Chụp X-quang ngực thẳng", 73300, 58640),
        ),
        total=168000,
        insurance=134400,
        paid=33600,
        method="Chuyển khoản VietQR",
        reference="YBA0000123",
        paid_at=NOON,
        cashier="Phạm Thị Thu",
    )


@pytest.fixture
def queue_slip(facility) -> model.QueueSlip:
    """Return a slip of the desk."""
    return model.QueueSlip(
        facility=facility,
        number="A007",
        clinic="Phòng khám Nội tổng hợp 1",
        room="102",
        waiting_before=6,
        priority=True,
        patient_name="Nguyễn Thị Phượng Ưởng",
        patient_number="26000123",
        issued_at=NOON,
        qr="26000123",
    )
