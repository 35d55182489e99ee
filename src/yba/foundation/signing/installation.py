"""What one installation signs with: its keys, its authority, its time-stamp authority."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from pyhanko.sign.timestamps import TimeStamper

from yba.foundation.signing.agents import AgentKeys
from yba.foundation.signing.authority import Authority, Trust
from yba.foundation.signing.errors import KeyNotHere, KeyPlaceLocked
from yba.foundation.signing.keys import SoftwareKeys, wrapping_key
from yba.foundation.signing.model import KeyPlace
from yba.foundation.signing.pades import HttpTimeStamper
from yba.foundation.signing.remote import RemoteAccount, RemoteKeys
from yba.foundation.signing.tokens import TokenKeys, TokenPool, Tokens
from yba.kernel.ids import new_id
from yba.plumbing.settings import Settings
from yba.plumbing.web import AppState

_KEY = "signing"


@dataclass(frozen=True, slots=True)
class Signing:
    """The keys, the authority and the time-stamp authority of one installation."""

    authority: Authority
    keys: SoftwareKeys
    organisation: str
    facility_code: str
    timestamper: TimeStamper | None = None
    places: Mapping[str, KeyPlace] = field(default_factory=dict[str, KeyPlace])

    def trust(self) -> Trust:
        """Return whom this installation believes."""
        return self.authority.trust()

    def place(self, name: str) -> KeyPlace:
        """Return the place where keys of that name live. Raises KeyNotHere."""
        if name == self.keys.name:
            return self.keys
        if name not in self.places:
            raise KeyNotHere(certificate=name)
        return self.places[name]


def open_signing(
    folder: Path,
    *,
    organisation: str,
    facility_code: str,
    at: datetime,
    address: str = "",
    keyfile: Path | None = None,
    timestamp_url: str | None = None,
    places: Sequence[KeyPlace] = (),
) -> Signing:
    """Open the signing folder, making the demonstration authority on first use.

    `folder` is `pki` of the data directory, `keyfile` holds the wrapping key
    (default: in `folder`), `address` is where the CRL can be fetched. Reads
    and writes files: call it at start, not in a request.

    Raises KeyPlaceLocked if the keys do not open, or if a key file was named
    and is not there although keys are.
    """
    keys = SoftwareKeys(folder / "keys", wrapping_of(folder, keyfile))
    authority = Authority(folder, keys, at=at, address=address)
    authority.refresh(at=at)
    return Signing(
        authority=authority,
        keys=keys,
        organisation=organisation,
        facility_code=facility_code,
        timestamper=HttpTimeStamper(timestamp_url) if timestamp_url else None,
        places={place.name: place for place in places},
    )


def wrapping_of(folder: Path, keyfile: Path | None) -> bytes:
    """Return the wrapping key; keys that nothing can open any more are put aside."""
    known = folder / "keys"
    path = keyfile or folder / "keyfile"
    if not path.exists() and known.is_dir() and any(known.glob("*.key")):
        if keyfile is not None:
            raise KeyPlaceLocked
        known.rename(folder / f"keys-lost-{new_id()}")
    return wrapping_key(path)


def signing_from(settings: Settings, *, at: datetime) -> Signing:
    """Open the signing folder of an installation; see open_signing."""
    return open_signing(
        settings.data_dir / "pki",
        organisation=settings.facility_name,
        facility_code=settings.facility_code,
        at=at,
        address=settings.base_url,
        keyfile=settings.signing_keyfile,
        timestamp_url=settings.timestamp_url,
        places=_places(settings),
    )


def _places(settings: Settings) -> list[KeyPlace]:
    """Return the places outside this machine's disk that the settings name."""
    places: list[KeyPlace] = []
    if settings.pkcs11_module is not None:
        tokens = Tokens(settings.pkcs11_module)
        pools = []
        if settings.pkcs11_token and settings.pkcs11_pin_file is not None:
            pools = [TokenPool(tokens, settings.pkcs11_token, settings.pkcs11_pin_file)]
        places.append(TokenKeys(tokens, pools))
    if settings.remote_signing_url:
        places.append(
            RemoteKeys(
                RemoteAccount(
                    settings.remote_signing_url,
                    settings.remote_signing_client,
                    settings.remote_signing_secret,
                )
            )
        )
    return places


def open_at_start(state: AppState, clock: Callable[[], datetime]) -> Signing:
    """Open the signing folder for this process; doing it again is harmless.

    The very first time in an installation makes keys and takes a second, so
    call it from a worker thread.
    """
    if _KEY not in state.extras:
        opened = signing_from(state.settings, at=clock())
        agents = AgentKeys(state.database, clock=clock)
        state.extras[_KEY] = replace(opened, places={**opened.places, agents.name: agents})
    return state.extras[_KEY]


def signing_of(state: AppState) -> Signing:
    """Return the signing of this process, which its start has opened."""
    return state.extras[_KEY]
