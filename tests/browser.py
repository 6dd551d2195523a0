"""The browser that shows pages to the tests, where the machine has one."""

import os
import shutil

import pytest

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
OPTIONS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",  # nothing may come from elsewhere
)

# CI installs one: there a missing browser is a failure, not a reason to skip.
needs_browser = pytest.mark.skipif(BROWSER is None and not os.environ.get("CI"), reason="no chromium on this machine")
