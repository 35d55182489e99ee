"""Pages: a document as PDF, its paper copy, its draft; signing; the public check.

The public check tells who signed, when, under which hash and whether a newer
version exists. It never says whom a document is about.
"""

from collections.abc import AsyncGenerator

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from yba.care.documents import service
from yba.care.documents.errors import UploadUnusable
from yba.care.documents.model import Document
from yba.care.documents.panels import archive_of
from yba.care.documents.standing import standing_of
from yba.foundation.signing.errors import FileTooLarge
from yba.foundation.signing.model import CODES, MAX_FILE_BYTES, VERDICT_WORDS
from yba.kernel.clock import utc_now
from yba.kernel.refusal import Refusal
from yba.plumbing.web import (
    PUBLIC,
    SIGNED_IN,
    Page,
    actor_of,
    form,
    path_here,
    reading,
    refuse_cross_site,
    render,
    see_other,
    transaction,
)

_PDF = "application/pdf"
_ENVELOPE_BYTES = 64 * 1024


def _file(content: bytes, name: str) -> Response:
    return Response(
        content,
        media_type=_PDF,
        headers={
            "content-disposition": f'inline; filename="{name}"',
            "cache-control": "private, no-store",
            "x-content-type-options": "nosniff",
        },
    )


async def pdf(request: Request) -> Response:
    """Answer with the signed bytes of a document."""
    async with transaction(request) as tx:
        found, content = await service.document_bytes(
            tx,
            archive=archive_of(request),
            actor=actor_of(request),
            document_id=request.path_params["document_id"],
            at=utc_now(),
        )
    return _file(content, found.file_name)


async def print_copy(request: Request) -> Response:
    """Answer with a counted paper copy of a document."""
    async with transaction(request) as tx:
        found, content = await service.paper_copy(
            tx,
            archive=archive_of(request),
            actor=actor_of(request),
            document_id=request.path_params["document_id"],
            at=utc_now(),
        )
    return _file(content, "print-" + found.file_name)


async def draft(request: Request) -> Response:
    """Answer with the watermarked draft of a visit's record."""
    encounter_id = request.path_params["encounter_id"]
    async with transaction(request) as tx:
        content = await service.draft_pdf(
            tx,
            archive=archive_of(request),
            actor=actor_of(request),
            encounter_id=encounter_id,
            at=utc_now(),
        )
    return _file(content, f"draft-{encounter_id}.pdf")


async def sign(request: Request) -> Response:
    """Sign the record of a visit, then go where the form says, or to the document."""
    fields = await form(request)
    async with transaction(request) as tx:
        signed = await service.sign_outpatient_record(
            tx,
            archive=archive_of(request),
            actor=actor_of(request),
            encounter_id=request.path_params["encounter_id"],
            at=utc_now(),
            reason=fields.get("reason", ""),
        )
    target = path_here(fields.get("next"), "")
    if target:
        return RedirectResponse(target, status_code=303)
    return see_other(request, "documents:pdf", document_id=signed.document_id)


async def check_form(request: Request) -> Response:
    """Show where a code or a file can be checked; a typed code leads to its page."""
    code = request.query_params.get("code", "")
    if code:
        return await _entry(request, code)
    return _answer(request)


async def verify(request: Request) -> Response:
    """Show the register's entry for a code, as the QR on every paper leads here."""
    return await _entry(request, request.path_params["short_id"])


async def check(request: Request) -> Response:
    """Check an uploaded file; nothing of it is kept."""
    refuse_cross_site(request)
    try:
        content, signed = await _uploaded(request)
        async with reading(request) as tx:
            found = await service.check_upload(
                tx, archive=archive_of(request), content=content, at=utc_now(), signed=signed
            )
            standing = await standing_of(tx, document=found.document) if found.document else None
    except Refusal as refusal:
        return _answer(request, refusal=refusal, status=refusal.status)
    return _answer(
        request,
        checked=found.verification,
        words=VERDICT_WORDS[found.verification.verdict],
        codes=[CODES.get(problem) for problem in found.verification.problems],
        document=found.document,
        standing=standing,
    )


async def _entry(request: Request, code: str) -> Response:
    async with reading(request) as tx:
        found = await service.registered(tx, short_id=code)
        standing = await standing_of(tx, document=found) if found else None
    if found is None:
        return _answer(request, code=code, unknown=True, status=404)
    return _answer(request, code=code, document=found, standing=standing)


def _answer(
    request: Request,
    *,
    status: int = 200,
    document: Document | None = None,
    **values: object,
) -> Response:
    known: dict[str, object] = {
        "code": "",
        "unknown": False,
        "checked": None,
        "words": "",
        "refusal": None,
        "standing": None,
        "codes": (),
    }
    return render(
        request,
        "documents/check.html",
        status=status,
        document=document,
        **{**known, **values},
    )


async def _uploaded(request: Request) -> tuple[bytes, bytes | None]:
    """Return the file of the form, and the signed content if it was sent beside it.

    Raises FileTooLarge as soon as more arrives than may, UploadUnusable.
    """
    too_large = FileTooLarge(limit=MAX_FILE_BYTES // (1024 * 1024))
    limit = 2 * MAX_FILE_BYTES + _ENVELOPE_BYTES

    async def limited() -> AsyncGenerator[bytes]:
        size = 0
        async for part in request.stream():
            size += len(part)
            if size > limit:
                raise too_large
            yield part

    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise UploadUnusable
    parser = MultiPartParser(request.headers, limited(), max_files=2, max_fields=4)
    try:
        data = await parser.parse()
    except (MultiPartException, KeyError):
        raise UploadUnusable from None
    try:
        content, signed = [await _bytes_of(data.get(name)) for name in ("file", "content")]
    finally:
        await data.close()
    if not content:
        raise UploadUnusable
    return content, signed or None


async def _bytes_of(file: UploadFile | str | None) -> bytes:
    return await file.read() if isinstance(file, UploadFile) else b""


PAGES = [
    Page("/documents/draft/{encounter_id}.pdf", draft, "documents:draft", "documents.read"),
    Page("/documents/sign/{encounter_id}", sign, "documents:sign", "documents.sign", ("POST",)),
    Page("/documents/{document_id}.pdf", pdf, "documents:pdf", SIGNED_IN),
    Page("/documents/{document_id}/print.pdf", print_copy, "documents:print", SIGNED_IN),
    Page("/verify", check_form, "documents:check", PUBLIC),
    Page("/verify", check, "documents:check_file", PUBLIC, ("POST",)),
    Page("/verify/{short_id}", verify, "documents:verify", PUBLIC),
]
