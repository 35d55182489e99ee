"""What the doctor is told when an order or a prescription cannot be made."""

from yba.kernel.refusal import Refusal


class NothingOrdered(Refusal):
    """An empty basket."""

    code = "orders.nothing-ordered"
    status = 422
    message = "Nothing saved: choose at least one line."


class OrderRefused(Refusal):
    """Lines that may not be ordered; `fields` maps each code to its reason."""

    code = "orders.order-refused"
    status = 422
    message = "Nothing saved: please correct the marked lines."


class OrderNeedsConfirmation(Refusal):
    """Something was ordered before in this visit; confirm to order it again."""

    code = "orders.order-needs-confirmation"
    status = 409
    message = "Not saved yet: the marked services were already ordered in this visit. Confirm or remove them."


class OrderNotFound(Refusal):
    """No such order."""

    code = "orders.order-not-found"
    status = 404
    message = "This order was not found."


class OrderNotCancellable(Refusal):
    """The order is being carried out or done."""

    code = "orders.order-not-cancellable"
    status = 409
    message = "Not cancelled: this order is already being carried out."


class CancellationReasonMissing(Refusal):
    """Cancelling needs a reason."""

    code = "orders.reason-missing"
    status = 422
    message = "Not cancelled: write the reason."


class PrescriptionRefused(Refusal):
    """Lines that the law or arithmetic forbids; `fields` maps each drug to its reason."""

    code = "orders.prescription-refused"
    status = 422
    message = "Not prescribed: please correct the marked drugs."


class PrescriptionTooLong(Refusal):
    """More days than the law allows for this kind of drug."""

    code = "orders.prescription-too-long"
    status = 422
    message = "Not prescribed: at most %(limit)s days are allowed here for the marked drugs."


class PrescriptionNeedsConfirmation(Refusal):
    """Allergy or duplicate: the doctor must look and confirm."""

    code = "orders.prescription-needs-confirmation"
    status = 409
    message = "Not prescribed yet: look at the marked drugs, then confirm or change them."


class DiagnosisNeeded(Refusal):
    """A prescription states the diagnosis."""

    code = "orders.diagnosis-needed"
    status = 409
    message = "Not prescribed: enter the diagnosis first."


class PrescriptionNotFound(Refusal):
    """No such prescription."""

    code = "orders.prescription-not-found"
    status = 404
    message = "This prescription was not found."


class PrescriptionNotChangeable(Refusal):
    """Already replaced or cancelled."""

    code = "orders.prescription-not-changeable"
    status = 409
    message = "Not done: this prescription was already replaced or cancelled."


class NoCodeFree(Refusal):
    """No unused code was found; practically impossible."""

    code = "orders.no-code-free"
    status = 503
    message = "Not prescribed: no free prescription code was found. Try again."
