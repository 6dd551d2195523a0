"""The routes of the board. All of them, including static files, require a signed-in user."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, HTTPException, Query
from fastapi.responses import FileResponse, HTMLResponse, Response

from orchestration.board_address import PAGE, URL_PREFIX
from plugins.board.champion_over_dates import over_dates
from plugins.board.comparison import by_segment, model_and_date, side_by_side
from plugins.board.freshness import grid
from plugins.board.lead_over_champion import lead_over
from plugins.board.listing import Listing, RunFolders
from plugins.board.static_files import ASSETS, compressed, page
from training.errors import TrainingError
from training.runs.summary import RunSummary
from training.tracking.champion import Champion, champion_of
from warehouse.catalog import Catalog
from warehouse.settings import Settings

_MAX_RUNS_AT_ONCE = 24
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
)
# A report comes from a training run: it may show its own content, but load nothing else.
_REPORT_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
_NOT_CACHED = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_CACHED = {"Cache-Control": "private, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}


def board_app(
    settings: Settings, signed_in: Callable[..., Any], at_work: Callable[[], list[tuple[str, str]]]
) -> FastAPI:
    """Return the app that serves the board.

    signed_in: the dependency that answers 401 if nobody is signed in. at_work: returns the first and the last date of
    each run under way.
    """
    # No OpenAPI pages: they would load scripts from other servers.
    app = FastAPI(title="Cold-start board", dependencies=[Depends(signed_in)], openapi_url=None)
    folders = RunFolders(Path(settings.artifacts))

    def champion_in(dataset: str) -> Champion | None:
        try:
            return champion_of(settings.tracking_uri, dataset)
        except TrainingError as error:
            raise HTTPException(503, f"{error}.") from error

    @app.get(PAGE.removeprefix(URL_PREFIX))
    def board() -> HTMLResponse:
        return HTMLResponse(page(), headers={**_NOT_CACHED, "Content-Security-Policy": _PAGE_POLICY})

    @app.get("/assets/{name}")
    def asset(name: str, accept_encoding: Annotated[str, Header()] = "") -> Response:
        if name not in ASSETS:
            raise HTTPException(404, f"The board has no file {name!r}.")
        media_type = ASSETS[name].media_type
        if "gzip" not in accept_encoding:
            return Response(ASSETS[name].content, media_type=media_type, headers=_CACHED)
        headers = {**_CACHED, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        return Response(compressed(name), media_type=media_type, headers=headers)

    @app.get("/data/runs")
    def runs(
        response: Response, dataset: str | None = None, as_of: str | None = None, run: str | None = None
    ) -> dict[str, Any]:
        response.headers.update(_NOT_CACHED)
        listing = folders.listing()
        opened = _known(listing, run) if run else None
        shown = side_by_side(listing, dataset, as_of, opened, own=settings.dataset)
        return shown | {"artifacts": settings.artifacts}

    @app.get("/data/segments")
    def segments(
        response: Response, run: Annotated[list[str], Query(max_length=_MAX_RUNS_AT_ONCE)]
    ) -> list[dict[str, Any]]:
        response.headers.update(_NOT_CACHED)
        listing = folders.listing()
        return [by_segment(_known(listing, name)) for name in run]

    @app.get("/data/champion")
    def champion(response: Response, dataset: str) -> dict[str, Any] | None:
        response.headers.update(_NOT_CACHED)
        found = champion_in(dataset)
        if found is None:
            return None
        return {"version": found.version, "run": found.run, **model_and_date(folders.listing(), found.run)}

    @app.get("/data/leads")
    def leads(
        response: Response, dataset: str, run: Annotated[list[str], Query(max_length=_MAX_RUNS_AT_ONCE)]
    ) -> list[dict[str, Any]]:
        response.headers.update(_NOT_CACHED)
        listing = folders.listing()
        known, found = [_known(listing, name) for name in run], champion_in(dataset)
        summary = listing.runs.get(found.run) if found else None
        return [{"name": one.name, **lead_over(found, summary, one, folders.artifacts)} for one in known]

    @app.get("/data/freshness")
    def freshness(response: Response, dataset: str | None = None) -> dict[str, Any]:
        response.headers.update(_NOT_CACHED)
        try:
            shown = grid(Catalog(settings.warehouse, dataset or settings.dataset), settings.dataset, at_work())
            return shown | {"warehouse": settings.warehouse, "own_dataset": settings.dataset}
        except (OSError, ValueError) as error:
            raise HTTPException(503, f"The warehouse {settings.warehouse} cannot be read: {error}.") from error

    @app.get("/data/watch")
    def watch(response: Response, dataset: str | None = None) -> dict[str, Any]:
        response.headers.update(_NOT_CACHED)
        try:
            return over_dates(Catalog(settings.warehouse, dataset or settings.dataset))
        except (OSError, ValueError, TrainingError) as error:
            raise HTTPException(503, f"The table of the watch cannot be read: {error}.") from error

    @app.get("/reports/{run}")
    def report(run: str) -> FileResponse:
        path = folders.report(run)
        if path is None:
            raise HTTPException(
                404, f"The artifacts folder has no run {run!r} with a report: reload the board to see the current runs."
            )
        return FileResponse(
            path, media_type="text/html", headers={**_NOT_CACHED, "Content-Security-Policy": _REPORT_POLICY}
        )

    return app


def _known(listing: Listing, name: str) -> RunSummary:
    if name in listing.broken:
        raise HTTPException(404, listing.broken[name])
    if name not in listing.runs:
        raise HTTPException(
            404, f"The artifacts folder has no run {name!r}: it was removed, or ANTM2C_ARTIFACTS is another folder."
        )
    return listing.runs[name]
