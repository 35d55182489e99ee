"""The verbs of orders: services in `ordering`, drugs in `prescriptions`."""

from yba.care.orders.ordering import (
    cancel_order,
    complete_order,
    order,
    order_services,
    orders_of,
)
from yba.care.orders.prescriptions import (
    cancel_prescription,
    check_prescription,
    mark_sent,
    prescribe,
    prescription,
    prescription_state,
    prescriptions_of,
)

__all__ = [
    "cancel_order",
    "cancel_prescription",
    "check_prescription",
    "complete_order",
    "mark_sent",
    "order",
    "order_services",
    "orders_of",
    "prescribe",
    "prescription",
    "prescription_state",
    "prescriptions_of",
]
