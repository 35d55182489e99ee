"""What subscriptions refuse."""

from yba.kernel.refusal import AccessRefused, Refusal


class SubscriptionRefused(Refusal):
    """A Subscription that cannot be honoured."""

    code = "record.subscription-refused"
    status = 422
    message = "Not subscribed: %(reason)s"


class SubscriptionOutOfScope(AccessRefused):
    """A program asks to be told of what it may not read."""

    code = "record.subscription-out-of-scope"
    message = (
        "Not subscribed: the program may not read every %(type)s by itself. It must be granted"
        " system/%(type)s.rs first."
    )
