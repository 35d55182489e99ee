"""The doors of the authorization server for other contexts."""

from yba.foundation.authorization.discovery import smart_configuration
from yba.foundation.authorization.granting import (
    Opened,
    Own,
    end_session,
    grant,
    grantable,
    granted_already,
    granted_by,
    open_chart,
    opened,
    own_patient,
    represented,
    take_back,
)
from yba.foundation.authorization.keys import own_claims, rotate
from yba.foundation.authorization.programs import (
    Wanted,
    client,
    clients,
    disable,
    opened_from_charts,
    origins,
    register,
    renew_secret,
)
from yba.foundation.authorization.proving import KeySets
from yba.foundation.authorization.requests import (
    Asked,
    SentBack,
    keep,
    parameters_of,
    read,
    with_query,
)
from yba.foundation.authorization.tokens import ACCESS_PREFIX, Server, recognise, sweep

__all__ = [
    "ACCESS_PREFIX", "Asked", "KeySets", "Opened", "Own", "SentBack", "Server", "Wanted", "client",
    "clients", "disable", "end_session", "grant", "grantable", "granted_already", "granted_by",
    "keep", "open_chart", "opened", "opened_from_charts", "origins", "own_claims", "own_patient", "parameters_of",
    "read", "recognise", "register", "renew_secret", "represented", "rotate", "smart_configuration", "sweep",
    "take_back", "with_query",
]  # fmt: skip
