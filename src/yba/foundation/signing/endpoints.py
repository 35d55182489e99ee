"""What others need to check our signatures with their own tools: root and CRL."""

from starlette.requests import Request
from starlette.responses import Response

from yba.foundation.signing.service import Signing, open_signing
from yba.kernel.clock import utc_now
from yba.plumbing.settings import Settings
from yba.plumbing.web import PUBLIC, Page, state_of

_KEY = "signing"
_MINUTES = "public, max-age=600"


def signing_from(settings: Settings) -> Signing:
    """Open the signing folder of this installation; see service.open_signing."""
    return open_signing(
        settings.data_dir / "pki",
        organisation=settings.facility_name,
        facility_code=settings.facility_code,
        at=utc_now(),
        address=settings.base_url,
        keyfile=getattr(settings, "signing_keyfile", None),
        timestamp_url=getattr(settings, "timestamp_url", None),
    )


def signing_of(request: Request) -> Signing:
    """Return the signing of this process, opened on first use."""
    state = state_of(request)
    if _KEY not in state.extras:
        state.extras[_KEY] = signing_from(state.settings)
    return state.extras[_KEY]


async def root_certificate(request: Request) -> Response:
    """Answer with the root certificate of the demonstration authority."""
    return Response(
        signing_of(request).authority.root_pem(),
        media_type="application/x-pem-file",
        headers={
            "cache-control": _MINUTES,
            "content-disposition": 'attachment; filename="yba-demo-root.pem"',
        },
    )


async def revocations(request: Request) -> Response:
    """Answer with the list of revoked certificates."""
    authority = signing_of(request).authority
    authority.refresh(at=utc_now())
    [crl] = authority.trust().crls
    return Response(crl, media_type="application/pkix-crl", headers={"cache-control": _MINUTES})


PAGES = [
    Page("/pki/root.pem", root_certificate, "signing:root", PUBLIC),
    Page("/pki/issuing.crl", revocations, "signing:revocations", PUBLIC),
]
