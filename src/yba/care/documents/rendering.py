"""From words to PDF: typst templates, fonts loaded once, worker threads.

The data reach a template as JSON and are placed as strings, so nothing that a
person typed is ever read as markup. The same words at the same moment give
the same bytes. Standard: ISO 19005-2 level A (archive, tagged, Unicode).
"""

import asyncio
import os
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import orjson
import typst

_FOLDER = Path(__file__).parent / "typst"
_ARCHIVE = "a-2a"
_PREFERRED = "Be Vietnam Pro"
_SHIPPED_WITH_TYPST = "Libertinus Serif"


@dataclass(frozen=True, slots=True)
class _Fonts:
    loaded: typst.Fonts
    family: str


class _Local(threading.local):
    """One compiler for each worker thread: a compiler serves one call at a time."""

    compilers: dict[str, typst.Compiler]

    def __init__(self) -> None:
        self.compilers = {}


_local = _Local()


@lru_cache(maxsize=4)
def _fonts(folder: str) -> _Fonts:
    paths: list[str] = [folder] if folder and Path(folder).is_dir() else []
    loaded = typst.Fonts(include_system_fonts=False, font_paths=paths)
    family = _PREFERRED if _PREFERRED in loaded.families() else _SHIPPED_WITH_TYPST
    return _Fonts(loaded, family)


def _compiler(folder: str) -> typst.Compiler:
    compiler = _local.compilers.get(folder)
    if compiler is None:
        compiler = typst.Compiler(root=str(_FOLDER), font_paths=_fonts(folder).loaded)
        _local.compilers[folder] = compiler
    return compiler


def render_now(
    template: str,
    words: Mapping[str, Any],
    *,
    fonts: Path,
    at: datetime,
    archive: bool = True,
) -> bytes:
    """Return the PDF of `template`; blocks for about 30 ms a page.

    `fonts` is a folder of TTF files; without it the font inside typst is
    used, which has every Vietnamese letter too. `at` is the moment that the
    file says it was made.
    """
    folder = str(fonts)
    data = orjson.dumps({**words, "font": _fonts(folder).family}).decode()
    output = _compiler(folder).compile(
        input=str(_FOLDER / f"{template}.typ"),
        format="pdf",
        sys_inputs={"data": data},
        pdf_standards=[_ARCHIVE] if archive else [],
        timestamp=int(at.timestamp()),
        root=str(_FOLDER),
    )
    if not isinstance(output, bytes):
        raise TypeError("typst returned no PDF")
    return output


# Each thread that renders keeps a compiler; more of them than cores only cost memory.
_workers = ThreadPoolExecutor(min(4, os.cpu_count() or 1), thread_name_prefix="typst")


async def render(
    template: str, words: Mapping[str, Any], *, fonts: Path, at: datetime, archive: bool = True
) -> bytes:
    """Return the PDF of `template` from a worker thread; see render_now."""
    call = partial(render_now, template, words, fonts=fonts, at=at, archive=archive)
    return await asyncio.get_running_loop().run_in_executor(_workers, call)
