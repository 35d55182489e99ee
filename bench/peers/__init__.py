"""Another FHIR server beside ours, in one run on one machine."""
