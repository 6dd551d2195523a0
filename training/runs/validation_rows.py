"""Load the validation rows of a run, and its model to score them."""

from collections.abc import Sequence
from pathlib import Path

from training.data.row_encoder import RowEncoder, load_rows
from training.data.rows import Rows
from training.models.click_model import ClickModel, RowModel
from training.models.scorer import Scorer
from training.runs.stored_run import Run
from training.text.window_texts import whiten_dates
from warehouse.catalog import Catalog


def load_validation(run: Run, catalog: Catalog, dates: Sequence[str], cached_in: Path) -> tuple[Scorer, Rows]:
    """Load the rows of these dates, and the run's model with the embeddings of their texts if it reads texts.

    cached_in: the artifacts folder with the cache of embeddings.
    """
    content = whiten_dates(catalog, dates, run.text_space, cached_in) if run.text_space else None
    encoder = RowEncoder(run.space, content.texts if content else None)
    table = content.table if content else None
    model = RowModel(run.model, table) if isinstance(run.model, ClickModel) else run.model
    return model, load_rows(catalog, dates, encoder)
