"""The browser that shows pages to the tests, where the machine has one."""

import shutil

import pytest

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
OPTIONS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",  # nothing may come from elsewhere
)

needs_browser = pytest.mark.skipif(BROWSER is None, reason="no chromium on this machine")
