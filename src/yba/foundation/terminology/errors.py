"""Refusals of terminology."""

from yba.kernel.refusal import Refusal

# What a reason says of a grammar: its codes are checked one by one, never listed.
ENDLESS = "is a grammar without end"


class UnreadableList(Refusal):
    """A file is not the list it is said to be."""

    code = "terminology.unreadable-list"
    status = 422
    message = "Not imported: %(reason)s."


class ListLooksTruncated(Refusal):
    """A complete list would close most of the codes in force."""

    code = "terminology.list-looks-truncated"
    status = 409
    message = (
        "Not imported: the file has %(found)s codes and %(in_force)s are in force. "
        "If the list really shrank, import it with --allow-shrink."
    )


class ShippedListBroken(Refusal):
    """A list inside the program cannot be read; a mistake of the release."""

    code = "terminology.shipped-list-broken"
    status = 500
    message = "The shipped list %(file)s is broken in line %(line)s: %(reason)s."


class UnknownValueSet(Refusal):
    """No value set of that name is known here."""

    code = "terminology.unknown-value-set"
    status = 404
    message = "Not found: no value set %(url)s is known here."


class NotExpandable(Refusal):
    """The members of a value set cannot be listed here."""

    code = "terminology.not-expandable"
    status = 422
    message = "Not expanded: %(reason)s."

    @property
    def issue(self) -> str:
        """The FHIR issue type: too costly where the set has no end, otherwise not supported."""
        return "too-costly" if ENDLESS in str(self.values.get("reason")) else "not-supported"


class UnusableDefinition(Refusal):
    """A code system, value set or map cannot be used as it is written."""

    code = "terminology.unusable-definition"
    status = 422
    message = "Not taken up: %(reason)s."


class UnknownSystem(Refusal):
    """No code system of that name is known here."""

    code = "terminology.unknown-system"
    status = 404
    message = "Not found: no code system %(url)s is known here."


class UnknownCode(Refusal):
    """A code system does not have that code."""

    code = "terminology.unknown-code"
    status = 404
    message = "Not found: the code system %(url)s does not have this code."


class UnknownMap(Refusal):
    """No concept map of that name, or between these systems, is known here."""

    code = "terminology.unknown-map"
    status = 404
    message = "Not found: no concept map for this translation is known here."


class TooCostly(Refusal):
    """An expansion is larger than one answer may be."""

    issue = "too-costly"
    code = "terminology.too-costly"
    status = 422
    message = "Not expanded: the value set has more than %(limit)s codes. Use filter, or count and offset."


class BadQuestion(Refusal):
    """Parameters of a terminology operation do not say what is asked."""

    code = "terminology.bad-question"
    status = 400
    message = "Not done: %(reason)s."
