"""What the person who completes, archives, hands over or destroys a record is told."""

from yba.kernel.refusal import Refusal


class RecordNotFound(Refusal):
    """No such record, or not to be seen by this user."""

    code = "archive.not-found"
    status = 404
    message = "This medical record was not found."


class NotComplete(Refusal):
    """Something that the law or the form asks for is missing; `fields` says what."""

    code = "archive.not-complete"
    status = 409
    message = "Not done: the record is not complete yet."


class NoSuchWay(Refusal):
    """A record goes from state to state along the allowed ways only."""

    code = "archive.no-such-way"
    status = 409
    message = "Not done: the record is in another state now. Open it again."


class RecordIsArchived(Refusal):
    """Nothing inside an archived record changes."""

    code = "archive.is-archived"
    status = 409
    message = "Not done: this record is archived. Add what is new as a signed annex."


class ArchiveReasonMissing(Refusal):
    """Every act against the ordinary course has a reason."""

    code = "archive.reason-missing"
    status = 422
    message = "Not done: write the reason."


class UnknownCircumstance(Refusal):
    """A kind of record that the table of periods does not have."""

    code = "archive.unknown-circumstance"
    status = 422
    message = "Not done: choose a circumstance from the list."


class RecordHeld(Refusal):
    """A legal hold blocks destruction."""

    code = "archive.held"
    status = 409
    message = "Not done: a record is under legal hold."


class NotDue(Refusal):
    """A record is kept until its period has passed."""

    code = "archive.not-due"
    status = 409
    message = "Not done: a record must still be kept."


class NothingDue(Refusal):
    """A list for destruction needs records."""

    code = "archive.nothing-due"
    status = 409
    message = "Not done: no record is due for destruction."


class SamePerson(Refusal):
    """Who proposes a destruction does not approve it."""

    code = "archive.same-person"
    status = 403
    message = "Not approved: somebody else than the one who made the list must approve it."


class NotApproved(Refusal):
    """Nothing is destroyed before the head has approved the list."""

    code = "archive.not-approved"
    status = 409
    message = "Not destroyed: the list has not been approved."


class CopyNotAllowed(Refusal):
    """Reading is not copying (Law 15/2023/QH15 art. 69)."""

    code = "archive.copy-not-allowed"
    status = 403
    message = "Not handed over: you may read this record, but not copy it."


class RequestMissing(Refusal):
    """A copy leaves on a written request only."""

    code = "archive.request-missing"
    status = 422
    message = "Not handed over: enter the number and date of the written request."


class ExportUnusable(Refusal):
    """A HoSoBenhAn file does not follow its schema; `fields` says where."""

    code = "archive.export-unusable"
    status = 422
    message = "The file does not follow the schema of HoSoBenhAn."
