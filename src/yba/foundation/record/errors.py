"""What the record refuses, and what the asker can do about it."""

from yba.kernel.refusal import Conflict, NotFound, Refusal


class ResourceNotFound(NotFound):
    """No resource by that type and id."""

    code = "record.not-found"
    message = "Not found: it does not exist here, or you may not see it."


class ResourceDeleted(Refusal):
    """The resource was deleted; its history is kept."""

    code = "record.deleted"
    status = 410
    message = "Gone: %(reference)s was deleted. Its history is kept."


class VersionConflict(Conflict):
    """The version the caller changed is no longer the current one."""

    code = "record.version-conflict"
    status = 412
    message = "Not saved: %(reference)s is now at version %(version)s. Read it again and repeat."


class InvalidResource(Refusal):
    """A resource breaks the rules of FHIR R4."""

    code = "record.invalid"
    status = 422
    message = "Not saved: %(count)s rules of FHIR are broken. First: %(where)s %(problem)s"


class UnsearchableQuery(Refusal):
    """A search that this server cannot answer exactly."""

    code = "record.query-refused"
    status = 400
    message = "Not searched: %(reason)s"


class QueryTooExpensive(Refusal):
    """A search that ran longer than a search may."""

    code = "record.query-too-expensive"
    status = 422
    message = "Not searched: it took too long. Add a condition that narrows it."


class SeveralMatches(Refusal):
    """A condition that must name one resource matches several."""

    code = "record.several-matches"
    status = 412
    message = "Not done: the condition matches several %(type)s resources."


class UnresolvedReference(Refusal):
    """A conditional reference that matches nothing."""

    code = "record.unresolved-reference"
    status = 422
    message = "Not saved: the conditional reference to %(type)s matches nothing."


class BundleRefused(Refusal):
    """A bundle that cannot be carried out."""

    code = "record.bundle-refused"
    status = 400
    message = "Not done: entry %(entry)s: %(reason)s"


class UnreadableBody(Refusal):
    """Bytes that are not a FHIR resource in JSON."""

    code = "record.unreadable"
    status = 400
    message = "Not read: %(reason)s"


class UnreadablePatch(Refusal):
    """A patch document that is none."""

    code = "record.unreadable-patch"
    status = 400
    message = "Not read: the patch is not understood: %(reason)s"


class PatchRefused(Refusal):
    """A patch that does not fit the resource, or makes of it what may not be."""

    code = "record.patch-refused"
    status = 422
    message = "Not saved: operation %(operation)s of the patch: %(reason)s"


class PatchSpoils(PatchRefused):
    """A patch whose result is no resource, or another one."""

    message = "Not saved: what the patch makes of the resource may not be: %(reason)s"


class KeyUsedBefore(Refusal):
    """An idempotency key that stood for another request."""

    code = "record.key-used-before"
    status = 422
    message = "Not done: this Idempotency-Key was used for something else. Take a new one."


class ParameterIndexing(Refusal):
    """A search by a parameter whose values are not all filed yet."""

    code = "record.parameter-indexing"
    status = 422
    message = "Not searched: %(code)s is still being indexed. Try again later."


class UnusableParameter(Refusal):
    """A SearchParameter that this server cannot index exactly."""

    code = "record.unusable-parameter"
    status = 422
    message = "Not saved: this search parameter cannot be indexed: %(reason)s"


class KeyCollision(Refusal):
    """Two different values have the same 64-bit key (never seen; see docs/adr/0010)."""

    code = "record.key-collision"
    status = 500
    message = "Not saved: two coded values share a key. Please report this."
