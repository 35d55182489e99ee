"""Yba: an open national digital-health platform.

Nine floors, lowest first: kernel, fhir, plumbing, foundation, care, money,
exchange, government beside insight, surfaces, app. A floor imports only the
floors below it; `docs/architecture.md` follows one request through them.
"""

__version__ = "0.1.0"
