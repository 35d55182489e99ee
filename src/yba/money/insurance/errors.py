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


class VisitNotClosed(Refusal):
    """A claim is made when care has ended."""

    code = "insurance.visit-not-closed"
    status = 409
    message = "Not issued: the visit is still open. Close it first."


class IdentityConflict(Refusal):
    """An identity number that belongs to somebody with another name and birth."""

    code = "insurance.identity-conflict"
    status = 409
    message = "Not kept: the identity number belongs to another person here."


class PersonUnusable(Refusal):
    """XML1 does not describe a person well enough to keep her record."""

    code = "insurance.person-unusable"
    status = 422
    message = "Not kept: XML1 does not describe a person (%(part)s)."


class ImportFolderEmpty(Refusal):
    """Nothing to read."""

    code = "insurance.nothing-to-import"
    status = 404
    message = "Nothing to read: no XML file is there."


class EpisodeNotFound(Refusal):
    """No episode of that key was read from that facility."""

    code = "insurance.episode-not-found"
    status = 404
    message = "Not found: no episode with this key has been read."


class ClaimFileDamaged(Refusal):
    """The file on disk is gone or no longer what was issued."""

    code = "insurance.file-damaged"
    status = 500
    message = "Not shown: the stored claim file is damaged. Restore it from a backup."
