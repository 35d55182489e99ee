"""What happened to documents; delivered after commit, at least once."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class DocumentSigned:
    """A document was signed; with version > 1 it replaces an earlier one."""

    document_id: str
    kind: str
    encounter_id: str
    patient_id: str
    version: int
    sha256: str
    at: datetime
