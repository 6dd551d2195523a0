"""A run's model, ready to score dates, and the rows that a run is validated on."""

from collections.abc import Sequence
from pathlib import Path

from training.data.row_encoder import RowEncoder, load_rows
from training.data.rows import Rows
from training.data.user_histories import histories_for
from training.models.click_model import ClickModel, RowModel
from training.models.row_scorer import RowScorer
from training.runs.stored_run import Run
from training.text.window_texts import whiten_dates
from warehouse.catalog import Catalog
from warehouse.tables import TRAIN, Table


def ready_to_score(
    run: Run, catalog: Catalog, dates: Sequence[str], cached_in: Path, source: Table = TRAIN
) -> tuple[RowScorer, RowEncoder]:
    """Return the run's model and the encoder of its rows, with the texts of these dates if it reads texts.

    cached_in: the artifacts folder with the cache of embeddings. source: the training table, or that of candidates.
    """
    content = whiten_dates(catalog, dates, run.text_space, cached_in, source) if run.text_space else None
    histories = histories_for(run.config.model, catalog, run.space)
    encoder = RowEncoder(run.space, content.texts if content else None, histories)
    table = content.table if content else None
    return RowModel(run.model, table) if isinstance(run.model, ClickModel) else run.model, encoder


def load_validation(run: Run, catalog: Catalog, dates: Sequence[str], cached_in: Path) -> tuple[RowScorer, Rows]:
    """Load the rows of these dates, and the run's model to score them."""
    model, encoder = ready_to_score(run, catalog, dates, cached_in)
    return model, load_rows(catalog, dates, encoder)
