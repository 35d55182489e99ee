"""What the chart itself refuses."""

from yba.kernel.refusal import Refusal


class BasketNotEmpty(Refusal):
    """Something was chosen and neither ordered nor taken out."""

    code = "chart.basket-not-empty"
    status = 409
    message = (
        "Not closed: there are services or drugs that were chosen and not ordered. "
        "Order them, or take them out."
    )
