"""The privacy officer's watch: search of the audit trail, and reports of looks that need a reason.

Main rule: a report is a question to a person, never a judgement; each says which rule made it, and
what was decided about it is kept. Thresholds are dated data.
"""
