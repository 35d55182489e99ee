"""The URIs under which Vietnamese identifiers and codes are written in FHIR.

No official registry of such URIs exists yet, so they live under one prefix of
this project. They are names, not addresses: nothing is fetched from them.
"""

_BASE = "urn:yba:vn:"

# Identifiers of persons
CCCD = _BASE + "id:cccd"
CMND = _BASE + "id:cmnd"
PASSPORT = _BASE + "id:passport"
BHYT_CARD = _BASE + "id:bhyt-card"
SOCIAL_INSURANCE = _BASE + "id:social-insurance"
PATIENT_NUMBER = _BASE + "id:patient-number"
TEMPORARY_ID = _BASE + "id:temporary"
LICENCE = _BASE + "id:practising-licence"
PRESCRIBER_CODE = _BASE + "id:prescriber"
# Identifiers of places and things
FACILITY_CODE = _BASE + "id:facility"
FACILITY_GLN = _BASE + "id:facility-gln"
DEPARTMENT_CODE = _BASE + "id:department"
ENCOUNTER_CLAIM_KEY = _BASE + "id:ma-lk"
PRESCRIPTION_CODE = _BASE + "id:prescription"
DOCUMENT_NUMBER = _BASE + "id:document"
INVOICE_NUMBER = _BASE + "id:invoice"
# Code systems
ICD10 = "http://hl7.org/fhir/sid/icd-10"
SERVICE = _BASE + "code:service"
DRUG = _BASE + "code:drug"
LAB_INDEX = _BASE + "code:lab-index"
ROUTE = _BASE + "code:route"
ETHNICITY = _BASE + "code:ethnicity"
OCCUPATION = _BASE + "code:occupation"
NATIONALITY = _BASE + "code:nationality"
PROVINCE = _BASE + "code:province"
COMMUNE = _BASE + "code:commune"
PATIENT_CATEGORY = _BASE + "code:ma-doituong-kcb"
CARE_TYPE = _BASE + "code:ma-loai-kcb"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
# Extensions
EXTENSION = _BASE + "ext:"
