"""What is told when a waiting thing cannot be moved."""

from yba.kernel.refusal import Refusal


class WorkNotPossible(Refusal):
    """The state table has no such step."""

    code = "work.not-possible"
    status = 409
    message = "Not done: this has been handled in the meantime. Open the list again."


class WorkNotFound(Refusal):
    """No such waiting thing."""

    code = "work.not-found"
    status = 404
    message = "This entry of the list was not found."


class CalendarEnds(Refusal):
    """The holidays of a year are not entered yet."""

    code = "work.calendar-ends"
    status = 500
    message = "The holidays of %(year)s are not known yet: enter them in holidays.toml."
