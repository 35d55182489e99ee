"""Languages: Vietnamese first, English second.

Msgids are English. Each context keeps its own `locale/vi.po`, so that a
sentence lives beside the code that says it; at start they are read and merged
into one catalogue. A test refuses any msgid without a Vietnamese sentence and
any two contexts that translate the same sentence differently.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from babel.messages.pofile import read_po

from yba.kernel.refusal import Refusal

LANGUAGES = ("vi", "en")
DEFAULT = "vi"


def N_(message: str) -> str:  # noqa: N802 - the name every gettext tool looks for
    """Mark `message` for translation without translating it here."""
    return message


@dataclass(frozen=True, slots=True)
class Catalogs:
    """Every translation this program has."""

    vietnamese: Mapping[str, str]

    def translator(self, language: str) -> Callable[[str], str]:
        """Return the function from msgid to sentence for `language`."""
        if language == "en":
            return _as_is
        lookup = self.vietnamese

        def translate(message: str) -> str:
            return lookup.get(message) or message

        return translate

    def explain(self, refusal: Refusal, language: str) -> str:
        """Return the refusal's sentence in `language`, its values filled in."""
        sentence = self.translator(language)(refusal.message)
        return sentence % refusal.values if refusal.values else sentence


def _as_is(message: str) -> str:
    return message


def catalog_files() -> list[Path]:
    """Return the Vietnamese catalogue of each context."""
    return sorted(Path(__file__).parents[1].glob("**/locale/vi.po"))


def load() -> Catalogs:
    """Read and merge the catalogues of all contexts."""
    merged: dict[str, str] = {}
    for path in catalog_files():
        with path.open("rb") as file:
            for message in read_po(file, locale="vi"):
                if isinstance(message.id, str) and message.id and isinstance(message.string, str):
                    merged[message.id] = message.string
    return Catalogs(merged)


def choose(cookie: str | None, accept: str | None) -> str:
    """Return the language of a request: the person's choice, else Vietnamese.

    The browser's own wish counts only when it names English and not Vietnamese.
    """
    if cookie in LANGUAGES:
        return cookie
    wishes = (accept or "").lower()
    return "en" if wishes.startswith("en") and "vi" not in wishes else DEFAULT
