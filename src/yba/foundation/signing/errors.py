"""What signing and verifying refuse, and why."""

from yba.kernel.refusal import Refusal


class UnreadablePdf(Refusal):
    """The bytes are not a PDF that can be signed."""

    code = "signing.unreadable-pdf"
    status = 422
    message = "Not signed: this file is not a PDF that can be read."


class UnsignableXml(Refusal):
    """The bytes are not an XML document with one empty place for a signature."""

    code = "signing.unsignable-xml"
    status = 422
    message = "Not signed: this XML file cannot be read, or has no single empty place to sign."


class UnsignableResource(Refusal):
    """The resource cannot be written in the one form that is signed."""

    code = "signing.unsignable-resource"
    status = 422
    message = "Not signed: this entry of the record cannot be written in a form to sign."


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


class PinMissing(Refusal):
    """A token signs only for somebody who gives its PIN."""

    code = "signing.pin-missing"
    status = 422
    message = "Not signed: enter the PIN of the token."


class PinWrong(Refusal):
    """The token did not accept the PIN."""

    code = "signing.pin-wrong"
    status = 403
    message = (
        "Not signed: the token did not accept the PIN. After a few wrong ones it locks itself."
    )


class PinLocked(Refusal):
    """The token has locked itself after wrong PINs, or its PIN has expired."""

    code = "signing.pin-locked"
    status = 403
    message = "Not signed: the token is locked. The one who issued it can unlock it."


class TokenRemoved(Refusal):
    """The token was pulled out, or its driver lost it. Nothing was signed."""

    code = "signing.token-removed"
    status = 409
    message = "Nothing was signed: the token is not plugged in, or was pulled out. Plug it in and sign again."


class TokenModuleMissing(Refusal):
    """The driver of the token cannot be loaded on this machine."""

    code = "signing.token-module-missing"
    status = 500
    message = "Not signed: the driver of the token cannot be loaded on this machine."


class RemoteUnreachable(Refusal):
    """The signing service does not answer, or answers nonsense."""

    code = "signing.remote-unreachable"
    status = 503
    message = "Nothing was signed: the remote signing service does not answer. Please try again."


class RemoteRefused(Refusal):
    """The service, or the holder in its app, said no."""

    code = "signing.remote-refused"
    status = 403
    message = "Nothing was signed: the remote signing service refused (%(reason)s)."


class CertificateRevoked(Refusal):
    """The signer's certificate, or one of its issuers', has been revoked."""

    code = "signing.certificate-revoked"
    status = 409
    message = "Not signed: certificate %(certificate)s or one of its issuers has been revoked."


class CertificateUntrusted(Refusal):
    """The certificate leads to no authority that this installation trusts."""

    code = "signing.certificate-untrusted"
    status = 409
    message = "Not signed: this certificate comes from an authority that is not trusted here."


class CertificateWrongPurpose(Refusal):
    """The certificate was made for servers or for signing in, not for documents."""

    code = "signing.certificate-wrong-purpose"
    status = 409
    message = "Not signed: this certificate was not made for signing documents."


class CertificateOfAnother(Refusal):
    """The certificate names somebody else."""

    code = "signing.certificate-of-another"
    status = 403
    message = "Not linked: this certificate names another person or organisation."


class PossessionNotProven(Refusal):
    """The key that answered is not the key of the certificate."""

    code = "signing.possession-not-proven"
    status = 403
    message = "Not signed: the key that answered does not belong to the certificate."


class RequestNotFound(Refusal):
    """No such paper waits, or not for this person."""

    code = "signing.request-not-found"
    status = 404
    message = "This paper is not waiting for a signature."


class RequestClosed(Refusal):
    """The step was signed or refused already, or the paper was taken back."""

    code = "signing.request-closed"
    status = 409
    message = "Not signed: this paper has been signed, refused or taken back in the meantime."


class OrderBroken(Refusal):
    """Somebody who signs earlier has not signed yet."""

    code = "signing.order-broken"
    status = 409
    message = "Not signed: somebody who signs before you has not signed yet."


class NotYourTurn(Refusal):
    """The step is somebody else's, and nobody delegated it."""

    code = "signing.not-your-turn"
    status = 403
    message = "Not signed: this signature is another person's, and it was not delegated to you."


class RefusalNeedsReason(Refusal):
    """Whoever does not sign says why."""

    code = "signing.refusal-needs-reason"
    status = 422
    message = "Write why you do not sign this paper."


class DelegationImpossible(Refusal):
    """A delegation needs another person, a reason, and an end that lies ahead."""

    code = "signing.delegation-impossible"
    status = 422
    message = "Not delegated: choose another person, a reason, and days that lie ahead."


class RegulationImpossible(Refusal):
    """A line of the regulation needs a day that lies ahead, known offices and its source."""

    code = "signing.regulation-impossible"
    status = 422
    message = "Not entered: choose today or a later day, and fill in every field."


class PairingCodeWrong(Refusal):
    """The code is unknown, used, or older than ten minutes."""

    code = "signing.pairing-code-wrong"
    status = 403
    message = "Not paired: this code is unknown, used, or too old. Ask for a new one."


class AgentNotPaired(Refusal):
    """The program is not paired, or was cut off."""

    code = "signing.agent-not-paired"
    status = 401
    message = "This program is not paired. Ask for a code on the page of your signatures."


class AgentSilent(Refusal):
    """Nobody answered at the PC within three minutes."""

    code = "signing.agent-silent"
    status = 503
    message = "Nothing was signed: the signing program at your PC did not answer. Start it and sign again."


class SignerDeclined(Refusal):
    """The person at the PC said no."""

    code = "signing.declined"
    status = 409
    message = "Nothing was signed: it was declined at the PC."


class AgentMessageUnclear(Refusal):
    """A signing program sent something that cannot be read."""

    code = "signing.agent-message-unclear"
    status = 400
    message = "This message of a signing program cannot be read."
