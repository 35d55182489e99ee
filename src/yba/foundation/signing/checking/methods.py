"""Signature values outside CMS: which method, does the value fit the bytes.

Shared by XML and JOSE. Methods that are no longer safe are refused by name.

Standards: RFC 6931 and RFC 9231 (XML), RFC 7518 (JOSE), ETSI TS 119 312.
"""

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.x509 import Certificate

SHA: dict[int, hashes.HashAlgorithm] = {
    256: hashes.SHA256(),
    384: hashes.SHA384(),
    512: hashes.SHA512(),
}
# Curve of each ES method (RFC 7518 §3.4).
_CURVES = {256: "secp256r1", 384: "secp384r1", 512: "secp521r1"}


def fits(certificate: Certificate, method: str, value: bytes, content: bytes) -> bool:
    """Return whether `value` signs `content` by a JOSE method such as RS256 or EdDSA.

    The kind of key must be the one that the method names; a value for
    another kind of key does not fit.
    """
    key = certificate.public_key()
    try:
        if method == "EdDSA":
            if not isinstance(key, ed25519.Ed25519PublicKey):
                return False
            key.verify(value, content)
            return True
        family, size = method[:2], int(method[2:])
        algorithm = SHA[size]
        if isinstance(key, rsa.RSAPublicKey) and family == "RS":
            key.verify(value, content, padding.PKCS1v15(), algorithm)
            return True
        if isinstance(key, rsa.RSAPublicKey) and family == "PS":
            pss = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)
            key.verify(value, content, pss, algorithm)
            return True
        if isinstance(key, ec.EllipticCurvePublicKey) and family in ("ES", "EX"):
            return _fits_curve(key, family, size, value, content)
    except (InvalidSignature, ValueError, TypeError, KeyError, UnsupportedAlgorithm):
        return False
    return False


def _fits_curve(
    key: ec.EllipticCurvePublicKey, family: str, size: int, value: bytes, content: bytes
) -> bool:
    # JOSE ties the curve to the method; XML ("EX") leaves it free.
    if family == "ES" and key.curve.name != _CURVES[size]:
        return False
    width = (key.curve.key_size + 7) // 8
    if len(value) != 2 * width:
        return False
    r, s = int.from_bytes(value[:width], "big"), int.from_bytes(value[width:], "big")
    key.verify(utils.encode_dss_signature(r, s), content, ec.ECDSA(SHA[size]))
    return True
