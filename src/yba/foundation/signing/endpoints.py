"""What others need to check our signatures with their own tools: root and CRL."""

from starlette.requests import Request
from starlette.responses import Response

from yba.foundation.signing.service import signing_of
from yba.kernel.clock import utc_now
from yba.plumbing.web import PUBLIC, Page, state_of

_MINUTES = "public, max-age=600"


async def root_certificate(request: Request) -> Response:
    """Answer with the root certificate of the demonstration authority."""
    return Response(
        signing_of(state_of(request)).authority.root_pem(),
        media_type="application/x-pem-file",
        headers={
            "cache-control": _MINUTES,
            "content-disposition": 'attachment; filename="yba-demo-root.pem"',
        },
    )


async def revocations(request: Request) -> Response:
    """Answer with the list of revoked certificates."""
    authority = signing_of(state_of(request)).authority
    authority.refresh(at=utc_now())
    return Response(
        authority.crl(), media_type="application/pkix-crl", headers={"cache-control": _MINUTES}
    )


PAGES = [
    Page("/pki/root.pem", root_certificate, "signing:root", PUBLIC),
    Page("/pki/issuing.crl", revocations, "signing:revocations", PUBLIC),
]
