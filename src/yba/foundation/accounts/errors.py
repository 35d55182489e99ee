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


class LeakedPassword(Refusal):
    """Everybody who guesses would try this one."""

    code = "accounts.leaked-password"
    status = 422
    message = (
        "Not saved: this password is known from leaks or easy to guess. "
        "Choose several words that do not belong together."
    )


class FactorUnreadable(Refusal):
    """The seed was encrypted with another key."""

    code = "accounts.factor-unreadable"
    status = 409
    message = (
        "Not checked: the one-time codes of this account cannot be read on this machine. "
        "Use a passkey or a recovery code, then set them up anew."
    )


class WrongCode(Refusal):
    """A one-time or recovery code is wrong, too old, or was used before."""

    code = "accounts.wrong-code"
    status = 401
    message = "Not accepted: the code is wrong, too old, or was used before."


class PasskeyRefused(Refusal):
    """What the device signed does not fit what was asked, or not this account."""

    code = "accounts.passkey-refused"
    status = 401
    message = "Not accepted: this passkey does not fit. Please try again or use another way."


class FreshProofNeeded(Refusal):
    """The act asks for a proof of the person that is minutes old at most."""

    code = "accounts.fresh-proof-needed"
    status = 403
    message = "Not done yet: please confirm first that it is you."


class SecondFactorNeeded(Refusal):
    """The role asks for a second factor, and the account has none."""

    code = "accounts.second-factor-needed"
    status = 403
    message = "Not opened: your role needs a second factor. Please set one up first."


class NothingToProveWith(Refusal):
    """A factor that the account does not have was asked for."""

    code = "accounts.no-such-factor"
    status = 422
    message = "Not done: this way is not set up for your account."


class ExternalRefused(Refusal):
    """The answer of an OpenID provider cannot be relied on."""

    code = "accounts.external-refused"
    status = 401
    message = (
        "Not signed in: the answer of the other service could not be relied on. "
        "Please try again, or sign in with your password."
    )


class NotLinked(Refusal):
    """Somebody is known elsewhere, but that identity belongs to no account here."""

    code = "accounts.not-linked"
    status = 403
    message = (
        "Not signed in: this identity is not linked to an account here. "
        "Sign in as before and link it on the page about your security."
    )


class SecondPersonNeeded(Refusal):
    """What needs two people was tried by one."""

    code = "accounts.second-person-needed"
    status = 409
    message = "Not done: another administrator than the one who asked must confirm this."


class NotOneself(Refusal):
    """Somebody would change or confirm what she herself may."""

    code = "accounts.not-oneself"
    status = 403
    message = "Not changed: another administrator must decide what you may do here."


class LastAdministrator(Refusal):
    """Nobody would be left who can let people in."""

    code = "accounts.last-administrator"
    status = 409
    message = "Not changed: this is the last administrator. Make somebody else one first."
