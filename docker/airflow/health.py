"""`health.py scheduler`: exit with status 0 if Airflow's API server reports the component as healthy.

The check of the server itself (`metadatabase`) first calls the endpoint for tasks. The server builds that endpoint's
routes at the first call, and no task should have to wait for them.
"""

import json
import sys
from urllib.request import urlopen

API = "http://airflow-api-server:8080"
if sys.argv[1] == "metadatabase":
    urlopen(f"{API}/execution/health", timeout=5).close()
with urlopen(f"{API}/api/v2/monitor/health", timeout=5) as answer:
    components = json.load(answer)
sys.exit(components[sys.argv[1]]["status"] != "healthy")
