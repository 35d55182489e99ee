"""What signing and verifying refuse, and why."""

from yba.kernel.refusal import Refusal


class UnreadablePdf(Refusal):
    """The bytes are not a PDF that can be signed."""

    code = "signing.unreadable-pdf"
    status = 422
    message = "Not signed: this file is not a PDF that can be read."


class MayNotSign(Refusal):
    """Only a named, licensed person puts a professional signature."""

    code = "signing.may-not-sign"
    status = 403
    message = "Not signed: only a practitioner with a licence may sign this."


class KeyNotHere(Refusal):
    """The certificate is known, and its private key is not in the place it should be."""

    code = "signing.key-not-here"
    status = 409
    message = "Not signed: the key of certificate %(certificate)s is not available here."


class KeyPlaceLocked(Refusal):
    """The key file that opens the private keys is missing or is not the right one."""

    code = "signing.key-place-locked"
    status = 500
    message = (
        "Not signed: the signing keys cannot be opened with the key file of this installation."
    )


class CertificateNotValid(Refusal):
    """The signer's certificate has expired, is not yet valid, or was revoked."""

    code = "signing.certificate-not-valid"
    status = 409
    message = "Not signed: certificate %(certificate)s is expired or revoked."


class FileTooLarge(Refusal):
    """Verification reads the whole file, so there is a limit."""

    code = "signing.file-too-large"
    status = 413
    message = "Not checked: the file is larger than %(limit)s MB."


class CheckBusy(Refusal):
    """So many files wait to be checked that one more would wait too long."""

    code = "signing.check-busy"
    status = 503
    message = "Not checked: many files are being checked right now. Please try again in a minute."
