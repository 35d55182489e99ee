"""Finding the columns of a table: by heading, or by what stands in them.

The headings of the list of Circular 06/2026 are not known here (its annex is a
PDF), so a wide list without the known headings is read by content: the column of
dotted codes, the one that repeats them without dot, and of the texts the
Vietnamese and the English one that differ most from row to row.
"""

from collections.abc import Mapping, Sequence

from yba.foundation.terminology.model import is_icd10_shaped, words_of

Table = Sequence[Sequence[str]]
Places = Mapping[str, int]

_HEADING_ROWS = 20
_SAMPLE = 3000
_FEWEST_CODES = 2


def by_heading(table: Table, *wanted: str) -> tuple[int, Places] | None:
    """Return the row that holds all wanted headings, and the place of each heading."""
    folded = [" ".join(words_of(heading)) for heading in wanted]
    for number, row in enumerate(table[:_HEADING_ROWS]):
        places: dict[str, int] = {}
        for place, cell in enumerate(row):
            places.setdefault(" ".join(words_of(cell)), place)
        if all(heading in places for heading in folded):
            return number, places
    return None


def cell(row: Sequence[str], place: int | None) -> str:
    """Return a cell trimmed; a place that is not there is empty."""
    return row[place].strip() if place is not None and 0 <= place < len(row) else ""


def by_content(table: Table) -> tuple[int, Places] | None:
    """Return the row before the first code, and the places of code and names.

    The places have the names of the known headings.
    """
    rows = table[:_SAMPLE]
    width = max((len(row) for row in rows), default=0)
    columns = [[cell(row, place) for row in rows] for place in range(width)]
    dotted = [sum("." in text and is_icd10_shaped(text) for text in column) for column in columns]
    if not dotted or max(dotted) < _FEWEST_CODES:
        return None
    code = dotted.index(max(dotted))
    coded = [number for number, text in enumerate(columns[code]) if is_icd10_shaped(text)]
    bare = [columns[code][number].replace(".", "") for number in coded]
    places = {"ma benh": code}
    for place, column in enumerate(columns):
        if place != code and [column[number] for number in coded] == bare:
            places["ma benh khong dau"] = place
    names = {
        place: [column[number] for number in coded]
        for place, column in enumerate(columns)
        if place not in places.values()
    }
    vietnamese = _most_varied(names, is_vietnamese=True)
    if vietnamese is None:
        return None
    places["ten benh"] = vietnamese
    english = _most_varied(names, is_vietnamese=False)
    if english is not None:
        places["disease name"] = english
    return coded[0] - 1, places


def _most_varied(names: Mapping[int, Sequence[str]], *, is_vietnamese: bool) -> int | None:
    best: tuple[int, int] | None = None
    for place, texts in names.items():
        words = [text for text in texts if " " in text or len(text) > 3]
        accented = sum(not text.isascii() for text in words)
        if not words or (accented * 2 > len(words)) != is_vietnamese:
            continue
        variety = len(set(words))
        if best is None or variety > best[0]:
            best = (variety, place)
    return None if best is None else best[1]
