"""A token of SoftHSM2 with the keys and certificates of the test authority.

Pulling it out is what SoftHSM2 can be made to suffer: its folder is gone.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.authority import TestAuthority

MODULE = "/usr/lib/softhsm/libsofthsm2.so"


@dataclass(frozen=True)
class SoftToken:
    """One token in a folder of its own."""

    folder: Path
    name: str
    pin: str

    @property
    def environment(self) -> dict[str, str]:
        """Return what a process needs to see this token."""
        return {**os.environ, "SOFTHSM2_CONF": str(self.folder / "softhsm2.conf")}

    def pull_out(self) -> None:
        """Remove the token as a person would, in the middle of anything."""
        shutil.move(self.folder / "tokens", self.folder / "pulled")
        (self.folder / "tokens").mkdir()

    def plug_in(self) -> None:
        """Put it back."""
        if (self.folder / "pulled").exists():
            shutil.rmtree(self.folder / "tokens")
            shutil.move(self.folder / "pulled", self.folder / "tokens")


def make_token(
    folder: Path, authority: TestAuthority, labels: Sequence[str], *, name: str, pin: str
) -> SoftToken:
    """Make a token that holds the keys and certificates called `labels`."""
    for tool in ("softhsm2-util", "pkcs11-tool"):
        if shutil.which(tool) is None or not Path(MODULE).exists():
            pytest.skip(f"{tool} is not installed (softhsm2, opensc)")
    (folder / "tokens").mkdir(parents=True)
    (folder / "softhsm2.conf").write_text(
        f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    token = SoftToken(folder, name, pin)

    def run(*command: str) -> None:
        subprocess.run(command, check=True, capture_output=True, env=token.environment)

    run(
        "softhsm2-util", "--init-token", "--free", "--label", name, "--pin", pin, "--so-pin", "9999"
    )
    for number, label in enumerate(labels, start=1):
        about = ("--token", name, "--label", label, "--id", f"{number:02x}", "--pin", pin)
        run("softhsm2-util", "--import", str(authority.key_file(label)), *about)
        certificate = folder / f"{label}.der"
        certificate.write_bytes(authority.certificate(label))
        run(
            *("pkcs11-tool", "--module", MODULE, "--token-label", name, "--login", "--pin", pin),
            *("--write-object", str(certificate), "--type", "cert"),
            *("--label", label, "--id", f"{number:02x}"),
        )
    return token
