"""Orders: services for the bench, drugs for the pharmacy.

Owns orders.prescription (national code, kind, state). The orders themselves
are ServiceRequest and MedicationRequest in the record. A sent prescription
never changes: another one replaces it. Ordinary, narcotic and psychotropic
drugs never share a prescription.
Standard: Circular 26/2025/TT-BYT; FHIR R4 ServiceRequest, MedicationRequest.
"""
