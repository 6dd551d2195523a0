"""`python -m serving`: answer requests for click probabilities over HTTP."""

import argparse
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import TIMEOUT_MAX

import uvicorn

from serving.app import SCORE, create_app
from serving.errors import ServingError
from serving.feature_sources import FeatureSource, MemorySource, RedisSource
from serving.models import ModelSource
from serving.redis_snapshots import OLD_SECONDS
from serving.service import Service
from training.tracking.champion import ALIAS
from warehouse.catalog import Catalog
from warehouse.errors import WarehouseError
from warehouse.settings import Settings, read_settings

_HERE = ("127.0.0.1", "localhost", "::1")
_LARGEST_PORT = 65535


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line, until it is interrupted."""
    try:
        settings = read_settings()
        arguments = _parser(settings).parse_args(argv)
        if arguments.host not in _HERE and not settings.serving_token:
            raise ServingError(
                f"without a token, only this machine may ask: set ANTM2C_SERVING_TOKEN, or leave out --host "
                f"{arguments.host}"
            )
        catalog = Catalog(arguments.warehouse, arguments.dataset)
        catalog.require_scenes()
        features = _features(catalog, arguments)
        listening = _listen(arguments.host, arguments.port)
    except (ServingError, WarehouseError) as error:
        sys.exit(f"error: {error}")
    model = arguments.model if arguments.model == ALIAS else str(Path(arguments.model).resolve())
    source = ModelSource(model, catalog, arguments.tracking_uri, arguments.text_encoder)
    app = create_app(Service(catalog, features, source), settings.serving_token, arguments.look_every)
    host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
    print(f"answers at http://{host}:{arguments.port}{SCORE}", file=sys.stderr, flush=True)
    with suppress(KeyboardInterrupt):  # uvicorn raises it again after it has ended
        uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run([listening])


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens there. Raises ServingError."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise ServingError(
            f"cannot listen at port {port} of {host}, {error.strerror}: give another --port or --host, or end the "
            "program that uses this one"
        ) from error


def _features(catalog: Catalog, arguments: argparse.Namespace) -> FeatureSource:
    if not arguments.store:
        return MemorySource(catalog, arguments.features_of)
    if arguments.features_of:
        raise ServingError("--features-of works in memory only, as all endpoints share what is in Redis: leave out one")
    if arguments.look_every > OLD_SECONDS / 2:
        raise ServingError(
            f"old features stay in Redis for {OLD_SECONDS} seconds: give at most {OLD_SECONDS // 2} as --look-every"
        )
    return RedisSource(catalog, arguments.store)


def _parser(settings: Settings) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m serving", description=__doc__)
    parser.add_argument("--warehouse", default=settings.warehouse, help="root URI of all tables (%(default)s)")
    parser.add_argument("--dataset", default=settings.dataset, help="suffix of every table (%(default)s)")
    parser.add_argument(
        "--model", default=ALIAS, help="champion, or the folder of a run or of an exported model (%(default)s)"
    )
    parser.add_argument("--tracking-uri", default=settings.tracking_uri, help="address of MLflow (MLFLOW_TRACKING_URI)")
    parser.add_argument("--text-encoder", help="the new folder of the model's text encoder, if it has moved")
    parser.add_argument(
        "--store",
        default=settings.serving_store,
        metavar="redis://HOST:PORT/NUMBER",
        help="keep features in this Redis, which several endpoints share (ANTM2C_SERVING_STORE; default: in memory)",
    )
    parser.add_argument(
        "--features-of", metavar="DATE", help="answer with the features of this date (default: the newest)"
    )
    parser.add_argument(
        "--look-every",
        type=_seconds,
        default=30,
        help="seconds between looks for newer features and models (%(default)s)",
    )
    parser.add_argument("--host", default=_HERE[0], help="address to listen at (%(default)s); others need a token")
    parser.add_argument("--port", type=_port, default=8090, help="port to listen at (%(default)s)")
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= _LARGEST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed: write a whole number from 1 to {_LARGEST_PORT}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds <= TIMEOUT_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds


if __name__ == "__main__":
    main()
