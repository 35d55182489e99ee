"""Views: tables made of resources by a ViewDefinition.

    view = views.read_view({"resource": "Patient", "select": [{"column": [{"name": "id", "path": "id"}]}]})
    rows = views.compile_view(view).rows(patient)

The main rule: a definition that is not right in every part is refused as a whole, before any row. What a view is
(`tree`) knows nothing of how it is carried out (`running`), so that it may become SQL as well.
Pure: no clock, no database. Standard: SQL on FHIR 2.1, ViewDefinition.
"""

from yba.fhir.views.errors import ViewError
from yba.fhir.views.reading import read_view
from yba.fhir.views.running import CompiledView, compile_view
from yba.fhir.views.tree import Column, View
from yba.fhir.views.writing import MEDIA_TYPES, Format, TableWriter

__all__ = (
    "MEDIA_TYPES",
    "Column",
    "CompiledView",
    "Format",
    "TableWriter",
    "View",
    "ViewError",
    "compile_view",
    "read_view",
)
