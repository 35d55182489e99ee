"""Settings: read once from the environment, typed, frozen.

Every setting has a default that runs on a laptop; a facility changes what it
must. Secrets are never printed: `repr` leaves them out.
"""

import hmac
import os
import secrets
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

from yba.kernel.refusal import Refusal

PROFILES = ("demo", "hospital", "commune", "exchange", "insurer", "ministry")


class BadSetting(Refusal):
    """A value in the environment cannot be used."""

    code = "settings.bad-value"
    status = 500
    message = "%(name)s: %(reason)s"


@dataclass(frozen=True, slots=True)
class Settings:
    """What this installation is and where its things are."""

    profile: str = "hospital"
    facility_code: str = "99999"
    facility_name: str = "Bệnh viện Đa khoa Yba (minh hoạ)"
    facility_address: str = "Số 1 đường Thử Nghiệm, phường Mẫu, Thành phố Hà Nội"
    facility_phone: str = "02400000000"
    facility_level: str = "basic"
    facility_points: int = 60
    data_dir: Path = Path("var")
    database_url: str | None = None
    base_url: str = "http://127.0.0.1:8080"
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    connections: int = 8
    secret: bytes = field(default=b"", repr=False)
    body_limit: int = 64 * 1024 * 1024
    page_body_limit: int = 1024 * 1024
    zoneless_dates_in: str = "Asia/Ho_Chi_Minh"
    full_text: bool = False
    bank_bin: str = "970436"
    bank_account: str = "0011002233445"
    bank_account_name: str = "BENH VIEN YBA"
    log_format: str = "auto"
    facility_tax_code: str = ""
    facility_head_licence: str = ""
    bank_secret: bytes = field(default=b"", repr=False)
    signing_keyfile: Path | None = None
    timestamp_url: str | None = None
    # The driver of tokens and modules; a token whose PIN lies in a file serves seals.
    pkcs11_module: Path | None = None
    pkcs11_token: str = ""
    pkcs11_pin_file: Path | None = None
    # A remote signing service (CSC API);.
    remote_signing_url: str = ""
    remote_signing_client: str = ""
    remote_signing_secret: str = field(default="", repr=False)
    # Files of an export are split at about this size.
    export_file_bytes: int = 100_000_000
    # Address prefixes that an import may fetch from; none by default.
    import_from: tuple[str, ...] = ()
    # Address prefixes that subscriptions may notify although they lie in a private network.
    notify_private: tuple[str, ...] = ()
    # Origins ("https://app.example.vn") whose pages may call the FHIR base and the token endpoint,
    # beside those of registered programs.
    cors_origins: tuple[str, ...] = ()
    # Roles that need a second factor; "*" is everybody who works here. Read from the environment,
    # nobody does in the demonstration and all of staff elsewhere.
    second_factor: tuple[str, ...] = ()
    # Host names that requests may carry beside loopback; "*" is any (tests, the demonstration).
    # Read from the environment, it is the host of the base address.
    allowed_hosts: tuple[str, ...] = ("*",)
    # Addresses or networks of proxies whose X-Forwarded-For and -Proto are believed.
    trusted_proxies: tuple[str, ...] = ()
    # Whether callers are counted (docs/adr/0020); benches switch it off.
    rate_limits: bool = False
    # Certificate and key (PEM) with which the node itself speaks TLS; else a proxy in front does.
    tls_certificate: Path | None = None
    tls_key: Path | None = field(default=None, repr=False)
    # A browser session that nobody uses for so many minutes is over.
    session_idle_minutes: int = 60
    # An OpenID provider whose word counts: issuer, who we are there, what people call it, and the
    # values of "acr" by which it says that two factors were used.
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = field(default="", repr=False)
    oidc_name: str = "OpenID"
    oidc_strong: tuple[str, ...] = ()
    # smtp://user:password@host:port, or smtps://; without it there is no e-mail.
    smtp_url: str = field(default="", repr=False)
    mail_from: str = ""

    @property
    def blob_dir(self) -> Path:
        """Return the folder of the blob store."""
        return self.data_dir / "blobs"

    @property
    def assets_dir(self) -> Path:
        """Return the folder of built browser assets and fonts."""
        return Path(os.environ.get("YBA_ASSETS_DIR", "var/assets"))

    @property
    def is_demo(self) -> bool:
        """Return whether demonstration shortcuts (stand-in bank, log-in list) are on."""
        return self.profile == "demo"


def _integer(name: str, default: int) -> int:
    text = os.environ.get(name)
    if text is None:
        return default
    try:
        return int(text)
    except ValueError:
        raise BadSetting(name=name, reason="must be a whole number") from None


def _prefixes(name: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in os.environ.get(name, "").split(",") if part.strip())


def _hosts(profile: str, base_url: str) -> tuple[str, ...]:
    """Return the host names that requests may carry."""
    named = _prefixes("YBA_ALLOWED_HOSTS")
    if named:
        return named
    return ("*",) if profile == "demo" else (urlsplit(base_url).netloc,)


def _networks(name: str) -> tuple[str, ...]:
    found = _prefixes(name)
    try:
        for one in found:
            ip_network(one, strict=False)
    except ValueError:
        raise BadSetting(name=name, reason="must be addresses or networks") from None
    return found


def _second_factor(profile: str) -> tuple[str, ...]:
    """Return the roles that need a second factor: all of staff, except in the demonstration."""
    default = "-" if profile == "demo" else "*"
    named = os.environ.get("YBA_SECOND_FACTOR", default)
    return tuple(part.strip() for part in named.split(",") if part.strip() not in ("", "-"))


def _secret(data_dir: Path) -> bytes:
    """Return the key that signs sessions and cursors; made once, readable by us only."""
    given = os.environ.get("YBA_SECRET")
    if given:
        return given.encode()
    path = data_dir / "secret"
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_bytes()
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(32))
    return path.read_bytes()


def _path(name: str) -> Path | None:
    text = os.environ.get(name)
    return Path(text) if text else None


def _tls() -> tuple[Path | None, Path | None]:
    """Return certificate and key: both or neither. Raises BadSetting."""
    found = _path("YBA_TLS_CERTIFICATE"), _path("YBA_TLS_KEY")
    for name, path in zip(("YBA_TLS_CERTIFICATE", "YBA_TLS_KEY"), found, strict=True):
        if path is not None and not path.is_file():
            raise BadSetting(name=name, reason="must name a file in PEM form")
    if (found[0] is None) != (found[1] is None):
        raise BadSetting(name="YBA_TLS_KEY", reason="certificate and key are given together")
    return found


def _derived(secret: bytes, use: bytes) -> bytes:
    """Return a key of its own for one use, so that no key serves two."""
    return hmac.digest(secret, use, "sha256")


def load() -> Settings:
    """Read the settings from `YBA_*` variables.

    Raises BadSetting, naming the variable, if a value cannot be used.
    """
    defaults = Settings()
    data_dir = Path(os.environ.get("YBA_DATA_DIR", str(defaults.data_dir))).resolve()
    profile = os.environ.get("YBA_PROFILE", defaults.profile)
    if profile not in PROFILES:
        raise BadSetting(name="YBA_PROFILE", reason="must be one of " + ", ".join(PROFILES))
    port = _integer("YBA_PORT", defaults.port)
    host = os.environ.get("YBA_HOST", defaults.host)

    tls = _tls()
    own = f"{'https' if tls[0] else 'http'}://{host}:{port}"
    secret = _secret(data_dir)
    keyfile = os.environ.get("YBA_SIGNING_KEYFILE")

    def text(name: str, default: str) -> str:
        return os.environ.get("YBA_" + name, default)

    return Settings(
        profile=profile,
        facility_code=text("FACILITY_CODE", defaults.facility_code),
        facility_name=text("FACILITY_NAME", defaults.facility_name),
        facility_address=text("FACILITY_ADDRESS", defaults.facility_address),
        facility_phone=text("FACILITY_PHONE", defaults.facility_phone),
        facility_level=text("FACILITY_LEVEL", defaults.facility_level),
        facility_points=_integer("YBA_FACILITY_POINTS", defaults.facility_points),
        data_dir=data_dir,
        database_url=os.environ.get("YBA_DATABASE_URL") or None,
        base_url=text("BASE_URL", own).rstrip("/"),
        host=host,
        port=port,
        allowed_hosts=_hosts(profile, text("BASE_URL", own)),
        trusted_proxies=_networks("YBA_TRUSTED_PROXIES"),
        rate_limits=os.environ.get("YBA_RATE_LIMITS", "on") != "off",
        workers=_integer("YBA_WORKERS", defaults.workers),
        connections=_integer("YBA_CONNECTIONS", defaults.connections),
        secret=secret,
        body_limit=_integer("YBA_BODY_LIMIT", defaults.body_limit),
        page_body_limit=_integer("YBA_PAGE_BODY_LIMIT", defaults.page_body_limit),
        zoneless_dates_in=text("ZONELESS_DATES_IN", defaults.zoneless_dates_in),
        full_text=text("FULL_TEXT", "off") == "on",
        bank_bin=text("BANK_BIN", defaults.bank_bin),
        bank_account=text("BANK_ACCOUNT", defaults.bank_account),
        bank_account_name=text("BANK_ACCOUNT_NAME", defaults.bank_account_name),
        log_format=text("LOG_FORMAT", defaults.log_format),
        facility_tax_code=text("FACILITY_TAX_CODE", defaults.facility_tax_code),
        facility_head_licence=text("FACILITY_HEAD_LICENCE", defaults.facility_head_licence),
        bank_secret=os.environ.get("YBA_BANK_SECRET", "").encode() or _derived(secret, b"bank"),
        signing_keyfile=Path(keyfile) if keyfile else None,
        timestamp_url=os.environ.get("YBA_TIMESTAMP_URL") or None,
        pkcs11_module=_path("YBA_PKCS11_MODULE"),
        pkcs11_token=text("PKCS11_TOKEN", ""),
        pkcs11_pin_file=_path("YBA_PKCS11_PIN_FILE"),
        remote_signing_url=text("REMOTE_SIGNING_URL", "").rstrip("/"),
        remote_signing_client=text("REMOTE_SIGNING_CLIENT", ""),
        remote_signing_secret=text("REMOTE_SIGNING_SECRET", ""),
        export_file_bytes=_integer("YBA_EXPORT_FILE_BYTES", defaults.export_file_bytes),
        import_from=_prefixes("YBA_IMPORT_FROM"),
        notify_private=_prefixes("YBA_NOTIFY_PRIVATE"),
        cors_origins=_prefixes("YBA_CORS_ORIGINS"),
        second_factor=_second_factor(profile),
        oidc_issuer=text("OIDC_ISSUER", ""),
        oidc_client_id=text("OIDC_CLIENT_ID", ""),
        oidc_client_secret=text("OIDC_CLIENT_SECRET", ""),
        oidc_name=text("OIDC_NAME", "OpenID"),
        oidc_strong=_prefixes("YBA_OIDC_STRONG"),
        tls_certificate=tls[0],
        tls_key=tls[1],
        session_idle_minutes=_integer("YBA_SESSION_IDLE_MINUTES", 60),
        smtp_url=text("SMTP_URL", ""),
        mail_from=text("MAIL_FROM", ""),
    )
