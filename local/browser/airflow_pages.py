"""Use Airflow's UI in a browser. Elements are found by the text that a user sees."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import FrameLocator, Locator, Page, ViewportSize, expect, sync_playwright

from local.browser.chromium import BROWSER, OPTIONS
from local.processes.waiting import wait_until

_VIEW = ViewportSize(width=1440, height=900)
_FORM_VIEW = ViewportSize(width=1600, height=2400)  # high enough for the longest form
PAGE_MILLISECONDS = 60_000
RUNS_MILLISECONDS = 1_800_000  # for DAG runs, which take long if the machine is busy
# Without a graphics card, the spinners of running tasks cost as much CPU time as everything else on a page.
_NO_ANIMATIONS = """
const still = new CSSStyleSheet();
still.replaceSync("*, *::before, *::after { animation: none !important; transition: none !important; }");
document.adoptedStyleSheets = [still];
"""
_DRAWING_MILLISECONDS = 1_000  # pages draw some lines a moment after their text


class AirflowPages:
    """A browser tab with Airflow's UI."""

    def __init__(self, page: Page, url: str, screenshots: Path) -> None:
        self.page, self.url, self.screenshots = page, url, screenshots

    def sign_in(self, user: str, password: str) -> None:
        """Open Airflow and sign in."""
        self.page.goto(self.url)
        self.page.get_by_label("Username").fill(user)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()

    def open_dag(self, dag: str) -> None:
        """Open a DAG's page from the list of DAGs."""
        self.page.get_by_role("link", name="Dags", exact=True).first.click()
        self.page.locator(f"a[href='/dags/{dag}']").last.click()  # on the first page, links to tasks have the same text
        expect(self.page.get_by_role("heading", name=dag)).to_be_visible()

    def follow(self, link: str) -> None:
        """Click the link with this text. If the grid and the table beside it both have one, clicks the table's."""
        self.page.get_by_role("link", name=link, exact=True).last.click()

    tab = follow

    def schedule(self) -> Locator:
        """Return the switch beside the DAG's name, which pauses the DAG."""
        return self.page.get_by_role("heading").get_by_role("checkbox")

    def trigger_form(self) -> Locator:
        """Open the form that starts a run."""
        self.page.get_by_role("button", name="Trigger Dag").click()
        return self.page.get_by_role("dialog").first

    def backfill_form(self, first: str, last: str, reprocess: str) -> Locator:
        """Open the form of a backfill and fill it in. Dates are YYYY-MM-DD; `reprocess` is the label in the form."""
        form = self.trigger_form()
        form.get_by_text("Backfill", exact=True).click()
        for field, date in enumerate((first, last)):
            form.get_by_test_id("datetime-input").nth(field).click()
            calendar = self.page.get_by_role("dialog").last
            calendar.get_by_placeholder("YYYY/MM/DD").fill(date.replace("-", "/"))
            calendar.get_by_placeholder("HH:mm").fill("00:00")
            calendar.get_by_placeholder("HH:mm").press("Enter")
            self.page.keyboard.press("Escape")
            expect(self.page.get_by_role("dialog")).to_have_count(1)
        form.get_by_text(reprocess, exact=True).click()
        form.get_by_role("button", name="Run Parameters").click()  # folds them, since they keep their defaults
        return form

    def fill_window(self, form: Locator, as_of: str, train_days: int) -> None:
        """Fill in the as-of date and the training days of a retraining."""
        form.locator("[name=element_as_of]").fill(as_of)
        form.locator("[name=element_train_days]").fill(str(train_days))

    def require_approval(self, form: Locator) -> None:
        """Tick that a person must approve a new champion."""
        form.get_by_role("checkbox").locator("..").click()

    def open_approval(self) -> None:
        """On a retraining's page, wait until it asks for approval, and open the question.

        A person takes a moment to answer. If an answer comes before the scheduler has noticed that the task waits,
        Airflow takes the task for lost and asks again.
        """
        self.expect_state(self.row("approve"), "Awaiting Input")
        for _ in range(2):
            self._await_scheduler()
        self.follow("approve")
        self.page.get_by_role("link", name="Required Action").click()

    def _await_scheduler(self) -> None:
        last = self._scheduler_heartbeat()
        wait_until(lambda: self._scheduler_heartbeat() != last)

    def _scheduler_heartbeat(self) -> str:
        health = self.page.request.get(f"{self.url}/api/v2/monitor/health").json()
        return health["scheduler"]["latest_scheduler_heartbeat"]

    def approve(self, dag: str) -> None:
        """Click Approve, open the list of the DAG's runs, and wait until its run has succeeded."""
        self.page.get_by_role("button", name="Approve").click()
        self.open_dag(dag)
        self.tab("Runs")
        self.expect_state(self.page.get_by_role("row").filter(has_text="manual__").first, "Success")

    def row(self, link: str) -> Locator:
        """Return the table rows that have a link with this text."""
        return self.page.get_by_role("row").filter(has=self.page.get_by_role("link", name=link, exact=True))

    def expect_state(self, row: Locator, state: str) -> None:
        """Wait until the row of a run or a task shows this state. The page updates itself."""
        expect(row).to_contain_text(state, timeout=RUNS_MILLISECONDS)

    def rest_until(self, holds: Callable[[], bool]) -> None:
        """Show an empty page while waiting, because a page that updates itself takes a third of a core."""
        self.page.goto("about:blank")
        wait_until(holds, seconds=RUNS_MILLISECONDS / 1000)
        self.page.goto(self.url)

    def log(self) -> Locator:
        """Return the log of the task that is shown."""
        return self.page.get_by_test_id("virtualized-list")

    def clear_task(self) -> None:
        """Clear the task that is shown, as the dialog suggests."""
        self.page.get_by_role("button", name="Press shift+c to clear").click()
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_role("button", name="Confirm").click()
        expect(dialog).to_be_hidden()

    def show_more_runs(self) -> None:
        """Have the grid show 25 runs. By default it loads ten and is too narrow for more than five."""
        self.page.get_by_role("button", name="Options").click()
        self.page.get_by_role("combobox").filter(has_text="10").last.click()
        self.page.get_by_role("option", name="25", exact=True).click()
        self.page.keyboard.press("Escape")
        edge = self.page.get_by_role("separator").first
        edge.press("ArrowRight")
        edge.blur()

    def board(self) -> FrameLocator:
        """Return the cold-start board inside Airflow's page."""
        return self.page.frame_locator("iframe")

    def expect_board(self) -> None:
        """Wait until the board has drawn its last plot and read the warehouse."""
        expect(self.board().locator("#heat-item.js-plotly-plot")).to_be_attached()
        expect(self.board().locator("#warehouse-summary")).not_to_be_empty()

    def screenshot(self, name: str, form: Locator | None = None) -> None:
        """Save a screenshot of the window, or of a form, when no message covers it."""
        expect(self.page.get_by_text("successfully")).to_have_count(0)
        self.page.mouse.move(_VIEW["width"] - 1, _VIEW["height"] - 1)  # so that nothing is highlighted
        if form:
            self.page.set_viewport_size(_FORM_VIEW)
            form.evaluate("form => form.scrollIntoView({block: 'center'})")
        self.page.wait_for_timeout(_DRAWING_MILLISECONDS)
        (form or self.page).screenshot(path=self.screenshots / f"{name}.png", animations="disabled")
        self.page.set_viewport_size(_VIEW)


@contextmanager
def browser_at(url: str, screenshots: Path) -> Iterator[AirflowPages]:
    """Run a browser in light mode during the block. If the block fails, `failed.png` shows the page."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=list(OPTIONS))
        page = browser.new_page(viewport=_VIEW, color_scheme="light")
        page.add_init_script(_NO_ANIMATIONS)
        page.set_default_timeout(PAGE_MILLISECONDS)
        expect.set_options(timeout=PAGE_MILLISECONDS)
        try:
            yield AirflowPages(page, url, screenshots)
        except BaseException:
            page.screenshot(path=screenshots / "failed.png")
            raise
        finally:
            browser.close()
