"""Every sentence a person reads exists in Vietnamese and in English."""

import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from babel.messages.extract import extract
from babel.messages.pofile import read_po
from tests.architecture.test_building import all_modules

import yba
from yba.kernel.refusal import Refusal
from yba.money.insurance.findings import rules as claim_rules
from yba.plumbing import i18n

SOURCE = Path(yba.__file__).parent
KEYWORDS = {"_": None, "N_": None, "gettext": None, "translate": None}
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|%[sd]")


def _from_files() -> Iterator[tuple[str, str]]:
    for path in sorted(SOURCE.rglob("*")):
        if path.suffix == ".py" and "generated" not in path.parts:
            method = "python"
        elif path.suffix in (".html", ".txt") and "templates" in path.parts:
            method = "jinja2"
        else:
            continue
        with path.open("rb") as file:
            for _, message, *_ in extract(method, file, keywords=KEYWORDS):
                if isinstance(message, str) and message:
                    yield message, str(path.relative_to(SOURCE))


def _from_refusals() -> Iterator[tuple[str, str]]:
    for module in all_modules():
        importlib.import_module(module)
    waiting = [Refusal]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__.startswith("yba."):
            yield kind.message, f"{kind.__module__}.{kind.__name__}"


def _from_claim_rules() -> Iterator[tuple[str, str]]:
    """The sentences of the claim rules live in data, beside their ids and sources."""
    for rule in claim_rules().values():
        if rule.is_decided:
            yield rule.sentence, "money/insurance/data/rules.tsv"


@cache
def messages() -> dict[str, str]:
    """Return every msgid with one place that says it."""
    return {**dict(_from_claim_rules()), **dict(_from_refusals()), **dict(_from_files())}


def test_every_sentence_has_its_vietnamese():
    vietnamese = i18n.load().vietnamese
    missing = {text: place for text, place in messages().items() if not vietnamese.get(text)}
    assert missing == {}


def test_a_sentence_means_the_same_everywhere():
    said: dict[str, dict[str, str]] = {}
    for path in i18n.catalog_files():
        with path.open("rb") as file:
            for message in read_po(file, locale="vi"):
                if isinstance(message.id, str) and message.id and message.string:
                    said.setdefault(message.id, {})[str(message.string)] = str(
                        path.relative_to(SOURCE)
                    )
    assert {text: ways for text, ways in said.items() if len(ways) > 1} == {}


def test_no_translation_is_left_over():
    spoken = set(messages())
    left: dict[str, str] = {}
    for path in i18n.catalog_files():
        with path.open("rb") as file:
            for message in read_po(file, locale="vi"):
                if isinstance(message.id, str) and message.id and message.id not in spoken:
                    left[message.id] = str(path.relative_to(SOURCE))
    assert left == {}


def test_translations_keep_their_placeholders():
    vietnamese = i18n.load().vietnamese
    wrong = {
        text: vietnamese[text]
        for text in messages()
        if text in vietnamese
        and sorted(PLACEHOLDER.findall(text)) != sorted(PLACEHOLDER.findall(vietnamese[text]))
    }
    assert wrong == {}
