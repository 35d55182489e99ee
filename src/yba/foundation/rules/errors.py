"""Refusals of rules."""

from yba.kernel.refusal import Refusal


class UnknownLimit(Refusal):
    """A limit is asked for that no data file sets on that day."""

    code = "rules.unknown-limit"
    status = 500
    message = "No limit %(name)s is set on %(on)s: complete the rules before going on."


class RulesBroken(Refusal):
    """A data file of the program contradicts itself; a mistake of the release."""

    code = "rules.broken"
    status = 500
    message = "The rules in %(file)s are broken: %(reason)s."
