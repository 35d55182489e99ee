"""`python -m bench.signing`: how long it takes to print, sign and check one page."""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from yba.care.documents import model, sheets
from yba.care.documents.rendering import render_now
from yba.foundation.signing import pades
from yba.foundation.signing.model import Holder, HolderKind
from yba.foundation.signing.service import Signing, open_signing
from yba.foundation.signing.tokens import TokenKey, TokenPool, Tokens
from yba.foundation.signing.verification import verify_pdf

_AT = datetime(2026, 9, 15, 5, 0, tzinfo=UTC)
_ROUNDS = 60
_METHODS = {"doctor": "RSA 2048", "doctor-ec": "P-256"}
_FONTS = Path(os.environ.get("YBA_ASSETS_DIR", "var/assets")) / "fonts"


def _sheet(number: int) -> model.PrescriptionSheet:
    """Return a prescription that differs from the last one, so that nothing is remembered."""
    drug = model.DrugLine(
        name="Amoxicilin", strength="500 mg", quantity="21 viên", dosage="Uống ngày 3 lần"
    )
    return model.PrescriptionSheet(
        facility=model.Facility(code="99999", name="Bệnh viện Đa khoa Thử Nghiệm"),
        patient=model.PatientBlock(
            patient_number=str(number), name=f"Người Bệnh {number}", birth_date="1985", sex="female"
        ),
        encounter_id="e",
        weight_kg=None,
        diagnoses=(model.DiagnosisLine(code="J20.9", name="Viêm phế quản cấp", main=True),),
        prescription=model.PrescriptionBlock(
            code=f"99999{number:07d}-c", kind="c", issued_at=_AT, lines=(drug,) * 6
        ),
        follow_up=date(2026, 9, 22),
        doctor=model.SignerBlock(name="Bác Sĩ Thử", licence="1/HNO-GPHN"),
    )


def _print(number: int) -> bytes:
    sealing = model.Sealing(
        document_id="d",
        short_id=f"{number:012d}",
        address=f"https://yba.example/verify/{number:012d}",
        version=1,
        reason="",
        at=_AT,
    )
    sheet = _sheet(number)
    words = sheets.words_of(sheet, sealing, at=_AT)
    return render_now(sheets.template_of(sheet), words, fonts=_FONTS, at=_AT)


def _signer(signing: Signing) -> Callable[[bytes], bytes]:
    holder = Holder(HolderKind.PERSON, "d1", "Bác Sĩ Thử", signing.organisation, "1/HNO-GPHN")
    certificate = signing.authority.issue(holder, signing.keys.create("d1"), at=_AT)
    note = pades.SigningNote("Signature", "Đơn thuốc", "Thử", "Bác Sĩ Thử", _AT)

    def sign(pdf: bytes) -> bytes:
        prepared = pades.prepare(
            pdf, certificate=certificate, chain=signing.authority.chain(), note=note
        )
        [value] = signing.keys.sign_now("d1", [prepared.digest])
        return pades.finish(prepared, value)

    return sign


def _token_rate(pages: bytes) -> str:
    """Return how many PDFs one core signs with RSA and P-256 keys of SoftHSM2."""
    module = Path("/usr/lib/softhsm/libsofthsm2.so")
    if not module.exists() or shutil.which("softhsm2-util") is None:
        return "not measured: softhsm2 is not installed"
    from tests.authority import running_authority
    from tests.fakes.token import make_token

    rates: list[str] = []
    with tempfile.TemporaryDirectory() as folder, running_authority() as authority:
        token = make_token(Path(folder) / "t", authority, [*_METHODS], name="BENCH", pin="1234")
        os.environ["SOFTHSM2_CONF"] = token.environment["SOFTHSM2_CONF"]
        secret = Path(folder) / "pin"
        secret.touch(mode=0o600)
        secret.write_text("1234")
        pool = TokenPool(Tokens(module), "BENCH", secret)
        for label in _METHODS:
            certificate, key = authority.certificate(label), TokenKey("BENCH", label)
            note = pades.SigningNote("Signature", "Đơn thuốc", "Thử", "Bác Sĩ Thử", _AT)
            started = time.process_time()
            for _ in range(_ROUNDS):
                prepared = pades.prepare(
                    pages, certificate=certificate, chain=authority.chain, note=note
                )
                [value] = pool.sign(key, [prepared.digest])
                pades.finish(prepared, value)
            rate = _ROUNDS / (time.process_time() - started)
            rates.append(f"{_METHODS[label]} {rate:.0f}/s a core")
        pool.close()
    return "; ".join(rates)


def _timed(verb: Callable[[int], bytes], rounds: int = _ROUNDS) -> tuple[bytes, str]:
    times: list[float] = []
    result = b""
    for number in range(rounds):
        started = time.perf_counter()
        result = verb(number)
        times.append((time.perf_counter() - started) * 1000)
    times.sort()
    middle, late = statistics.median(times), times[int(rounds * 0.95)]
    return result, f"p50 {middle:.1f} p95 {late:.1f} best {times[0]:.1f} ms"


def lines() -> Iterator[tuple[str, str]]:
    """Yield what was measured and how it came out; the machine should be idle."""
    with tempfile.TemporaryDirectory() as folder:
        signing = open_signing(Path(folder), organisation="Thử", facility_code="99999", at=_AT)
        sign = _signer(signing)
        page, printing = _timed(_print)
        yield "print one page (A5)", f"{printing}; {len(page):,} bytes"
        sign(page)
        signed, signing_time = _timed(lambda _: sign(page))
        yield "sign it, software key RSA 2048", f"{signing_time} (bar 40 ms)"
        trust = signing.trust()

        def check(_: int) -> bytes:
            assert verify_pdf(signed, trust, at=_AT).is_valid
            return b""

        _, checking = _timed(check)
        yield "verify it", f"{checking} (bar 15 ms)"
    yield "sign with keys in SoftHSM2", f"{_token_rate(page)} (bar 20/s)"


def main() -> None:
    """Print one line a step."""
    print("load " + " ".join(f"{value:.1f}" for value in os.getloadavg()))
    for title, text in lines():
        print(f"{title:34} {text}")


if __name__ == "__main__":
    main()
