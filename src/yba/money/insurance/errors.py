"""What this context refuses, and says so."""

from yba.kernel.refusal import Refusal


class UnreadableClaim(Refusal):
    """The bytes are not a claim file, or are built to do harm. Nothing of it was used."""

    code = "insurance.unreadable"
    status = 422
    message = "Not read: this is not a claim file."


class NotWellFormed(UnreadableClaim):
    """The XML is broken."""

    code = "insurance.not-well-formed"
    message = "Not read: the XML is broken at line %(line)s, column %(column)s."


class WrongEncoding(UnreadableClaim):
    """Only UTF-8 is agreed."""

    code = "insurance.not-utf8"
    message = "Not read: the file is not UTF-8."


class DoctypeRefused(UnreadableClaim):
    """A DOCTYPE can carry entities that blow up or read other files."""

    code = "insurance.doctype"
    message = "Not read: a claim file has no DOCTYPE and no entities."


class TooDeep(UnreadableClaim):
    """More levels than any claim file has."""

    code = "insurance.too-deep"
    message = "Not read: elements are nested more than %(limit)s levels deep."


class TooBig(UnreadableClaim):
    """One part is larger than any claim needs."""

    code = "insurance.too-big"
    status = 413
    message = "Not read: %(part)s is larger than %(limit)s."


class NotAClaimFile(UnreadableClaim):
    """Well-formed, but not the agreed envelope."""

    code = "insurance.not-a-claim"
    message = "Not read: the envelope of a claim file is incomplete; %(part)s is missing."


class UnwritableText(Refusal):
    """A control character that XML cannot hold."""

    code = "insurance.unwritable-text"
    status = 422
    message = "Not written: field %(field)s of %(table)s holds a character that XML does not allow."


class NothingToClaim(Refusal):
    """A visit without any cost makes no claim."""

    code = "insurance.nothing-to-claim"
    status = 409
    message = "No claim was made: the visit has no drug, service or supply."


class ClaimHasErrors(Refusal):
    """The file would be refused by the fund."""

    code = "insurance.claim-has-errors"
    status = 409
    message = "Not issued: the claim breaks %(count)s rules. Correct the visit, then make the claim again."


class VisitNotClosed(Refusal):
    """A claim is made when care has ended."""

    code = "insurance.visit-not-closed"
    status = 409
    message = "Not issued: the visit is still open. Close it first."
