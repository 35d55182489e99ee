"""What the bench is told when a result cannot go on."""

from yba.kernel.refusal import Refusal


class RequestNotFound(Refusal):
    """No such laboratory request."""

    code = "laboratory.request-not-found"
    status = 404
    message = "This laboratory request was not found."


class StepNotPossible(Refusal):
    """The request is not where this step begins."""

    code = "laboratory.step-not-possible"
    status = 409
    message = "Not done: this request has been handled in the meantime. Open the list again."


class ResultIncomplete(Refusal):
    """Values are missing or unreadable; `fields` maps index codes to reasons."""

    code = "laboratory.result-incomplete"
    status = 422
    message = "Not saved: please correct the marked values."


class ResultNotVerified(Refusal):
    """Someone tried to release a result nobody else has verified."""

    code = "laboratory.result-not-verified"
    status = 409
    message = "Not released: a second person must verify this result first."


class SecondPersonNeeded(Refusal):
    """Who entered a result may not verify it."""

    code = "laboratory.second-person-needed"
    status = 409
    message = "Not verified: a second person must verify what you entered."


class CorrectionReasonMissing(Refusal):
    """A released result is corrected with a reason."""

    code = "laboratory.correction-reason-missing"
    status = 422
    message = "Not done: write why the released result is corrected."
