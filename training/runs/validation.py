"""Loading validation rows for a run's model."""

from collections.abc import Sequence
from pathlib import Path

from training.data.rows import Rows, load_rows
from training.models.content import ContentModel
from training.runs.reading import Run
from training.text.content import content_of
from warehouse.catalog import Catalog


def load_validation(run: Run, catalog: Catalog, dates: Sequence[str], cached_in: Path) -> Rows:
    """Load the rows of these dates, with their texts if the run's model reads them.

    cached_in: the artifacts folder whose cache holds embedded texts.
    """
    texts = None
    if run.text_space and isinstance(run.model, ContentModel):
        content = content_of(catalog, dates, run.text_space, cached_in)
        run.model.look_up_in(content.table)
        texts = content.texts
    return load_rows(catalog, dates, run.space, texts)
