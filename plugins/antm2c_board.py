"""The cold-start board inside the Airflow UI."""

from functools import cache
from typing import TYPE_CHECKING

from airflow.plugins_manager import AirflowPlugin

from orchestration.board_address import PAGE, UI_ROUTE, URL_PREFIX

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import Receive, Scope, Send

_NAME = "Cold start"  # a longer one is cut off in the navigation


@cache
def board() -> "FastAPI":
    """The board with Airflow's own users."""
    from airflow.api_fastapi.core_api.security import get_user

    from plugins.board.routes import board_app
    from warehouse.settings import read_settings

    return board_app(read_settings(), signed_in=get_user)


async def serve(scope: "Scope", receive: "Receive", send: "Send") -> None:
    """The board, made on the first request: the process of every task loads the plugins too, and should start fast."""
    await board()(scope, receive, send)


class ColdStartBoard(AirflowPlugin):
    """A page in the navigation, and the routes that it asks."""

    name = "antm2c_board"
    fastapi_apps = [{"app": serve, "url_prefix": URL_PREFIX, "name": _NAME}]  # noqa: RUF012 - as Airflow declares it
    external_views = [  # noqa: RUF012
        {
            "name": _NAME,
            "href": PAGE.removeprefix("/"),  # relative to Airflow's own base URL
            "url_route": UI_ROUTE,
            "destination": "nav",
            "nav_top_level": True,
        }
    ]
