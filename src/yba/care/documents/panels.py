"""What surfaces need of documents: the archive of this process."""

from starlette.requests import Request

from yba.care.documents.service import Archive, archive_with
from yba.foundation.signing.service import signing_of
from yba.plumbing.web import state_of

_KEY = "documents.archive"


def archive_of(request: Request) -> Archive:
    """Return the archive of this process, opened on first use."""
    state = state_of(request)
    if _KEY not in state.extras:
        state.extras[_KEY] = archive_with(signing_of(state), state.settings, state.blobs)
    return state.extras[_KEY]
