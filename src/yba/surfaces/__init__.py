"""Surfaces: screens and interfaces that join several contexts."""
