"""The HTTP interface: what may be asked, by whom, and the status of each answer."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, HTTPException, Response
from fastapi import Request as HttpRequest
from fastapi.responses import JSONResponse
from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException as AnyHTTPException

from serving.errors import NotReadyError, RequestError
from serving.metrics import Measured, Metrics
from serving.parsing import parse
from serving.refreshing import refreshing
from serving.service import Service

SCORE = "/score"
MOST_BYTES = 4 * 1024**2  # 4 kB for each of 1,000 candidates
_STATUS: dict[type[Exception], int] = {RequestError: 422, NotReadyError: 503}


def create_app(service: Service, token: str = "", look_every: float | None = None) -> FastAPI:
    """Return the application. token: what requests must bring along; if it is empty, anyone may ask.

    look_every: seconds between two looks for newer features and models; None for no looks.
    """

    @asynccontextmanager
    async def while_it_runs(_: FastAPI) -> AsyncIterator[None]:
        with refreshing(service, look_every):
            yield

    expected = f"Bearer {token}".encode()

    def has_token(http: HttpRequest) -> bool:
        given = http.headers.get("authorization", "").encode("latin-1")
        return not token or secrets.compare_digest(given, expected)

    def require_token(http: HttpRequest) -> None:
        if not has_token(http):
            raise HTTPException(401, "the token is missing or wrong: send it as Authorization: Bearer TOKEN")

    metrics = Metrics()
    # FastAPI's own pages about an interface need no token, and load scripts from elsewhere.
    app = FastAPI(openapi_url=None, lifespan=while_it_runs)
    app.add_middleware(Measured, path=SCORE, metrics=metrics)
    for error in (RequestError, NotReadyError, AnyHTTPException):
        app.add_exception_handler(error, _as_sentence)

    async def score(http: HttpRequest) -> Response:
        """Return the click probability and the rank of each candidate."""
        require_token(http)
        request = parse(await _body(http))
        answer = await run_in_threadpool(service.ready.answer, request)
        metrics.candidates.inc(len(request.candidates))
        return Response(to_json(answer), media_type="application/json")

    # FastAPI itself would take a fifth of a millisecond to find out that there is nothing for it to check.
    app.add_route(SCORE, score, methods=["POST"])

    @app.get("/metrics")
    async def figures(http: HttpRequest) -> Response:
        """Return counts and times of requests, in the text format of Prometheus."""
        require_token(http)
        return Response(metrics.text(), media_type="text/plain; version=0.0.4")

    @app.get("/health")
    def health(http: HttpRequest) -> dict[str, Any]:
        """Return which run and which date's features answer, and what is wrong. The status is 503 if none do.

        What is wrong names paths, so without the token it is only counted.
        """
        problems, may_ask = service.problems, has_token(http)
        try:
            ready = service.ready
            ready.store.require_readable()
        except NotReadyError as error:
            if may_ask:
                raise
            raise HTTPException(503, "there is no answer yet: ask with the token to be told why") from error
        told = {"problems": problems} if may_ask else {}
        return {"run": ready.scorer.run, "features_of": ready.store.as_of, "problem_count": len(problems), **told}

    return app


async def _body(http: HttpRequest) -> bytes:
    """Return the body. Raises HTTPException as soon as it is too large."""
    body = bytearray()
    async for part in http.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise HTTPException(413, f"the request has more than {MOST_BYTES:,} bytes: send fewer candidates at once")
    return bytes(body)


async def _as_sentence(_: HttpRequest, error: Exception) -> JSONResponse:
    if isinstance(error, AnyHTTPException):
        return JSONResponse({"error": error.detail}, error.status_code, error.headers)
    return JSONResponse({"error": str(error)}, _STATUS[type(error)])
