"""The people of the demonstration: staff, clinics, patients. All invented.

Identity numbers begin with 099, a birth-registration place that is not
issued; telephone numbers end in five zeros and a counter.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from rich.console import Console

from yba.care.scheduling.model import Clinic
from yba.foundation.accounts.model import ROLE_NAMES
from yba.foundation.parties.model import (
    HealthInsurance,
    IdentifierKind,
    PersonAddress,
    PersonDetails,
    PersonIdentifier,
    Sex,
)
from yba.plumbing.settings import Settings

PASSWORD = "yba-demo-2026"  # noqa: S105 - printed on the sign-in page of the demo


@dataclass(frozen=True, slots=True)
class StaffMember:
    """Somebody who works in the demo hospital."""

    login: str
    role: str
    name: str
    licence: str = ""
    department: str = ""


STAFF = (
    StaffMember("letan", "receptionist", "Trần Thị Tiếp Đón"),
    StaffMember("dieuduong", "nurse", "Lê Thị Điều Dưỡng", "000101/HNO-GPHN", "K01"),
    StaffMember("bacsi", "doctor", "BS. Nguyễn Văn Khám", "000201/HNO-GPHN", "K01"),
    StaffMember("bacsi2", "doctor", "BS. Phạm Thị Nhi", "000202/HNO-GPHN", "K18"),
    StaffMember("xetnghiem", "laboratory", "KTV. Đỗ Văn Mẫu", "000301/HNO-GPHN", "K38"),
    StaffMember("xetnghiem2", "laboratory", "KTV. Vũ Thị Duyệt", "000302/HNO-GPHN", "K38"),
    StaffMember("thungan", "cashier", "Hoàng Thị Thu Ngân"),
    StaffMember("quantri", "administrator", "Bùi Văn Quản Trị"),
    StaffMember("baove", "privacy", "Mai Thị Bảo Vệ"),
)
CITIZEN_LOGIN = "nguoidan"
# The mother of the citizen of the demo, an account of her own.
MOTHER_LOGIN, MOTHER = "badao", 4


def clinics(
    facility_code: str, exam_service: str, exam_of_clinic: Mapping[str, str]
) -> list[Clinic]:
    """Return the consulting rooms of the demo hospital."""
    rooms = (
        ("NOI1", "Phòng khám Nội tổng hợp 1", "P.101", "K01", "A"),
        ("NOI2", "Phòng khám Nội tổng hợp 2", "P.102", "K01", "B"),
        ("NHI", "Phòng khám Nhi", "P.105", "K18", "N"),
        ("SAN", "Phòng khám Phụ sản", "P.107", "K27", "S"),
        ("TMH", "Phòng khám Tai Mũi Họng", "P.110", "K28", "T"),
    )
    return [
        Clinic(
            clinic_id="",
            facility_code=facility_code,
            code=code,
            name=name,
            room=room,
            department_code=department,
            ticket_prefix=prefix,
            exam_service_code=exam_of_clinic.get(code, exam_service),
            position=position,
        )
        for position, (code, name, room, department, prefix) in enumerate(rooms, start=1)
    ]


# Province, commune (both as in force since 2025-07-01), and how they are written.
HA_NOI = ("01", "00004", "Phường Ba Đình, Thành phố Hà Nội")
BAC_NINH = ("24", "07210", "Phường Bắc Giang, Tỉnh Bắc Ninh")
HUNG_YEN = ("33", "11953", "Phường Phố Hiến, Tỉnh Hưng Yên")
NINH_BINH = ("37", "13285", "Phường Phủ Lý, Tỉnh Ninh Bình")
# Where a card is registered: here, or at another (fictitious) facility.
OURS, ELSEWHERE = "99999", "01999"


def _person(
    number: int,
    name: str,
    birth_date: str,
    sex: Sex,
    province: tuple[str, str, str],
    card: str = "",
    digit: str = "4",
    group: str = "DN",
    registered: str = OURS,
) -> PersonDetails:
    code, commune, place = province
    year = birth_date[:4]
    century_sex = (0 if year < "2000" else 2) + (0 if sex == Sex.MALE else 1)
    identity = f"099{century_sex}{year[2:]}{number:06d}"
    identifiers = [PersonIdentifier(kind=IdentifierKind.CCCD, value=identity)]
    insurance = None
    if card:
        insurance = HealthInsurance(
            number=f"{group}{digit}01{card}",
            registered_facility=registered,
            valid_from=date(2026, 1, 1),
            valid_to=date(2026, 12, 31),
            benefit_digit=digit,
        )
    return PersonDetails(
        name=name,
        birth_date=birth_date,
        sex=sex,
        identifiers=tuple(identifiers),
        address=PersonAddress(
            text=f"Số {number} đường Hoa Mẫu, {place}",
            province_code=code,
            commune_code=commune,
        ),
        phone=f"+84900000{number:03d}",
        ethnicity="01",
        occupation="00",
        insurance=insurance,
    )


# The first one owns the citizen log-in.
PATIENTS = (
    _person(
        1,
        "Nguyễn Thị Lan Anh",
        "1985-03-12",
        Sex.FEMALE,
        HA_NOI,
        "9900000001",
        registered=ELSEWHERE,
    ),
    _person(2, "Trần Văn Bình", "1958-11-02", Sex.MALE, HA_NOI, "9900000002", "3", "HT"),
    _person(3, "Lê Hoàng Cường", "1990-07-25", Sex.MALE, BAC_NINH, "9900000003"),
    _person(4, "Phạm Gia Hân", "2022-05-19", Sex.FEMALE, HA_NOI, "9900000004", "1", "TE"),
    _person(5, "Hoàng Thị Đào", "1947-01-30", Sex.FEMALE, HUNG_YEN, "9900000005", "2", "BT"),
    _person(6, "Vũ Minh Đức", "2001-09-08", Sex.MALE, NINH_BINH, "9900000006", "4", "SV"),
    _person(7, "Đặng Thuý Hạnh", "1994-12-24", Sex.FEMALE, HA_NOI),
    _person(8, "Bùi Quang Khải", "1979-04-04", Sex.MALE, HA_NOI, "9900000008", "4", "GD"),
    _person(9, "Đỗ Ngọc Linh", "2015-02-11", Sex.FEMALE, BAC_NINH, "9900000009", "4", "HS"),
    _person(10, "Ngô Thị Mai", "1968-08-16", Sex.FEMALE, HUNG_YEN, "9900000010", "2", "HN"),
    _person(11, "Dương Văn Nam", "1983-10-10", Sex.MALE, NINH_BINH),
    _person(12, "Lý Thị Oanh", "1999-06-01", Sex.FEMALE, HA_NOI, "9900000012"),
)

# Who already waits when the demo opens: patient, clinic code, reason, MA_DOITUONG_KCB.
WAITING = (
    (1, "NOI1", "Đau đầu, chóng mặt ba ngày nay", "1.1"),
    (2, "NOI1", "Ho, sốt nhẹ về chiều", "1.1"),
    (4, "NOI1", "Khám lại tăng huyết áp", "1.1"),
    (3, "NHI", "Sốt, phát ban", "1.1"),
    (8, "NHI", "Đau bụng, nôn", "1.1"),
    (6, "SAN", "Khám thai định kỳ", "9"),
)


def logins() -> list[tuple[str, str, str, str]]:
    """Return (login, password, role, name) of everybody in the demo, in the order of a visit."""
    people = [(m.login, PASSWORD, ROLE_NAMES[m.role], m.name) for m in STAFF]
    citizen = ROLE_NAMES["citizen"]
    return [
        *people,
        (CITIZEN_LOGIN, PASSWORD, citizen, PATIENTS[0].name),
        (MOTHER_LOGIN, PASSWORD, citizen, PATIENTS[MOTHER].name),
    ]


def announce(config: Settings, console: Console) -> None:
    """Print where the demo is and how to get in."""
    console.print(f"\n[bold]{config.facility_name}[/bold]")
    console.print(f"  pages  {config.base_url}/\n  FHIR   {config.base_url}/fhir/metadata")
    console.print("  token  yba token\n")
    for login, password, role, name in logins():
        console.print(f"  {login:12} {password}   {role:22} {name}", highlight=False)
    console.print("\nAll people here are invented. Stop with Ctrl-C or `make demo-stop`.\n")
