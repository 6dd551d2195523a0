"""`health.py scheduler`: exit status 0 where Airflow's API server says that this part of it is healthy.

The server itself (`metadatabase`) is first asked for the tasks' endpoint: it builds that one's routes when it is first
asked, and no task should wait for them.
"""

import json
import sys
from urllib.request import urlopen

API = "http://airflow-api-server:8080"
if sys.argv[1] == "metadatabase":
    urlopen(f"{API}/execution/health", timeout=5).close()
with urlopen(f"{API}/api/v2/monitor/health", timeout=5) as answer:
    parts = json.load(answer)
sys.exit(parts[sys.argv[1]]["status"] != "healthy")
