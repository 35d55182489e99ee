"""What is told when consent is missing, a right cannot be exercised, or a link does not open."""

from yba.kernel.refusal import Refusal


class UnknownPurpose(Refusal):
    """No such purpose, or no text of it is in force."""

    code = "consent.unknown-purpose"
    status = 422
    message = "Not saved: there is no such purpose."


class NotAgreed(Refusal):
    """A form was sent without the person having chosen by herself."""

    code = "consent.nothing-chosen"
    status = 422
    message = "Not saved: choose yes or no yourself. Silence is not consent."


class EvidenceMissing(Refusal):
    """A consent outside this program needs what proves it."""

    code = "consent.evidence-missing"
    status = 422
    message = "Not saved: name the paper, recording or message that proves it."


class WitnessMissing(Refusal):
    """A paper was taken at the desk, and nobody says that she saw it signed."""

    code = "consent.witness-missing"
    status = 422
    message = "Not saved: write who saw the paper being signed."


class RepresentativeNeeded(Refusal):
    """A child below seven, or a person who cannot decide, is spoken for."""

    code = "consent.representative-needed"
    status = 409
    message = "Not saved: for a child below %(years)s a representative decides."


class BothNeeded(Refusal):
    """From seven to eighteen the child and her representative both agree."""

    code = "consent.both-needed"
    status = 409
    message = "Not saved: from %(years)s the child and a representative must both agree."


class BirthDateNeeded(Refusal):
    """The age decides who may consent, and it is not known."""

    code = "consent.birth-date-needed"
    status = 409
    message = "Not saved: the birth date decides who may consent, and it is not known."


class ReleaseRefused(Refusal):
    """Data were to go to another provider or a private insurer without her written request."""

    code = "consent.release-refused"
    status = 403
    message = (
        "Not sent: personal data go to another care provider or a private insurer only at the"
        " person's written request (Law 91/2025/QH15, article 26(2)), and none covers this."
    )


class ExceptionUnfounded(Refusal):
    """A case of article 19(1) was claimed without saying why."""

    code = "consent.exception-unfounded"
    status = 422
    message = "Not sent: say which case of article 19(1) of Law 91/2025/QH15 applies, and why."


class TermUnusable(Refusal):
    """A request or a hiding ends before it begins, or lasts too long."""

    code = "consent.term-unusable"
    status = 422
    message = "Not saved: the period must end after it begins, within %(days)s days."


class NothingNamed(Refusal):
    """A request says nothing of what it wants."""

    code = "consent.nothing-named"
    status = 422
    message = "Not saved: say what you want, in a few words."


class RequestClosed(Refusal):
    """A request was answered already."""

    code = "consent.request-closed"
    status = 409
    message = "Not done: this request has been answered already."


class ExtendedAlready(Refusal):
    """The clock of a request is extended once at most."""

    code = "consent.extended-already"
    status = 409
    message = "Not extended: the law allows it once, and before the time is over."


class ReasonNeeded(Refusal):
    """A refusal or an extension without its reason."""

    code = "consent.reason-needed"
    status = 422
    message = "Not saved: give the reason. The person has a right to know it."


class RetentionOrdered(Refusal):
    """The health law orders that the record is kept."""

    code = "consent.retention-ordered"
    status = 409
    message = (
        "Not deleted: the law orders that medical records are kept. Refuse with this reason and"
        " limit their use instead."
    )


class ShareNotOpen(Refusal):
    """A link that is unknown, over, ended, or asked for with a wrong PIN. Nothing says which."""

    code = "consent.share-not-open"
    status = 404
    message = "This link does not open: it is over, was ended, or the PIN is wrong."


class ViewerUnnamed(Refusal):
    """Whoever opens a shared record says who she is and what for."""

    code = "consent.viewer-unnamed"
    status = 422
    message = "Not opened: say your name, your place of work and what for."


class ProxyNotPossible(Refusal):
    """The one who was to act for another cannot, or not any more."""

    code = "consent.proxy-not-possible"
    status = 409
    message = "Not done: this representation is not waiting for an answer, or is over."


class ProxyAskedAlready(Refusal):
    """The same two persons again."""

    code = "consent.proxy-asked-already"
    status = 409
    message = "You have asked this already, or you act for this person already."


class BreachUnusable(Refusal):
    """A breach file without what form 08 asks for."""

    code = "consent.breach-unusable"
    status = 422
    message = "Not saved: say what happened, which data, and when it was discovered."


class LateWithoutReason(Refusal):
    """The authority is told after the clock has run out, without a reason."""

    code = "consent.late-without-reason"
    status = 422
    message = "Not saved: the period is over. Give the reason for the delay."
