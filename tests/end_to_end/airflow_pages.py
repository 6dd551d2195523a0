"""The pages of Airflow's UI that a test clicks through, by what their user reads on them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import FrameLocator, Locator, Page, ViewportSize, expect, sync_playwright

from tests.browser import BROWSER, OPTIONS
from tests.end_to_end.user_airflow import wait_until

_VIEW = ViewportSize(width=1440, height=900)
_FORM_VIEW = ViewportSize(width=1600, height=1000)  # the same shape
PAGE_MILLISECONDS = 60_000
RUNS_MILLISECONDS = 1_800_000  # the longest that runs may take, where the machine is busy with more than these
# Without a graphics card, what turns while a run goes on costs as much as all else that a page does.
_STILL = """
const still = new CSSStyleSheet();
still.replaceSync("*, *::before, *::after { animation: none !important; transition: none !important; }");
document.adoptedStyleSheets = [still];
"""
_DRAWN_MILLISECONDS = 1_000  # a picture is to hold the lines that a page draws a moment after their text has come


class AirflowPages:
    """One tab of a browser."""

    def __init__(self, page: Page, url: str, screenshots: Path) -> None:
        self.page, self.url, self.screenshots = page, url, screenshots

    def sign_in(self, user: str, password: str) -> None:
        """Through the page that a stranger is sent to."""
        self.page.goto(self.url)
        self.page.get_by_label("Username").fill(user)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()

    def open_dag(self, dag: str) -> None:
        self.page.get_by_role("link", name="Dags", exact=True).first.click()
        self.page.locator(f"a[href='/dags/{dag}']").last.click()  # the first page links to its tasks by the same text
        expect(self.page.get_by_role("heading", name=dag)).to_be_visible()

    def follow(self, link: str) -> None:
        """Clicks the link of this text; where a grid beside a table has the same, the table's."""
        self.page.get_by_role("link", name=link, exact=True).last.click()

    tab = follow

    def schedule(self) -> Locator:
        """The switch beside the DAG's name."""
        return self.page.get_by_role("heading").get_by_role("checkbox")

    def trigger_form(self) -> Locator:
        """Opens the form that starts a run."""
        self.page.get_by_role("button", name="Trigger Dag").click()
        return self.page.get_by_role("dialog").first

    def backfill_form(self, first: str, last: str, reprocess: str, active_runs: int) -> Locator:
        """Opens the form of a backfill and fills it in. Dates as YYYY-MM-DD, `reprocess` as the form words it."""
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
        form.get_by_role("button", name="Run Parameters").click()  # folds them: they stay as they are
        form.get_by_role("spinbutton").first.fill(str(active_runs))
        return form

    def section(self, form: Locator, name: str) -> None:
        """Unfolds a section of a form, which folds the one that was open."""
        form.get_by_role("button", name=name, exact=True).click()
        expect(form.get_by_role("region", name=name)).to_be_visible()

    def row(self, link: str) -> Locator:
        """The table's lines that hold a link of this text."""
        return self.page.get_by_role("row").filter(has=self.page.get_by_role("link", name=link, exact=True))

    def expect_state(self, line: Locator, state: str) -> None:
        """Waits until the line of a run or a task says so: the page renews itself."""
        expect(line).to_contain_text(state, timeout=RUNS_MILLISECONDS)

    def rest_until(self, holds: Callable[[], bool]) -> None:
        """Leaves the pages meanwhile: one that renews itself takes a third of a core from the runs it shows."""
        self.page.goto("about:blank")
        wait_until(holds)
        self.page.goto(self.url)

    def log(self) -> Locator:
        """Of the task that is shown."""
        return self.page.get_by_test_id("virtualized-list")

    def clear_task(self) -> None:
        """Clears the task that is shown, as the dialog proposes it."""
        self.page.get_by_role("button", name="Press shift+c to clear").click()
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_role("button", name="Confirm").click()
        expect(dialog).to_be_hidden()

    def show_more_runs(self) -> None:
        """The grid holds ten columns, and shows half of them, until one asks for more."""
        self.page.get_by_role("button", name="Options").click()
        self.page.get_by_role("combobox").filter(has_text="10").last.click()
        self.page.get_by_role("option", name="25", exact=True).click()
        self.page.keyboard.press("Escape")
        edge = self.page.get_by_role("separator").first
        edge.press("ArrowRight")
        edge.blur()

    def board(self) -> FrameLocator:
        """The cold-start board inside Airflow's frame."""
        return self.page.frame_locator("iframe")

    def screenshot(self, name: str, around: Locator | None = None) -> None:
        """What is in view, once no message lies over it. `around`: a form that may be higher than the window."""
        expect(self.page.get_by_text("successfully")).to_have_count(0)
        self.page.mouse.move(_VIEW["width"] - 1, _VIEW["height"] - 1)  # or what lies under it would be lit
        if around:
            self.page.set_viewport_size(_FORM_VIEW)
            around.evaluate("form => form.scrollIntoView({block: 'center'})")
        self.page.wait_for_timeout(_DRAWN_MILLISECONDS)
        self.page.screenshot(path=self.screenshots / f"{name}.png", animations="disabled")
        self.page.set_viewport_size(_VIEW)


@contextmanager
def browser_at(url: str, screenshots: Path) -> Iterator[AirflowPages]:
    """A browser in light mode that ends with the block. Where the block fails, `failed.png` shows what it saw."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=list(OPTIONS))
        page = browser.new_page(viewport=_VIEW, color_scheme="light")
        page.add_init_script(_STILL)
        page.set_default_timeout(PAGE_MILLISECONDS)
        expect.set_options(timeout=PAGE_MILLISECONDS)
        try:
            yield AirflowPages(page, url, screenshots)
        except BaseException:
            page.screenshot(path=screenshots / "failed.png")
            raise
        finally:
            browser.close()
