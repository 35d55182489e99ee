"""A claim file and its signatures."""

from tests.foundation.signing.checking.makers import NOON, Maker

from yba.foundation.signing import xades

CLAIM = (
    b'<?xml version="1.0" encoding="utf-8"?>'
    b'<GIAMDINHHS xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    b' xmlns:xsd="http://www.w3.org/2001/XMLSchema">'
    b"<THONGTINDONVI><MACSKCB>99999</MACSKCB></THONGTINDONVI>"
    b"<THONGTINHOSO><NGAYLAP>20260915</NGAYLAP><SOLUONGHOSO>1</SOLUONGHOSO>"
    b"<DANHSACHHOSO><HOSO><FILEHOSO><LOAIHOSO>XML1</LOAIHOSO><NOIDUNGFILE>VGjhu60=</NOIDUNGFILE>"
    b"</FILEHOSO></HOSO></DANHSACHHOSO></THONGTINHOSO><CHUKYDONVI/></GIAMDINHHS>"
)


def signed_by(
    maker: Maker, label: str, content: bytes = CLAIM, *, tsa: str = "", kept=None, slot="CHUKYDONVI"
) -> bytes:
    """Return a document with an XAdES signature of that person."""
    prepared = xades.prepare(
        content,
        certificate=maker.authority.certificate(label),
        chain=maker.chain(label),
        at=NOON,
        slot=slot,
    )
    value = maker.value(label, prepared.digest)
    token = maker.token(xades.stamped(prepared, value), tsa=tsa) if tsa else None
    return xades.finish(prepared, value, token=token, kept=kept)
