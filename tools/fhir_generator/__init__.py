"""Writes src/yba/fhir/generated from the official FHIR R4 definitions.

Input: the npm package hl7.fhir.r4.examples 4.0.1 (CC0), as its .tgz or unpacked.
Run: python -m tools.fhir_generator PACKAGE
The result is committed; the same package gives the same bytes.
"""
