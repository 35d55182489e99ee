"""An OpenID provider on the loopback: discovery, authorization, token, keys; and its own tricks.

`lies` replaces claims of the next token; `forge` says how the next token is signed.
Verified by tests/foundation/accounts/test_external.py against the library's own client.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey


@dataclass
class IdentityProvider:
    """One provider with one client and one person at its door."""

    client_id: str = "yba"
    client_secret: str = "secret between the two"
    subject: str = "person-1"
    amr: tuple[str, ...] = ("pwd",)
    lies: dict[str, Any] = field(default_factory=dict[str, Any])
    forge: str = ""
    asked: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    now: float | None = None

    def __post_init__(self) -> None:
        self._key = RSAKey.generate_key(2048, {"kid": "1", "alg": "RS256", "use": "sig"})
        self._other = RSAKey.generate_key(2048, {"kid": "1", "alg": "RS256", "use": "sig"})
        self._codes: dict[str, dict[str, str]] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                place = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(place.query).items()}
                match place.path:
                    case "/.well-known/openid-configuration":
                        self._json(provider.description())
                    case "/keys":
                        self._json({"keys": [provider._key.as_dict(private=False)]})
                    case "/authorize":
                        self.send_response(302)
                        self.send_header("location", provider.authorize(query))
                        self.end_headers()
                    case _:
                        self.send_error(404)

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", 0))
                fields = {n: v[0] for n, v in parse_qs(self.rfile.read(length).decode()).items()}
                answer = provider.token(fields, self.headers.get("authorization", ""))
                self._json(answer, 200 if "id_token" in answer else 400)

            def _json(self, body: object, status: int = 200) -> None:
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def description(self) -> dict[str, object]:
        return {
            "issuer": self.lies.get("metadata_issuer", self.issuer),
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def authorize(self, query: dict[str, str]) -> str:
        self.asked.append(query)
        code = secrets.token_urlsafe(16)
        self._codes[code] = query
        answer = {
            "code": code,
            "state": query["state"],
            "iss": self.lies.get("iss_answer", self.issuer),
        }
        return query["redirect_uri"] + "?" + urlencode(answer)

    def token(self, fields: dict[str, str], authorization: str) -> dict[str, object]:
        asked = self._codes.pop(fields.get("code", ""), None)
        pair = base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        if asked is None or authorization != f"Basic {pair}":
            return {"error": "invalid_grant"}
        proof = hashlib.sha256(fields.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(proof).rstrip(b"=").decode() != asked["code_challenge"]:
            return {"error": "invalid_grant"}
        if fields.get("redirect_uri") != asked["redirect_uri"]:
            return {"error": "invalid_grant"}
        return {"token_type": "Bearer", "access_token": "-", "id_token": self._signed(asked)}

    def _signed(self, asked: dict[str, str]) -> str:
        now = int(self.now or time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer, "sub": self.subject, "aud": self.client_id, "iat": now,
            "exp": now + 300, "nonce": asked["nonce"], "amr": list(self.amr), **self.lies,
        }  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.forge == "none":
            parts = [{"alg": "none"}, claims]
            return ".".join(
                base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
                for part in parts
            ) + "."  # fmt: skip
        if self.forge == "hmac":
            shared = OctKey.import_key(self._key.as_pem(private=False))
            return jwt.encode({"alg": "HS256", "kid": "1"}, claims, shared, algorithms=["HS256"])
        key = self._other if self.forge == "other-key" else self._key
        return jwt.encode({"alg": "RS256", "kid": "1"}, claims, key)
