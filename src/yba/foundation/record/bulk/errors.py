"""What bulk jobs refuse."""

from yba.kernel.refusal import NotFound, Refusal


class NoSuchJob(NotFound):
    """No job by that name, or it is somebody else's, or it is over and cleared away."""

    code = "record.no-such-job"


class TooManyJobs(Refusal):
    """One account has as many jobs running as it may."""

    code = "record.too-many-jobs"
    status = 429
    message = "Not started: %(most)s of your jobs are still running. Wait for one, or cancel it."


class BulkRefused(Refusal):
    """A bulk request that cannot be carried out as asked."""

    code = "record.bulk-refused"
    status = 400
    message = "Not started: %(reason)s"


class JobFailed(Refusal):
    """A job that ended without a result."""

    code = "record.job-failed"
    status = 500
    message = "Not done: the job failed: %(reason)s"
