"""Tests that need a browser."""

import os

import pytest

from local.browser.chromium import BROWSER

# CI installs a browser, so there a missing one must fail and not skip the tests.
needs_browser = pytest.mark.skipif(BROWSER is None and not os.environ.get("CI"), reason="no chromium on this machine")
