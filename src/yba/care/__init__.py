"""Care: the visit and everything done for the patient in it."""
