"""The verbs of consent, gathered: others import from here."""

from yba.foundation.consent.asking import (
    ANSWERS_CORRECTIONS,
    RETENTION_LAW,
    Asking,
    acknowledge,
    ask,
    closed_requests,
    corrections_on,
    extend,
    finish,
    open_requests,
    refuse,
    request,
    requests_of,
    steps_of,
    take_back,
)
from yba.foundation.consent.books import (
    Agreement,
    Breach,
    NewBreach,
    Processing,
    add_agreement,
    agreements,
    authority_notified,
    breach,
    breaches,
    close_breach,
    file_processing,
    open_breach,
    persons_of_breach,
    processing_register,
    tell_persons,
)
from yba.foundation.consent.deciding import (
    Saying,
    adult_on,
    ask_again,
    decide,
    decision,
    decisions_of,
    has_consent,
    open_withdrawals,
    withdraw,
    withdrawal_done,
)
from yba.foundation.consent.fhir import consent_of, release_of
from yba.foundation.consent.hiding import (
    Hiding,
    add_rows,
    growing_restrictions,
    hide,
    restrictions_of,
    show_again,
)
from yba.foundation.consent.releasing import (
    all_disclosures,
    disclose,
    disclosures_of,
    end_release,
    releases_of,
    request_release,
    require_release,
)
from yba.foundation.consent.representing import (
    Asked,
    accept_proxy,
    acts_for,
    ask_proxy,
    end_proxy,
    proxies_asked,
    proxies_of,
    proxy,
    refuse_proxy,
    represented_by_law,
)
from yba.foundation.consent.sharing import (
    Shown,
    Viewer,
    end_share,
    open_share,
    openings_of,
    share,
    shares_of,
    shown,
)

__all__ = [
    "ANSWERS_CORRECTIONS", "RETENTION_LAW", "Agreement", "Asked", "Asking", "Breach", "Hiding",
    "NewBreach", "Processing", "Saying", "Shown", "Viewer", "accept_proxy", "acknowledge",
    "acts_for", "add_agreement", "add_rows", "adult_on", "agreements", "all_disclosures", "ask",
    "ask_again", "ask_proxy", "authority_notified", "breach", "breaches", "close_breach",
    "closed_requests", "consent_of", "corrections_on", "decide", "decision", "decisions_of",
    "disclose", "disclosures_of", "end_proxy", "end_release", "end_share", "extend",
    "file_processing", "finish", "growing_restrictions", "has_consent", "hide", "open_breach",
    "open_requests", "open_share", "open_withdrawals", "openings_of", "persons_of_breach",
    "processing_register", "proxies_asked", "proxies_of", "proxy", "refuse", "refuse_proxy",
    "release_of", "releases_of", "represented_by_law", "request", "request_release", "requests_of", "require_release",
    "restrictions_of", "share", "shares_of", "show_again", "shown", "steps_of", "take_back",
    "tell_persons", "withdraw", "withdrawal_done",
]  # fmt: skip
