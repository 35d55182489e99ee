"""What the page of signatures refuses."""

from yba.kernel.refusal import Refusal


class NothingChosen(Refusal):
    """The form came without a paper."""

    code = "inbox.nothing-chosen"
    status = 422
    message = "Nothing was signed: choose at least one paper."
