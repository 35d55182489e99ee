"""Programs on screen: what one asks for, what was granted, which are registered, opening one from a chart.

The rules are in foundation/authorization; here are its pages, which join it with patients and visits.
Standards: SMART App Launch 2.2; OpenID Connect Core 3.1.2 (what the person meets).
"""
