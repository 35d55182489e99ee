"""What subscriptions refuse."""

from yba.kernel.refusal import Refusal


class SubscriptionRefused(Refusal):
    """A Subscription that cannot be honoured."""

    code = "record.subscription-refused"
    status = 422
    message = "Not subscribed: %(reason)s"
