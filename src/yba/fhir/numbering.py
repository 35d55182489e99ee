"""Element numbers that mean the same in every resource type; the numbers of a type's own start at 16."""

from typing import Final

ELEMENT_ID: Final = 1
ELEMENT_LAST_UPDATED: Final = 2
ELEMENT_TAG: Final = 3
ELEMENT_PROFILE: Final = 4
ELEMENT_SECURITY: Final = 5
ELEMENT_SOURCE: Final = 6
