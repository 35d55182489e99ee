"""Refusals of terminology."""

from yba.kernel.refusal import Refusal


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
