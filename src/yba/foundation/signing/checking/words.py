"""Every problem a check can tell, in plain words, with a stable code for machines."""

from yba.plumbing.i18n import N_

NOT_A_PDF = N_("The file is damaged or is not a PDF.")
NOT_READABLE = N_("The file is damaged, or of a kind that we cannot check.")
ENCRYPTED = N_("The file is protected by a password and cannot be checked.")
NO_SIGNATURE = N_("The file carries no digital signature.")
CONTENT_CHANGED = N_("The content is not what was signed: it was changed after signing.")
VALUE_BROKEN = N_("The signature itself is damaged.")
CHANGED_AFTER = N_("Something was added to the file after it was signed.")
PART_ONLY = N_("The signature covers only a part of the file.")
UNKNOWN_AUTHORITY = N_("The signer's certificate comes from an authority that is not trusted here.")
REVOKED = N_("The signer's certificate was revoked.")
EXPIRED = N_("The signer's certificate was not valid at the time of this check.")
NOT_VALID_THEN = N_("The signer's certificate was not valid at the time of signing.")
UNREADABLE_SIGNATURE = N_("One signature cannot be read.")
TIME_NOT_PROVEN = N_("The time of signing is the signer's own statement, without a time stamp.")
TIME_STAMP_BROKEN = N_("A time stamp of this signature does not fit and was not believed.")
TIME_STAMP_UNTRUSTED = N_(
    "A time stamp of this signature comes from an authority that is not trusted here."
)
TIME_IN_FUTURE = N_("The signature says that it was made later than now.")
TIME_CONTRADICTED = N_("The time that the signer stated is later than the time stamp.")
WRONG_PURPOSE = N_("The signer's certificate was not issued for signing documents.")
REVOCATION_UNKNOWN = N_(
    "Whether the signer's certificate was revoked cannot be found out without its authority."
)
WEAK_METHOD = N_("The signature uses a method that is no longer safe.")
NO_CERTIFICATE = N_("The signature does not say whose it is: no certificate is in the file.")
CONTENT_MISSING = N_("The signed content is not in this file; give both files together.")
DANGEROUS_XML = N_("The file defines entities of its own and is not read for safety.")
AMBIGUOUS = N_("Parts of the file have the same name, so what was signed is not certain.")
OUTSIDE_REFERENCE = N_("The signature refers to something outside this file.")
UNKNOWN_TRANSFORM = N_("The signature rewrites the content in a way that we do not accept.")
UNKNOWN_METHOD = N_("The signature uses a method or a demand that we do not know.")
OTHER_TARGET = N_("The resource that was signed is not in this file.")
REVOCATION_IGNORED = N_("It was asked not to look at revocations.")
ARCHIVE_STAMP_NOT_JUDGED = N_(
    "An archive time stamp is in the file. It was kept but not judged, and proves nothing here."
)

CODES: dict[str, str] = {
    message: name.lower().replace("_", "-")
    for name, message in list(globals().items())
    if name.isupper() and isinstance(message, str)
}

# Said for information: these alone do not spoil a verdict.
REMARKS = frozenset(
    {TIME_NOT_PROVEN, TIME_CONTRADICTED, REVOCATION_IGNORED, ARCHIVE_STAMP_NOT_JUDGED}
)
