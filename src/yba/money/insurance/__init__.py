"""Insurance: what a visit tells the social-insurance fund, and what such files tell us.

Owns the claim tables (check-in and XML1 to XML15) as dated data, the claim
file's envelope, the rules a file must pass, the ledger of files that were
made and the episodes that were read from other systems' files.

Main rules: a file that was issued is never overwritten; the text of every
field is kept as it came; what is refused is named by file, table, row, field
and rule; the same file read twice changes nothing.

Standards: Decisions 130/QĐ-BYT (2023), 4750/QĐ-BYT (2023), 3176/QĐ-BYT (2024),
1931/QĐ-BYT (2026); the social-insurance agency's letter 1245 on the envelope.
Tables: insurance.claim_file, insurance.import_batch, insurance.episode.
"""
