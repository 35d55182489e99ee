"""The report of an import: for machines (JSON), for people (HTML), and what was set aside.

The page needs nothing else to open: no script, no picture, no address.
"""

import html
import os
import shutil
from collections.abc import Callable

import msgspec

from yba.kernel.refusal import Refusal
from yba.money.insurance.findings import Finding
from yba.money.insurance.importing import FileOutcome, ImportSummary
from yba.money.insurance.keeping import Kept
from yba.money.insurance.tables import tables
from yba.plumbing.i18n import N_, Catalogs

_TITLE = N_("Claim files that were read")
_COUNTS = N_(
    "%(files)s files: %(kept)s kept, %(known)s known already, %(set_aside)s set aside. "
    "Episodes: %(new)s new, %(updated)s corrected, %(same)s unchanged, %(older)s older than known."
)
_SET_ASIDE = N_("Set aside")
_NOTES = N_("Kept, with notes")
_HEADINGS = (N_("Episode"), N_("Table"), N_("Row"), N_("Field"), N_("Rule"), N_("What to correct"))
_MORE = N_("and %(count)s more of the same kind")
_SHOWN = 200
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ccc;padding:.3rem .5rem;"
    "text-align:left;vertical-align:top}.error{color:#a00}.warning{color:#850}.info{color:#555}"
)


def _data(outcome: FileOutcome) -> dict[str, object]:
    refusal = outcome.refusal
    return {
        "file": outcome.path.name,
        "sha256": outcome.sha256,
        "state": outcome.state,
        "facility": outcome.facility,
        "episodes": outcome.episodes,
        "refusal": None if refusal is None else {"code": refusal.code, "message": refusal.text()},
        "findings": [one.as_data() for one in outcome.findings],
    }


def summary_text(summary: ImportSummary, translate: Callable[[str], str]) -> str:
    """Return the figures of a batch as one sentence."""
    return translate(_COUNTS) % {
        "files": len(summary.outcomes),
        "kept": summary.count("kept"),
        "known": summary.count("known"),
        "set_aside": summary.count("set-aside"),
        "new": summary.episodes(Kept.NEW),
        "updated": summary.episodes(Kept.UPDATED),
        "same": summary.episodes(Kept.SAME),
        "older": summary.episodes(Kept.OLDER),
    }


def _row(one: Finding, translate: Callable[[str], str], language: str) -> str:
    table = tables().get(one.table)
    title = "" if table is None else (table.title_vi if language == "vi" else table.title_en)
    cells = [
        str(one.episode or ""),
        f"{one.table} {title}".strip(),
        "" if one.row is None else str(one.row),
        one.field,
        one.rule,
        one.text(translate),
    ]
    inside = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
    return f'<tr class="{one.severity}">{inside}</tr>'


def _file(
    outcome: FileOutcome,
    translate: Callable[[str], str],
    explain: Callable[[Refusal], str],
    language: str,
) -> str:
    parts = [f"<h3>{html.escape(outcome.path.name)}</h3>"]
    if outcome.refusal is not None:
        parts.append(f'<p class="error">{html.escape(explain(outcome.refusal))}</p>')
    if outcome.findings:
        head = "".join(f"<th>{html.escape(translate(name))}</th>" for name in _HEADINGS)
        ordered = sorted(outcome.findings, key=lambda one: not one.is_error)
        rows = "".join(_row(one, translate, language) for one in ordered[:_SHOWN])
        parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>")
        if len(ordered) > _SHOWN:
            parts.append(f"<p>{translate(_MORE) % {'count': len(ordered) - _SHOWN}}</p>")
    return "".join(parts)


def page(summary: ImportSummary, catalogs: Catalogs, language: str) -> str:
    """Return the report as one HTML page in `language`."""
    translate = catalogs.translator(language)

    def explain(refusal: Refusal) -> str:
        return catalogs.explain(refusal, language)

    bad = [one for one in summary.outcomes if one.state == "set-aside"]
    noted = [one for one in summary.outcomes if one.state == "kept" and one.findings]
    parts = [
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">',
        f"<title>{html.escape(translate(_TITLE))}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{html.escape(translate(_TITLE))}</h1>",
        f"<p>{html.escape(summary_text(summary, translate))}</p>",
    ]
    for title, outcomes in ((_SET_ASIDE, bad), (_NOTES, noted)):
        if outcomes:
            parts.append(f"<h2>{html.escape(translate(title))}</h2>")
            parts += [_file(one, translate, explain, language) for one in outcomes]
    return "".join([*parts, "</body></html>"])


def write_report(summary: ImportSummary, catalogs: Catalogs) -> None:
    """Write report.json, report.vi.html, report.en.html and copies of what was set aside.

    Only the owner may read the folder: it holds the files of patients.
    """
    folder = summary.folder
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    content = {"batch": summary.batch_id, "files": [_data(one) for one in summary.outcomes]}
    (folder / "report.json").write_bytes(msgspec.json.format(msgspec.json.encode(content)))
    for language in ("vi", "en"):
        (folder / f"report.{language}.html").write_text(page(summary, catalogs, language), "utf-8")
    taken: set[str] = set()
    for one in summary.outcomes:
        if one.state != "set-aside":
            continue
        rejected = folder / "rejected"
        rejected.mkdir(exist_ok=True)
        name = one.path.name if one.path.name not in taken else f"{one.sha256[:8]}-{one.path.name}"
        taken.add(name)
        shutil.copyfile(one.path, rejected / os.fspath(name))
