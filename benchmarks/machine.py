"""Describe the machine that figures are measured on."""

import os
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil


def machine() -> dict[str, str]:
    """Return the processor, cores, memory and versions of Python, Java and packages."""
    return {
        "CPU": _cpu_model(),
        "cores": str(os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 1024**3:.0f} GiB",
        "Java": _java_version(),
        "Spark": version("pyspark"),
        "DuckDB": version("duckdb"),
        "torch": version("torch"),
        "scikit-learn": version("scikit-learn"),
    }


def _cpu_model() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else "unknown"


def _java_version() -> str:
    output = subprocess.run(["java", "-version"], capture_output=True, text=True, check=True).stderr
    found = re.search(r'version "([^"]+)"', output)
    return found[1] if found else "unknown"
