"""The HTTP interface: what may be asked, by whom, and the status of each answer."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, HTTPException, Response
from fastapi import Request as HttpRequest
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException as AnyHTTPException

from serving.errors import NotReadyError, RequestError
from serving.metrics import Measured, Metrics
from serving.refreshing import refreshing
from serving.requests import Answer, Request
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

    async def authorised(authorization: Annotated[str, Header()] = "") -> None:
        if token and not secrets.compare_digest(authorization.encode("latin-1"), expected):
            raise HTTPException(401, "the token is missing or wrong: send it as Authorization: Bearer TOKEN")

    metrics = Metrics()
    # The usual pages about an interface load scripts from elsewhere.
    app = FastAPI(title="Click probabilities", docs_url=None, redoc_url=None, lifespan=while_it_runs)
    app.add_middleware(Measured, path=SCORE, metrics=metrics)
    for error in (RequestError, NotReadyError, AnyHTTPException):
        app.add_exception_handler(error, _as_sentence)

    # FastAPI itself would read and parse the body before it asks for the token.
    @app.post(SCORE, response_model=Answer, openapi_extra=_BODY, dependencies=[Depends(authorised)])
    async def score(http: HttpRequest) -> Response:
        """Return the click probability and the rank of each candidate."""
        request = _parsed(await _body(http))
        answer = await run_in_threadpool(service.ready.answer, request)
        metrics.candidates.inc(len(request.candidates))
        return JSONResponse(answer)

    @app.get("/metrics", dependencies=[Depends(authorised)])
    async def figures() -> Response:
        """Return counts and times of requests, in the text format of Prometheus."""
        return Response(metrics.text(), media_type="text/plain; version=0.0.4")

    @app.get("/health")
    async def health() -> dict[str, Any]:
        """Return which run and which date's features answer, and what is wrong. The status is 503 if none do."""
        ready = service.ready
        return {"run": ready.scorer.run, "features_of": ready.store.as_of, "problems": service.problems}

    return app


_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": Request.model_json_schema(ref_template="#/components/{model}")}},
    }
}


async def _body(http: HttpRequest) -> bytes:
    """Return the body. Raises HTTPException as soon as it is too large."""
    body = bytearray()
    async for part in http.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise HTTPException(413, f"the request has more than {MOST_BYTES:,} bytes: send fewer candidates at once")
    return bytes(body)


def _parsed(body: bytes) -> Request:
    try:
        return Request.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the request"
        raise RequestError(f"{where} cannot be used: {first['msg'][:1].lower()}{first['msg'][1:]}") from error


async def _as_sentence(_: HttpRequest, error: Exception) -> JSONResponse:
    if isinstance(error, AnyHTTPException):
        return JSONResponse({"error": error.detail}, error.status_code, error.headers)
    return JSONResponse({"error": str(error)}, _STATUS[type(error)])
