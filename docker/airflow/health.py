"""`health.py scheduler`: exit status 0 where Airflow's API server says that this part of it is healthy.

It is asked for what tasks need first: at the first such question it builds its routes, for which no task should wait.
"""

import json
import sys
from urllib.request import urlopen

API = "http://airflow-api-server:8080"
urlopen(f"{API}/execution/health", timeout=5).close()
with urlopen(f"{API}/api/v2/monitor/health", timeout=5) as answer:
    parts = json.load(answer)
sys.exit(parts[sys.argv[1]]["status"] != "healthy")
