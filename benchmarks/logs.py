"""Sample logs for the measurements, without deep features."""

from pathlib import Path

from sample_logs.settings import Settings
from sample_logs.writing import Writer
from warehouse.catalog import Catalog
from warehouse.tables import RAW

DATASET = "bench"


def write_logs(folder: Path, settings: Settings) -> Catalog:
    """Write the raw logs of all dates of the settings to a new warehouse in the folder."""
    catalog = Catalog(folder.as_uri(), DATASET)
    writer = Writer(catalog, settings)
    for day in range(settings.days):
        writer.write(day)
    return catalog


def raw_csv(catalog: Catalog, date: str) -> str:
    """The path of a date's only raw file."""
    (entry,) = catalog.files(RAW, date)
    return entry["name"]
