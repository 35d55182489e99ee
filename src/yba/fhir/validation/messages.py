"""The sentences of validation. Placeholders are names of rules, elements and addresses, never data."""

from __future__ import annotations

from typing import Final


def N_(message: str) -> str:  # noqa: N802 - the name every gettext tool looks for
    """Mark `message` for translation without translating it here."""
    return message


NOT_JSON: Final = N_("Not JSON: %(reason)s")
NOT_WRITABLE: Final = N_("Cannot be written as JSON.")
TOO_LARGE: Final = N_("Larger than %(limit)s bytes.")
TOO_DEEP: Final = N_("Nested too deeply.")
NO_OBJECT: Final = N_("A resource must be a JSON object.")
NO_TYPE: Final = N_("resourceType is missing.")
UNKNOWN_TYPE: Final = N_("resourceType is no R4 resource type.")
BE_OBJECT: Final = N_("Must be a JSON object (%(type)s), is %(kind)s.")
BE_ARRAY: Final = N_("Must be a JSON array, is %(kind)s.")
BE_BOOLEAN: Final = N_("Must be true or false, is %(kind)s.")
BE_WHOLE: Final = N_("Must be a whole number (%(type)s), is %(kind)s.")
BE_NUMBER: Final = N_("Must be a number (decimal), is %(kind)s.")
BE_TEXT: Final = N_("Must be text (%(type)s), is %(kind)s.")
EMPTY_OBJECT: Final = N_("An object must not be empty.")
EMPTY_ARRAY: Final = N_("An array must not be empty.")
EMPTY_TEXT: Final = N_("Text must not be empty.")
ONLY_ID: Final = N_("An element must have a value or children besides its id.")
NO_ELEMENT: Final = N_("%(type)s has no element of this name.")
ONE_TYPE: Final = N_("Only one type may be used, these are: %(names)s.")
MANDATORY: Final = N_("This element is mandatory and missing.")
ONE_LENGTH: Final = N_("Values and their extensions must be arrays of one length.")
NULL_ALONE: Final = N_("null needs an extension at the same position.")
NULL: Final = N_("null is not allowed; leave the element out.")
BETWEEN: Final = N_("Must lie between %(low)s and %(high)s (%(type)s).")
NOT_VALID: Final = N_("Is not a valid %(type)s.")
NO_MEASURE: Final = N_("Too large or too small a number.")
TOO_MANY: Final = N_("More than %(limit)s issues; the rest is not listed.")
EXHAUSTED: Final = N_("Too much to examine; the rest was not examined.")
RULE: Final = N_("Rule %(key)s is broken: %(human)s")
RULE_UNDECIDED: Final = N_("Rule %(key)s could not be evaluated, so it was not checked.")
MISSING: Final = N_("At least %(least)s needed here by %(profile)s, found %(found)s.")
TOO_OFTEN: Final = N_("At most %(most)s allowed here by %(profile)s, found %(found)s.")
SLICE_MISSING: Final = N_(
    "Slice %(slice)s: at least %(least)s needed by %(profile)s, found %(found)s."
)
SLICE_TOO_OFTEN: Final = N_(
    "Slice %(slice)s: at most %(most)s allowed by %(profile)s, found %(found)s."
)
SLICE_UNKNOWN: Final = N_("Belongs to no slice, and %(profile)s allows no others.")
SLICE_NOT_LAST: Final = N_("Belongs to no slice, and %(profile)s allows others only at the end.")
SLICE_ORDER: Final = N_("Slice %(slice)s is out of the order that %(profile)s asks for.")
WRONG_TYPE: Final = N_("The type must be one of %(types)s by %(profile)s, is %(type)s.")
NOT_FIXED: Final = N_("The value is not the one that %(profile)s fixes.")
NOT_PATTERN: Final = N_("The value does not have everything of the pattern in %(profile)s.")
TOO_LONG: Final = N_("Longer than %(limit)s characters.")
TOO_SMALL: Final = N_("Smaller than the least value allowed, %(limit)s.")
TOO_GREAT: Final = N_("Greater than the greatest value allowed, %(limit)s.")
NOT_IN_REQUIRED: Final = N_("No code of the required value set %(set)s.")
NOT_IN_EXTENSIBLE: Final = N_(
    "No code of the extensible value set %(set)s; another is allowed only where none of it fits."
)
NOT_IN_MAXIMAL: Final = N_("No code of the largest value set allowed, %(set)s.")
NOT_IN_PREFERRED: Final = N_("No code of the preferred value set %(set)s.")
CODE_UNKNOWN: Final = N_("The code system %(system)s has no such code.")
SET_UNKNOWN: Final = N_("Whether the code is of the value set %(set)s cannot be said here.")
WRONG_TARGET: Final = N_("The reference must point to one of %(types)s, points to %(type)s.")
TARGET_NOT_CONFORMING: Final = N_("What the reference points to conforms to none of %(profiles)s.")
NO_CONTAINED: Final = N_("There is no contained resource with this id.")
CONFORMS_TO_NONE: Final = N_("Conforms to none of %(profiles)s.")
PROFILE_UNKNOWN: Final = N_("The profile %(profile)s is not known here, so it was not checked.")
PROFILE_UNREADABLE: Final = N_("The profile %(profile)s cannot be read, so it was not checked.")
PROFILE_OF_OTHER: Final = N_("The profile %(profile)s is one of %(type)s.")
EXTENSION_UNKNOWN: Final = N_("The extension %(url)s is not known here, so it was not checked.")
MODIFIER_UNKNOWN: Final = N_(
    "The modifier extension %(url)s is not known here; it may change the meaning of what holds it."
)
EXTENSION_CONTEXT: Final = N_("The extension %(url)s may not stand here.")
EXTENSION_MODIFIES: Final = N_("The extension %(url)s must stand among the modifier extensions.")
EXTENSION_MODIFIES_NOT: Final = N_("The extension %(url)s is no modifier extension.")
EXTENSION_RELATIVE: Final = N_("An extension outside of extensions needs an absolute address.")
EXTENSION_PART: Final = N_("The extension %(url)s has no part of this name.")
EXTENSION_BOTH: Final = N_("An extension has either a value or extensions, and one of them.")
NARRATIVE_BROKEN: Final = N_("The narrative is not well-formed XHTML.")
NARRATIVE_NAMESPACE: Final = N_("The narrative must be one div of the XHTML namespace.")
NARRATIVE_ELEMENT: Final = N_("A narrative may not have the element %(name)s.")
NARRATIVE_ATTRIBUTE: Final = N_("A narrative may not have the attribute %(name)s at %(element)s.")
NARRATIVE_EMPTY: Final = N_("A narrative needs some text or an image.")
NARRATIVE_ADDRESS: Final = N_("The address of a link or image in a narrative may not be a script.")
CONTAINED_TWICE: Final = N_("Two contained resources have this id.")
CONTAINED_NO_ID: Final = N_("A contained resource needs an id.")
CONTAINED_UNUSED: Final = N_(
    "Nothing refers to this contained resource, and it refers to nothing around it."
)
FULL_URL_OTHER: Final = N_("The fullUrl and the id of the resource do not agree.")
ALL_RIGHT: Final = N_("No issue was found.")
NOT_THIS_TYPE: Final = N_("A %(type)s is needed here.")
NOTHING_GIVEN: Final = N_("There is no resource to validate.")
ID_IN_CREATE: Final = N_("The id is not used when a resource is created.")
ID_OTHER: Final = N_("The id of the resource is not the one to be updated.")
ID_MISSING: Final = N_("A resource that is to be updated needs an id.")
EXISTS_NOT: Final = N_("There is no resource with this id here.")
