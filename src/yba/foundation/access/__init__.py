"""Who may see which row of the record, and why; deny by default.

A decision is role × care relationship × department × purpose × the citizen's own wishes × security
label. `model.may_see` is the specification, in plain Python; `record.query.permitting` says the same
in SQL, inside every statement that touches a row, and a property test holds one to the other.
Owns schema access: relations (each with its reason and its end), emergencies, requests.
Law: Law 15/2023/QH15 art. 10 and 69; Law 91/2025/QH15; Circular 13/2025/TT-BYT.
"""
