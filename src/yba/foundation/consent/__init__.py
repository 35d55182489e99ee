"""Consent and the rights of persons over their data.

Owns schema consent: decisions by purpose (text version, channel, who), written requests to give
data to others and the log of what was given, requests of persons under their statutory clocks,
proxies, what a citizen hides and shares, and the privacy officer's books (processing register,
breaches, agreements). Main rules: silence is no consent and refusing an extra never blocks care;
nothing goes to another care provider or private insurer without her written request or a case the
law names; texts, periods and holidays are dated data.
Law: Law 91/2025/QH15; Decree 356/2025/NĐ-CP; docs/standards/consent.md says clause by clause.
"""
