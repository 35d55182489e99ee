"""What those are told who may not see a record, and those who ask for it."""

from yba.kernel.refusal import AccessRefused, Conflict, NotFound, Unusable


class NotTreating(AccessRefused):
    """The role fits, but nothing connects this person of staff with this patient."""

    code = "access.not-treating"
    message = "Not shown: you are not treating this person."


class ReasonMissing(Unusable):
    """Access was asked for without saying why."""

    code = "access.reason-missing"
    message = "Not done: write the reason, in at least %(length)s letters."


class UntilWrong(Unusable):
    """A grant has no end, an end in the past, or lasts too long."""

    code = "access.until-wrong"
    message = "Not granted: the last day must lie between today and %(days)s days from now."


class PurposeUnknown(Unusable):
    """A grant names no purpose of the list."""

    code = "access.purpose-unknown"
    message = "Not done: choose a purpose from the list."


class RequestNotFound(NotFound):
    """No such request is waiting."""

    code = "access.request-not-found"
    message = "Not found: this request does not exist or was decided already."


class EmergencyNotFound(NotFound):
    """No such emergency waits for a verdict."""

    code = "access.emergency-not-found"
    message = "Not found: this emergency does not exist or was looked at already."


class OwnCase(AccessRefused):
    """Nobody decides on her own request or emergency."""

    code = "access.own-case"
    message = "Not done: somebody else must decide on what you did or asked for yourself."


class AlreadyAsked(Conflict):
    """The same person has asked for the same record, and nobody has answered yet."""

    code = "access.already-asked"
    message = "Your request is already waiting for an answer."
