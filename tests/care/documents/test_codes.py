"""Every paper leads by its QR to where a stranger can check it."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

import pypdfium2
import pytest
import zxingcpp

from yba.care.documents import keeping, model, paper, rendering, sheets
from yba.care.documents.rendering import render_now

NOON = datetime(2026, 9, 15, 5, 0, tzinfo=UTC)
# Tickets of a ledger, which nobody signs: their QR says what the desk or the till puts there.
TICKETS = {"queue_slip", "receipt"}
SIGNED = {"outpatient_record", "prescription", "laboratory_report"}
ADDRESS = "https://yba.example/verify/k7m2p9x4d8qa"


def codes_of(pdf: bytes, page: int = -1) -> list[str]:
    """Return what the QR codes of a page say."""
    document = pypdfium2.PdfDocument(pdf)
    page = range(len(document))[page]
    picture = document[page].render(scale=4).to_pil()
    document.close()
    return [one.text for one in zxingcpp.read_barcodes(picture)]


@pytest.fixture
def printed(record, prescription_sheet, laboratory_report, sealing, fonts):
    """Return a printer of signed papers by the name of their template."""
    known = {
        sheets.template_of(one): one for one in (record, prescription_sheet, laboratory_report)
    }

    def make(name: str) -> bytes:
        words = sheets.words_of(known[name], sealing, at=NOON)
        return render_now(name, words, fonts=fonts, at=NOON)

    return make


def test_every_template_is_known_here():
    found = {one.stem for one in rendering._FOLDER.glob("*.typ")} - {"kit"}

    assert found == SIGNED | TICKETS | {"paper_copy", "destruction_minutes"}
    assert len(keeping.NAMES) == len(model.Kind) == len(SIGNED)


@pytest.mark.parametrize("name", sorted(SIGNED))
def test_a_signed_paper_leads_to_its_own_entry(printed, name):
    assert ADDRESS in codes_of(printed(name))


def test_every_page_of_a_paper_copy_leads_to_the_original(printed, fonts):
    content = printed("outpatient_record")
    copy = model.PaperCopy(
        system="Yba",
        owner="Bệnh viện",
        number=1,
        person="Người In",
        at=NOON,
        address=ADDRESS,
        short_id="k7m2p9x4d8qa",
        sha256="0" * 64,
        superseded=False,
    )

    copied = paper.with_marks(content, copy, fonts=fonts)

    for page in range(2):
        assert ADDRESS in codes_of(copied, page)


def test_minutes_of_the_facility_lead_to_the_public_check(fonts):
    facility = dict.fromkeys(("name", "authority", "contact", "code"), "x")
    said = dict.fromkeys(
        ("number", "at", "reason", "proposer", "proposed_at", "approver", "approved_at",
         "executor", "resources", "papers"), "x",
    )  # fmt: skip
    address = "https://yba.example/verify"
    check = {"address": address, "qr": sheets.qr_drawing(address)}
    words = {**said, "facility": facility, "lines": [], "check": check}

    minutes = render_now("destruction_minutes", words, fonts=fonts, at=NOON)

    assert [urlsplit(one).path for one in codes_of(minutes)] == ["/verify"]
