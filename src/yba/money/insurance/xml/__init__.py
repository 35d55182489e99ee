"""The envelope: writing claim files, and reading those of any system, safely."""

from yba.money.insurance.xml.reader import Limits, ReadEpisode, read_check_in, read_claim
from yba.money.insurance.xml.reader import open_claim as open_claim
from yba.money.insurance.xml.writer import write_check_in, write_claim, write_table

__all__ = [
    "Limits",
    "ReadEpisode",
    "open_claim",
    "read_check_in",
    "read_claim",
    "write_check_in",
    "write_claim",
    "write_table",
]
