"""Insight: read-only figures over published views."""
