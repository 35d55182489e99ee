"""The privacy officer's work list and books; the clinician's answers to requests to correct.

Owns no data. Every request shows its clock; a refusal carries its reason; what was wrong is never
overwritten but added to, signed by the clinician. Law: Law 91/2025/QH15; docs/standards/consent.md.
"""
