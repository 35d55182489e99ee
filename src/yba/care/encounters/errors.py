"""What the desk and the consulting room are told when a visit cannot go on."""

from yba.kernel.refusal import Refusal


class VisitNotFound(Refusal):
    """No such visit, or not to be seen by this user."""

    code = "encounters.visit-not-found"
    status = 404
    message = "This visit was not found."


class VisitIncompletelyOpened(Refusal):
    """Fields of the new visit are missing or wrong; `fields` says which."""

    code = "encounters.visit-incomplete"
    status = 422
    message = "No visit opened: please correct the marked fields."


class VisitDetailsWrong(VisitIncompletelyOpened):
    """Fields of an open visit are wrong; `fields` says which."""

    code = "encounters.visit-details-wrong"
    message = "Not saved: please correct the marked fields."


class VisitAlreadyOpen(Refusal):
    """The same person waits for the same clinic already."""

    code = "encounters.already-open"
    status = 409
    message = "No visit opened: this person already has an open visit in this clinic today."


class VisitClosedAlready(Refusal):
    """Nothing is added to a closed or cancelled visit."""

    code = "encounters.visit-closed"
    status = 409
    message = "Not saved: this visit is closed. Reopen it with a reason to correct it."


class VisitNotClosed(Refusal):
    """Only a closed visit can be reopened."""

    code = "encounters.visit-not-closed"
    status = 409
    message = "Not done: this visit is not closed."


class VisitNotCancellable(Refusal):
    """Something was already done in this visit."""

    code = "encounters.visit-not-cancellable"
    status = 409
    message = "Not cancelled: the doctor has already begun. Close the visit instead."


class VisitNotComplete(Refusal):
    """The visit lacks what a record and a claim need; `fields` names each."""

    code = "encounters.visit-not-complete"
    status = 409
    message = "Not closed: %(count)s things are still missing."


class VitalsImplausible(Refusal):
    """Values that nobody can have."""

    code = "encounters.vitals-implausible"
    status = 422
    message = "Not saved: check the marked measurements."


class NothingMeasured(Refusal):
    """An empty form."""

    code = "encounters.nothing-measured"
    status = 422
    message = "Not saved: no measurement was entered."


class MeasuredInFuture(Refusal):
    """The time of measurement has not come yet."""

    code = "encounters.measured-in-future"
    status = 422
    message = "Not saved: the time of measurement lies in the future."


class MeasurementNotFound(Refusal):
    """No such measurement in this visit."""

    code = "encounters.measurement-not-found"
    status = 404
    message = "This measurement was not found."


class DiagnosisRefused(Refusal):
    """A code that may not be used here; `fields` maps each code to its reason."""

    code = "encounters.diagnosis-refused"
    status = 422
    message = "Not saved: please correct the marked diagnoses."


class DiagnosisNeedsConfirmation(Refusal):
    """A code that is unusual for this person; confirm to save it."""

    code = "encounters.diagnosis-needs-confirmation"
    status = 409
    message = "Not saved yet: these diagnoses are unusual for this person. Confirm or change them."


class TooManyDiagnoses(Refusal):
    """More secondary diagnoses than a claim can carry."""

    code = "encounters.too-many-diagnoses"
    status = 422
    message = "Not saved: at most %(limit)s secondary diagnoses are allowed."


class DiagnosisRepeated(Refusal):
    """The same code twice."""

    code = "encounters.diagnosis-repeated"
    status = 422
    message = "Not saved: %(code)s was entered twice."


class FollowUpInPast(Refusal):
    """A follow-up must lie after the visit."""

    code = "encounters.follow-up-in-past"
    status = 422
    message = "Not saved: the follow-up date must lie after today."


class ReasonMissing(Refusal):
    """Reopening or cancelling needs a reason."""

    code = "encounters.reason-missing"
    status = 422
    message = "Not done: write the reason."
