"""The definitions of FHIR inside the program are those of the official package."""

import json

import pytest
from tests.fhir.package import package
from tools.fhir_generator.terminology import lines

from yba.foundation.terminology import base


@pytest.mark.slow
def test_the_data_file_is_what_the_generator_makes_of_the_package():
    assert base.resources() == [json.loads(line) for line in lines(package())]


async def test_loading_them_again_changes_nothing(tx):
    assert await base.load(tx) is False
