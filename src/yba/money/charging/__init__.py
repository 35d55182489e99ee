"""Charging: what a visit costs and who pays which part of it.

Owns the facility's price lists, the charge ledger (append-only; a cancelled
order is a reversing line), the terms under which a visit is covered, and
frozen invoices. Main rule: bill = sum of lines = sum of payers, to the đồng.
Listens to care and never calls it.

Standards: claim tables of decision 130/QĐ-BYT with 4750 and 3176 (row
formulas), Luật 51/2024/QH15 and Nghị định 188/2025/NĐ-CP (levels), FHIR R4
Invoice. Our reading of unclear clauses: docs/standards/money.md.
Tables: charging.price_list, price, cover, charge, invoice, invoice_line.
"""
