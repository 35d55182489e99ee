"""What the desk is told when a person cannot be read, found or stored."""

from yba.kernel.refusal import Refusal


class BirthDateUnreadable(Refusal):
    """A typed or scanned birth date is no date."""

    code = "parties.birth-date-unreadable"
    status = 422
    message = "Birth date not understood: write day/month/year, month/year or the year."


class UnreadableCard(Refusal):
    """A scan or typed number is nothing that a card carries."""

    code = "parties.unreadable-card"
    status = 422
    message = "This is neither a citizen card nor an insurance card. Type the number instead."


class EmptyScan(UnreadableCard):
    """The scanner sent nothing."""

    code = "parties.empty-scan"
    message = "The scan is empty. Scan again or type the number."


class ScanTooLong(UnreadableCard):
    """Far more text than any card carries."""

    code = "parties.scan-too-long"
    message = "The scan is far longer than a card can be. Scan one card at a time."


class NumberUnknownKind(UnreadableCard):
    """A typed number has the length of no known paper."""

    code = "parties.number-of-unknown-kind"
    message = (
        "A citizen number has 12 digits, an old identity card 9, an insurance number 10 or 15 "
        "characters. Check what was typed."
    )


class CardNumberDamaged(UnreadableCard):
    """The scan looks like a card, but its number cannot be read."""

    code = "parties.card-number-damaged"
    message = "The number in this QR code is damaged. Type the number printed on the card."


class CardIncomplete(UnreadableCard):
    """The scan looks like a card, but too many fields are missing."""

    code = "parties.card-incomplete"
    message = "The QR code was read only in part. Scan again or type the number."


class CardNameMissing(UnreadableCard):
    """A citizen card without a name was not read correctly."""

    code = "parties.card-name-missing"
    message = "The QR code carries no name. Scan again or type the number."


class PersonIncomplete(Refusal):
    """Fields of a person are missing or wrong; `fields` says which."""

    code = "parties.person-incomplete"
    status = 422
    message = "Not saved: please correct the marked fields."


class IdentifierInUse(Refusal):
    """Another person here carries the same number."""

    code = "parties.identifier-in-use"
    status = 409
    message = "Not saved: another person here already has this number. Open that record instead."


class PersonNotFound(Refusal):
    """No such person, or not to be seen by this user."""

    code = "parties.person-not-found"
    status = 404
    message = "This person was not found."
