"""What the authorization server says about itself.

Standards: OpenID Connect Discovery 1.0, RFC 8414, SMART App Launch 2.2 "Using Well-Known".
"""

from __future__ import annotations

from typing import Any

from yba.foundation.authorization.keys import ALGORITHM
from yba.foundation.authorization.model import ASSERTION_ALGORITHMS, GRANTS, METHODS

_SCOPES = [
    "openid", "profile", "fhirUser", "launch", "launch/patient", "launch/encounter",
    "offline_access", "online_access", "patient/*.cruds", "user/*.cruds", "system/*.cruds",
]  # fmt: skip
# SMART App Launch 2.2, "Capability Sets": only what is on.
CAPABILITIES = [
    "launch-ehr", "launch-standalone", "authorize-post", "client-public",
    "client-confidential-symmetric", "client-confidential-asymmetric", "sso-openid-connect",
    "context-banner", "context-style", "context-ehr-patient", "context-ehr-encounter",
    "context-standalone-patient", "permission-offline", "permission-online", "permission-patient",
    "permission-user", "permission-v1", "permission-v2",
]  # fmt: skip


def _endpoints(issuer: str) -> dict[str, Any]:
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        "jwks_uri": f"{issuer}/oauth/jwks",
        "introspection_endpoint": f"{issuer}/oauth/introspect",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "grant_types_supported": list(GRANTS),
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": list(METHODS),
        "token_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
        "scopes_supported": _SCOPES,
    }


def server_metadata(issuer: str) -> dict[str, Any]:
    """Return the metadata of the authorization server, with that of OpenID Connect."""
    proving = [method for method in METHODS if method != "none"]
    return {
        **_endpoints(issuer),
        "userinfo_endpoint": f"{issuer}/oauth/userinfo",
        "end_session_endpoint": f"{issuer}/oauth/end-session",
        "pushed_authorization_request_endpoint": f"{issuer}/oauth/par",
        "require_pushed_authorization_requests": False,
        "authorization_response_iss_parameter_supported": True,
        "response_modes_supported": ["query"],
        "introspection_endpoint_auth_methods_supported": proving,
        "introspection_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
        "revocation_endpoint_auth_methods_supported": list(METHODS),
        "revocation_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "claims_supported": [
            "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "acr", "amr", "sid", "name",
            "fhirUser",
        ],
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "acr_values_supported": ["urn:yba:acr:one-factor", "urn:yba:acr:two-factors"],
        "ui_locales_supported": ["vi", "en"],
        "service_documentation": f"{issuer}/fhir/metadata",
    }  # fmt: skip


def smart_configuration(issuer: str) -> dict[str, Any]:
    """Return what stands at `/.well-known/smart-configuration` below the FHIR base."""
    return {
        **_endpoints(issuer),
        "userinfo_endpoint": f"{issuer}/oauth/userinfo",
        "management_endpoint": f"{issuer}/programs",
        "capabilities": CAPABILITIES,
    }


def style() -> dict[str, str]:
    """Return the look of this program, for others that want to match it (SMART App Launch, Styling)."""
    return {
        "color_background": "#ffffff",
        "color_error": "#b3261e",
        "color_highlight": "#0b6b57",
        "color_modal_backdrop": "",
        "color_success": "#1b6e3c",
        "color_text": "#1d2522",
        "dim_border_radius": "6px",
        "dim_font_size": "16px",
        "dim_spacing_size": "16px",
        "font_family_body": "'Be Vietnam Pro', system-ui, sans-serif",
        "font_family_heading": "'Be Vietnam Pro', system-ui, sans-serif",
    }
