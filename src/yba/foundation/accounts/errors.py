"""Refusals of signing in and of managing accounts."""

from yba.kernel.refusal import Refusal


class WrongLogin(Refusal):
    """Name and password do not belong together; which of the two is not said."""

    code = "accounts.wrong-login"
    status = 401
    message = "Not signed in: the name or the password is wrong."


class TooManyAttempts(Refusal):
    """The account rests after repeated failures."""

    code = "accounts.too-many-attempts"
    status = 429
    message = "Not signed in: too many attempts. Please wait %(minutes)s minutes and try again."


class LoginTaken(Refusal):
    """Another account has that name."""

    code = "accounts.login-taken"
    status = 409
    message = "Not created: another account already has this name."


class WeakPassword(Refusal):
    """The password is too easy to guess."""

    code = "accounts.weak-password"
    status = 422
    message = "Not saved: a password needs at least %(length)s characters."


class UnknownRole(Refusal):
    """There is no such role."""

    code = "accounts.unknown-role"
    status = 422
    message = "Not saved: there is no role called %(role)s."


class InvitationUnusable(Refusal):
    """The code was never given, was used already, or is too old."""

    code = "accounts.invitation-unusable"
    status = 422
    message = (
        "Not opened: this code is wrong, already used or too old. Ask reception for a new one."
    )


class AlreadyHasAccount(Refusal):
    """The person can sign in already."""

    code = "accounts.already-has-account"
    status = 409
    message = "Not done: this person already has an account."
