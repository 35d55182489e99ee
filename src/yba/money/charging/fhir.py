"""The invoice as FHIR R4 says it, for those who read the record."""

from collections.abc import Sequence
from decimal import Decimal

from yba.fhir import r4
from yba.kernel import systems
from yba.kernel.clock import local
from yba.kernel.ids import encode_id
from yba.kernel.money import Dong
from yba.money.charging.model import Invoice, InvoiceLine

_CURRENCY = "VND"
_TYPE = systems.EXTENSION + "payer"


def invoice_resource(invoice: Invoice, lines: Sequence[InvoiceLine]) -> r4.Invoice:
    """Return the Invoice resource; `totalNet` is what the person pays."""
    return r4.Invoice(
        id=encode_id(invoice.invoice_id),
        identifier=[
            r4.Identifier(
                system=systems.INVOICE_NUMBER,
                value=f"{invoice.encounter_id}-{invoice.sequence}",
            )
        ],
        status="issued",
        subject=r4.Reference(reference=f"Patient/{invoice.patient_id}"),
        date=local(invoice.issued_at).isoformat(timespec="seconds"),
        lineItem=[_line(line) for line in lines],
        totalPriceComponent=[
            _component("co-payment", invoice.co_payment_dong),
            _component("own", invoice.own_dong),
            _component("insurance", invoice.insurance_dong),
            _component("other", invoice.other_dong),
        ],
        totalNet=_money(invoice.dong.patient),
        totalGross=_money(invoice.dong.total),
    )


def _line(line: InvoiceLine) -> r4.InvoiceLineItem:
    return r4.InvoiceLineItem(
        sequence=line.position,
        chargeItemCodeableConcept=r4.CodeableConcept(
            coding=[
                r4.Coding(
                    system=systems.DRUG if line.kind == "drug" else systems.SERVICE,
                    code=line.code,
                    display=line.name,
                )
            ]
        ),
        priceComponent=[
            r4.InvoiceLineItemPriceComponent(
                type="base",
                factor=line.quantity,
                amount=r4.Money(value=line.amount, currency=_CURRENCY),
            ),
            r4.InvoiceLineItemPriceComponent(
                type="deduction",
                code=_payer("insurance"),
                amount=r4.Money(value=-line.insurance_pays, currency=_CURRENCY),
            ),
        ],
    )


def _component(payer: str, amount: Dong) -> r4.InvoiceLineItemPriceComponent:
    return r4.InvoiceLineItemPriceComponent(
        type="informational", code=_payer(payer), amount=_money(amount)
    )


def _payer(payer: str) -> r4.CodeableConcept:
    return r4.CodeableConcept(coding=[r4.Coding(system=_TYPE, code=payer)])


def _money(amount: Dong) -> r4.Money:
    return r4.Money(value=Decimal(amount), currency=_CURRENCY)
