"""What comes in as raw files: impressions with labels, and candidates without."""

from dataclasses import dataclass

from warehouse.tables import (
    CANDIDATE_REJECTS,
    CANDIDATES,
    LOGS,
    RAW,
    REJECTS,
    REQUIRED_RAW_COLUMNS,
    VALID_CANDIDATES,
    Table,
)


@dataclass(frozen=True)
class Intake:
    """A table of raw files, and the tables of its valid and its rejected rows.

    stage: the stage that reads the files. files and rows: what messages call them.
    """

    raw: Table
    valid: Table
    rejects: Table
    stage: str
    files: str
    rows: str

    @property
    def has_labels(self) -> bool:
        return "label" in self.valid.column_names

    @property
    def required_columns(self) -> list[str]:
        """Return the columns that every file must have."""
        return [name for name in REQUIRED_RAW_COLUMNS if name != "label" or self.has_labels]


IMPRESSIONS = Intake(RAW, LOGS, REJECTS, stage="csv_to_orc", files="raw logs", rows="impressions")
TO_SCORE = Intake(
    CANDIDATES, VALID_CANDIDATES, CANDIDATE_REJECTS, stage="score_candidates", files="candidates", rows="candidates"
)
