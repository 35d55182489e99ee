"""Forms that bring one file: read within a limit, its kind known by its first bytes, never by its name."""

from collections.abc import AsyncGenerator, Mapping

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from yba.kernel.refusal import TooLarge, Unusable

_MOST_FIELDS = 40
_ENVELOPE_BYTES = 64 * 1024
_BEGINNINGS = (
    (b"%PDF-", "application/pdf"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
)


def scan_type(content: bytes) -> str:
    """Return the media type of a scan (PDF, JPEG or PNG), "" for anything else."""
    return next((type_ for start, type_ in _BEGINNINGS if content.startswith(start)), "")


async def form_with_file(
    request: Request, *, file: str, limit: int
) -> tuple[Mapping[str, str], bytes]:
    """Return the fields of a sent form, trimmed, and the bytes of its one file; b"" without one.

    Raises TooLarge as soon as more than `limit` bytes arrive, Unusable for anything but such a form.
    """

    async def limited() -> AsyncGenerator[bytes]:
        size = 0
        async for part in request.stream():
            size += len(part)
            if size > limit + _ENVELOPE_BYTES:
                raise TooLarge(limit=limit)
            yield part

    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise Unusable
    parser = MultiPartParser(request.headers, limited(), max_files=1, max_fields=_MOST_FIELDS)
    try:
        data = await parser.parse()
    except (MultiPartException, KeyError, UnicodeDecodeError):
        raise Unusable from None
    try:
        sent = data.get(file)
        content = await sent.read() if isinstance(sent, UploadFile) else b""
    finally:
        await data.close()
    if len(content) > limit:
        raise TooLarge(limit=limit)
    fields = {name: value.strip() for name, value in data.multi_items() if isinstance(value, str)}
    if any("\x00" in one for pair in fields.items() for one in pair):
        raise Unusable
    return fields, content
