"""Payments: how money for a bill arrives, is matched, given back and counted.

Owns payment requests and their QR, bank notices, the ledger of money moved
(append-only, every posting balanced), receipts with gap-free numbers, till
shifts and the daily count per method. Main rules: a payment is confirmed only
by the bank's signed notice, never by what a person shows; one notice counts
once however often it comes; money goes straight to the facility's account.

Standards: EMVCo merchant-presented QR as NAPAS VietQR; Nghị định 254/2026
(a receipt slip for every payment).
Tables: payments.request, bank_notice, entry, payment, receipt, receipt_number,
shift.
"""
