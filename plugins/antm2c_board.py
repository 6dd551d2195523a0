"""The cold-start board inside the Airflow UI."""

from airflow.api_fastapi.core_api.security import get_user
from airflow.plugins_manager import AirflowPlugin

from plugins.board.address import PAGE, UI_ROUTE, URL_PREFIX
from plugins.board.routes import board_app
from warehouse.settings import read_settings

_NAME = "Cold start"  # a longer one is cut off in the navigation


class ColdStartBoard(AirflowPlugin):
    """A page in the navigation, and the routes that it asks."""

    name = "antm2c_board"
    fastapi_apps = [  # noqa: RUF012 - as Airflow declares it
        {"app": board_app(read_settings(), signed_in=get_user), "url_prefix": URL_PREFIX, "name": _NAME}
    ]
    external_views = [  # noqa: RUF012
        {
            "name": _NAME,
            "href": PAGE.removeprefix("/"),  # relative to Airflow's own base URL
            "url_route": UI_ROUTE,
            "destination": "nav",
            "nav_top_level": True,
        }
    ]
