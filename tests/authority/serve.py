"""Serve the test authority over HTTP: `python -m tests.authority.serve FOLDER MOMENT`.

Prints its address, then answers until it is ended. The clock stands still at
MOMENT (ISO 8601), or runs when MOMENT is "now". `POST /_control` with JSON
makes a service misbehave, one key each, "up" mends it again:

    tsa   down | slow-clock | garbage
    ocsp  down | replay (the last answer again) | old (of forty days ago) |
          other (about another certificate) | try-later | garbage
    crl   down | old (of a year ago) | garbage
    now   a moment in ISO 8601: the clock stands still there
"""

import json
import sys
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import cache, partial
from io import BytesIO
from pathlib import Path
from typing import Any

from asn1crypto import ocsp
from certomancer.integrations.animator import Animator, AnimatorArchStore
from certomancer.registry import CertomancerConfig
from cryptography.hazmat.primitives import serialization
from dateutil.parser import parse
from werkzeug.serving import WSGIRequestHandler, make_server

Environ = dict[str, Any]
Start = Callable[..., Any]
_FAKE = "HTTP_X_CERTOMANCER_FAKE_TIME"
_GARBAGE = b"\x30\x82not what was asked for"


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing."""


class Service:
    """The animator, with a clock to set and faults to switch on."""

    def __init__(self, moment: str) -> None:
        self.moment = moment
        self.modes: dict[str, str] = {}
        self.asked: dict[str, int] = {}
        self._last_ocsp = b""
        self.animator: Any = None

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if path == "/_control":
            return self._control(body, start)
        kind = next((k for k in ("tsa", "ocsp", "crl") if f"/{k}" in path), "")
        self.asked[kind] = self.asked.get(kind, 0) + 1
        mode = self.modes.get(kind, "up")
        if mode == "down":
            start("503 Service Unavailable", [("Content-Type", "text/plain")])
            return [b"down"]
        if mode == "garbage":
            start("200 OK", [("Content-Type", "application/octet-stream")])
            return [_GARBAGE]
        return self._answer(environ, start, kind, mode, body)

    def _answer(
        self, environ: Environ, start: Start, kind: str, mode: str, body: bytes
    ) -> Iterable[bytes]:
        if kind == "ocsp" and mode == "try-later":
            start("200 OK", [("Content-Type", "application/ocsp-response")])
            return [ocsp.OCSPResponse({"response_status": "try_later"}).dump()]
        if kind == "ocsp" and mode == "replay" and self._last_ocsp:
            start("200 OK", [("Content-Type", "application/ocsp-response")])
            return [self._last_ocsp]
        if kind == "ocsp" and mode == "other":
            body = _about_another(body)
        back = {"slow-clock": 7, "old": 40 if kind == "ocsp" else 365}.get(mode, 0)
        if back or self.moment != "now":
            now = datetime.now().astimezone() if self.moment == "now" else parse(self.moment)
            environ[_FAKE] = (now - timedelta(days=back)).isoformat()
        environ["wsgi.input"] = BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        answer = b"".join(self.animator(environ, start))
        if kind == "ocsp" and mode == "up":
            self._last_ocsp = answer
        return [answer]

    def _control(self, body: bytes, start: Start) -> Iterable[bytes]:
        wanted: dict[str, str] = json.loads(body or b"{}")
        self.moment = wanted.pop("now", self.moment)
        self.modes.update(wanted)
        start("200 OK", [("Content-Type", "application/json")])
        return [json.dumps({"modes": self.modes, "asked": self.asked}).encode()]


def _about_another(body: bytes) -> bytes:
    """Return a request for another certificate; serial numbers of Certomancer are small."""
    request = ocsp.OCSPRequest.load(body)
    identifier = request["tbs_request"]["request_list"][0]["req_cert"]
    identifier["serial_number"] = 0x1002 if identifier["serial_number"].native != 0x1002 else 0x1003
    return ocsp.OCSPRequest.load(request.dump(force=True)).dump(force=True)


def _load_keys_once() -> None:
    """Load every private key once; its checks take longer than a signature with it."""
    load = partial(serialization.load_der_private_key, unsafe_skip_rsa_key_validation=True)
    serialization.load_der_private_key = cache(load)  # type: ignore[assignment]


def main() -> None:
    """Serve the folder that the fixture prepared."""
    _load_keys_once()
    folder, moment = Path(sys.argv[1]), sys.argv[2]
    service = Service(moment)
    server = make_server("127.0.0.1", 0, service, threaded=True, request_handler=_Quiet)
    address = f"http://127.0.0.1:{server.server_port}"
    config = CertomancerConfig.from_file(
        str(folder / "certomancer.yml"), external_url_prefix=address
    )
    _write_certificates(config, folder / "certificates")
    service.animator = Animator(AnimatorArchStore(config.pki_archs), with_web_ui=False)
    print(address, flush=True)
    server.serve_forever()


def _write_certificates(config: CertomancerConfig, folder: Path) -> None:
    """Write every certificate once: one with an ECDSA signature never comes out twice alike."""
    folder.mkdir()
    for architecture in config.pki_archs.values():
        for _, specifications in architecture.enumerate_certs_by_issuer():
            for one in specifications:
                der = architecture.get_cert(one.label).dump()
                (folder / f"{one.label.value}.der").write_bytes(der)


if __name__ == "__main__":
    main()
