"""`health.py scheduler`: exit status 0 where Airflow's API server says that this part of it is healthy."""

import json
import sys
from urllib.request import urlopen

with urlopen("http://airflow-api-server:8080/api/v2/monitor/health", timeout=5) as answer:
    parts = json.load(answer)
sys.exit(parts[sys.argv[1]]["status"] != "healthy")
