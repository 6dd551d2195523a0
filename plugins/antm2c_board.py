"""The Airflow plugin that shows the cold-start board in the Airflow UI."""

from functools import cache
from typing import TYPE_CHECKING

from airflow.plugins_manager import AirflowPlugin

from orchestration.board_address import PAGE, UI_ROUTE, URL_PREFIX

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import Receive, Scope, Send

_NAME = "Cold start"  # the navigation would cut off a longer name


@cache
def board() -> "FastAPI":
    """Return the board's web app, for users who are signed in to Airflow."""
    from airflow.api_fastapi.core_api.security import get_user

    from plugins.board.routes import board_app
    from plugins.board.running_dates import dates_at_work
    from warehouse.settings import read_settings

    return board_app(read_settings(), signed_in=get_user, at_work=dates_at_work)


async def serve(scope: "Scope", receive: "Receive", send: "Send") -> None:
    """Serve the board. The app is built on the first request, because the processes of tasks load plugins as well."""
    await board()(scope, receive, send)


class ColdStartBoard(AirflowPlugin):
    """Adds the board to Airflow's navigation, and the routes that serve it."""

    name = "antm2c_board"
    fastapi_apps = [{"app": serve, "url_prefix": URL_PREFIX, "name": _NAME}]  # noqa: RUF012 - the type that Airflow declares
    external_views = [  # noqa: RUF012
        {
            "name": _NAME,
            "href": PAGE.removeprefix("/"),  # relative to Airflow's own base URL
            "url_route": UI_ROUTE,
            "destination": "nav",
            "nav_top_level": True,
        }
    ]
