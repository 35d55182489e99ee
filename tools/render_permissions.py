"""Write docs/security/permissions.md: who may enter where, from what every route declares.

Run: python -m tools.render_permissions
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from yba.app.asgi import declared
from yba.foundation.accounts.model import PERMISSIONS
from yba.kernel.actor import Actor
from yba.plumbing.web import PUBLIC, SIGNED_IN, Page
from yba.surfaces.fhir_api import operations
from yba.surfaces.fhir_api.audit_events import AUDITOR
from yba.surfaces.fhir_api.interactions import READ, WRITE

PAGE = Path(__file__).parents[1] / "docs" / "security" / "permissions.md"
_HEAD = """# Who may enter where

Rendered from what every route declares by `python -m tools.render_permissions`; a test refuses a page that
differs. What a role then sees of whose record is decided row by row: [access](../standards/access.md).

- **everybody**: no session is asked for. Such a place shows nothing of a person, or asks for a proof of its
  own (a secret with its PIN, a signed notice, a client's key).
- **signed in**: any session; the verb behind it decides by whose thing it is.
- A role that is not named is refused with 403, a stranger is sent to sign in (GET) or refused with 401.
- **machine**: called by programs, not by forms; no cookie of a browser proves anything there.

Tests: `tests/app/test_permissions.py::test_every_role_gets_the_declared_answer`,
`tests/app/test_permissions.py::test_every_fhir_place_answers_by_its_declared_permission`,
`tests/app/test_identifiers.py::test_nobody_unrelated_learns_that_a_thing_exists`.
"""
_INTERACTIONS = (
    ("read, vread, history, search (also in compartments)", READ),
    ("AuditEvent: everything", AUDITOR),
    ("create, update, patch, delete (also conditional)", WRITE),
    ("batch, transaction", "each entry as alone"),
    ("bulk/… (state, files and end of an export or import)", "fhir.export"),
    ("metadata, .well-known/smart-configuration, openapi.json", PUBLIC),
)


def holders(permission: str) -> list[str]:
    """Return the roles that hold a permission, in the order in which roles are listed."""
    return [
        role
        for role, granted in PERMISSIONS.items()
        if Actor("x", "x", permissions=granted).may(permission)
    ]


def rendered() -> str:
    """Return the whole page."""
    return "\n".join([_HEAD, *_roles(), *_pages(declared()), *_fhir()]) + "\n"


def _roles() -> Iterator[str]:
    yield from ("## Roles", "", "| Role | Holds |", "|---|---|")
    for role, granted in PERMISSIONS.items():
        yield f"| {role} | {', '.join(f'`{one}`' for one in sorted(granted))} |"
    yield ""


def _pages(pages: Iterable[Page]) -> Iterator[str]:
    def first(page: Page) -> str:
        return page.path.split("/")[1].partition("{")[0]

    for part, found in groupby(sorted(pages, key=lambda one: (first(one), one.path)), key=first):
        yield from (
            f"## /{part}",
            "",
            "| Method | Address | Name | Needs | Who |",
            "|---|---|---|---|---|",
        )
        for page in found:
            machine = "" if page.browser_only else " (machine)"
            yield (
                f"| {', '.join(page.methods)} | `{page.path}` | {page.name}{machine} |"
                f" {_needed(page.permission)} | {_who(page.permission)} |"
            )
        yield ""


def _needed(permission: str) -> str:
    return permission if permission in (PUBLIC, SIGNED_IN) else f"`{permission}`"


def _who(permission: str) -> str:
    match permission:
        case "public":
            return "everybody"
        case "signed-in":
            return "signed in"
        case _:
            return ", ".join(holders(permission))


def _fhir() -> Iterator[str]:
    yield from (
        "## /fhir",
        "",
        "With a bearer token. A program's scopes narrow this further; a citizen reads of AuditEvent her own.",
        "",
    )
    yield from ("| Interaction | Needs | Who |", "|---|---|---|")
    for name, permission in _INTERACTIONS:
        known = permission != "each entry as alone"
        yield f"| {name} | {_needed(permission) if known else ''} | {_who(permission) if known else permission} |"
    yield from ("", "| Operation | At | Types | Needs | Who |", "|---|---|---|---|---|")
    for one in sorted(operations.ALL, key=lambda one: (one.name, sorted(one.types))):
        levels = ", ".join(level for level in ("system", "type", "instance") if level in one.levels)
        types = ", ".join(sorted(one.types)) or "every type"
        yield (
            f"| `${one.name}` | {levels} | {types if one.levels - {'system'} else ''} |"
            f" `{one.permission}` | {_who(one.permission)} |"
        )


if __name__ == "__main__":
    PAGE.write_text(rendered(), encoding="utf-8")
