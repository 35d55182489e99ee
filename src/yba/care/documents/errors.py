"""What the person who signs, prints or checks a paper is told."""

from yba.kernel.refusal import Refusal


class DocumentNotFound(Refusal):
    """No such document, or not to be seen by this user."""

    code = "documents.not-found"
    status = 404
    message = "This document was not found."


class VisitStillOpen(Refusal):
    """The record of a visit is signed when the visit is closed."""

    code = "documents.visit-still-open"
    status = 409
    message = "Not signed: close the visit first."


class NotTheTreatingDoctor(Refusal):
    """Nobody signs for somebody else."""

    code = "documents.not-the-treating-doctor"
    status = 403
    message = "Not signed: only the doctor who treated the patient may sign this."


class ReasonMissing(Refusal):
    """A signed document is corrected with a reason."""

    code = "documents.reason-missing"
    status = 422
    message = "Not signed: write the reason for the new version."


class PrescriptionNotInForce(Refusal):
    """A cancelled or replaced prescription is not signed any more."""

    code = "documents.prescription-not-in-force"
    status = 409
    message = "Not signed: this prescription was cancelled or replaced."


class NothingReleased(Refusal):
    """A laboratory report shows released results only, and there are none."""

    code = "documents.nothing-released"
    status = 409
    message = "Not signed: no result of this visit has been released yet."


class UploadUnusable(Refusal):
    """The form came without a file."""

    code = "documents.upload-unusable"
    status = 422
    message = "Not checked: choose a file first."
