"""What is around every page: its code, the project, the key, failures, the way there and back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from tests.serving import Served, configured, served
from tests.ui import records
from tests.ui.axe import violations
from tests.ui.conftest import opened

SECRET = "tt-" + "s3cret" * 5
KEYS = f"""
access:
  keys:
    - {{name: admin, key: {SECRET}}}
    - {{name: auditor, key: {SECRET}-narrow, project: shop, permissions: ["traces:read"]}}
"""

PRESS_AT_ONCE = """
(keys) => keys.forEach((key) =>
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true })))
"""


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(configured(tmp_path_factory.mktemp("keyed") / "data", KEYS)) as running:
        yield running


@pytest.fixture(scope="module")
def shop(site: Served) -> Served:
    """The site with a call in the project "shop" as well."""
    body = {
        "model": "trimtab/extract",
        "messages": [{"role": "user", "content": "What is in the shop?"}],
    }
    headers = {"x-trimtab-project": "shop", "content-type": "application/json"}
    assert site.ask("POST", "/v1/chat/completions", body, headers).status == 200
    return site


def signed_in(page: Page, secret: str, path: str = "/traces") -> None:
    page.goto(path)
    page.get_by_label("Key", exact=True).fill(secret)
    page.keyboard.press("Enter")


def allow(page: Page, *words: str) -> None:
    """What the browser itself says of answers that are meant to fail."""
    page.allowed = words  # type: ignore[attr-defined]


# The code of pages


def test_a_page_without_its_code_does_not_take_the_others_along(page: Page, site: Served) -> None:
    allow(page, "net::ERR", "Failed to load resource", "Problem:")
    page.goto("/traces")
    expect(page.locator(".table-row").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    page.keyboard.press("g")
    page.keyboard.press("p")
    expect(page.get_by_role("alert")).to_contain_text("The server does not answer")
    page.keyboard.press("g")
    page.keyboard.press("t")
    expect(page.get_by_role("grid", name="Traces")).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("p")
    expect(page.get_by_role("alert")).to_be_visible()
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", name="Prompts", level=1)).to_be_visible()


@pytest.mark.parametrize("mends", [True, False])
def test_a_page_whose_code_is_gone_is_loaded_anew_once(
    page: Page, site: Served, mends: bool
) -> None:
    allow(page, "Failed to load resource", "net::ERR", "Problem:")
    page.goto("/traces")
    expect(page.locator(".table-row").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    loads: list[str] = []
    page.on("load", lambda _: loads.append(page.url))

    def gone(route: Route) -> None:
        url = route.request.url
        if (loads and mends) or "/assets/index-" in url or "/assets/shared-" in url:
            route.continue_()
        else:
            route.fulfill(status=404)

    page.route("**/assets/*.js", gone)
    page.keyboard.press("g")
    page.keyboard.press("p")
    if mends:
        expect(page.get_by_role("heading", name="Prompts", level=1)).to_be_visible()
    else:
        expect(page.get_by_role("alert")).to_contain_text("out of date")
    assert len(loads) == 1
    assert page.url.endswith("/prompts")


def test_a_page_shows_its_title_while_its_code_comes_and_what_is_pressed_for_it_waits(
    page: Page, site: Served
) -> None:
    page.goto("/overview")
    expect(page.locator(".overview-tile").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/assets/*.js", hold)
    page.keyboard.press("g")
    page.keyboard.press("t")
    expect(page.locator("main h1")).to_have_text("Traces")
    expect(page.get_by_role("heading", name="Traces")).to_have_count(0)  # readers hear of the page
    page.keyboard.press("f")
    page.unroute_all()  # which lets go of what is held
    expect(page.locator(".table-row").first).to_be_visible()
    expect(page.get_by_role("button", name="Values")).to_have_attribute("aria-pressed", "false")
    assert held, "the code was there already"


@pytest.mark.parametrize("pressed", [["f"], ["f", "f"], ["f", "l"]])
def test_keys_that_are_pressed_while_a_page_is_drawn_are_its_own(
    page: Page, site: Served, pressed: list[str]
) -> None:
    page.goto("/traces")
    expect(page.locator(".table-row").first).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("o")
    expect(page.locator(".overview-tile").first).to_be_visible()
    page.evaluate(PRESS_AT_ONCE, ["g", "t", *pressed])
    expect(page.locator(".table-row").first).to_be_visible()
    values, live = (page.get_by_role("button", name=name) for name in ("Values", "Live"))
    expect(values).to_have_attribute("aria-pressed", str(pressed.count("f") % 2 == 0).lower())
    expect(live).to_have_attribute("aria-pressed", str("l" in pressed).lower())


def test_what_was_pressed_for_a_page_that_was_left_is_forgotten(page: Page, site: Served) -> None:
    page.goto("/overview")
    expect(page.locator(".overview-tile").first).to_be_visible()
    page.evaluate(PRESS_AT_ONCE, ["g", "t", "n", "g", "e"])
    expect(page.get_by_role("grid", name="Runs")).to_be_visible()
    page.wait_for_load_state("networkidle")
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("again", [False, True])
def test_keys_wait_for_the_first_rows_as_well(page: Page, site: Served, again: bool) -> None:
    page.goto("/traces" if again else "/overview")
    page.locator(".table-row, .overview-tile").first.wait_for()
    page.wait_for_load_state("networkidle")
    if again:
        page.keyboard.press("g")
        page.keyboard.press("o")
        expect(page.locator(".overview-tile").first).to_be_visible()
    page.evaluate(PRESS_AT_ONCE, ["g", "t", "j", "j", "x"])
    third = page.locator(".table-row").nth(2)
    expect(third.get_by_role("checkbox")).to_be_checked()


def test_a_jump_that_is_begun_is_not_ended_by_a_key_that_waited(page: Page, site: Served) -> None:
    page.goto("/overview")
    expect(page.locator(".overview-tile").first).to_be_visible()
    page.evaluate(PRESS_AT_ONCE, ["g", "t", "c", "g"])
    expect(page.locator(".table-row").first).to_be_visible()
    page.evaluate(PRESS_AT_ONCE, ["d"])
    expect(page).to_have_url(f"{site.url}/datasets")


def test_enter_on_a_button_is_not_pressed_again_for_the_rows_that_come(page: Page) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/api/v1/traces?**", hold)
    page.goto("/traces")
    views = page.get_by_role("button", name="Views", exact=True)
    views.focus()
    page.keyboard.press("Enter")
    expect(views).to_have_attribute("aria-expanded", "true")
    page.unroute_all()  # which lets go of what is held
    expect(page.locator(".table-row").first).to_be_visible()
    expect(views).to_have_attribute("aria-expanded", "true")
    assert held, "the rows were there already"


# Dialogs


def test_below_a_dialog_no_key_acts(page: Page, site: Served) -> None:
    page.goto("/traces")
    expect(page.locator(".table-row").first).to_be_visible()
    for key in ("x", "j", "x", "?"):
        page.keyboard.press(key)
    dialog = page.get_by_role("dialog", name="Shortcuts")
    expect(dialog).to_contain_text("choose the row")
    for key in ("j", "x", "l", "Control+k"):
        page.keyboard.press(key)
    expect(page.get_by_role("dialog")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert "live" not in page.url
    expect(page.locator(".table-row input:checked")).to_have_count(2)
    page.keyboard.press("Delete")
    expect(page.get_by_role("dialog", name="Erase 2 traces")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(".table-row input:checked")).to_have_count(2)


# The project


def test_the_project_belongs_to_the_tab_and_the_address(page: Page, shop: Served) -> None:
    page.goto("/traces?project=shop")
    expect(page.get_by_label("Project")).to_have_value("shop")
    expect(page.locator(".table-row")).to_have_count(1)
    other = page.context.new_page()
    other.goto("/traces")
    expect(other.get_by_label("Project")).to_have_value("")
    expect(other.locator(".table-row").nth(5)).to_be_visible()
    page.get_by_role("link", name="Overview").click()
    page.keyboard.press("g")
    page.keyboard.press("t")
    expect(page.locator(".table-row")).to_have_count(1)
    page.locator(".table-row").click()
    page.get_by_role("button", name="Copy link").click()
    link = page.evaluate("navigator.clipboard.readText()")
    assert link.endswith("?project=shop")
    other.goto(link)
    expect(other.get_by_text("What is in the shop?").first).to_be_visible()


def test_another_project_is_chosen_and_back_returns(page: Page, shop: Served) -> None:
    page.goto("/traces")
    expect(page.locator(".table-row").nth(5)).to_be_visible()
    page.get_by_label("Project").fill("shop")
    page.keyboard.press("Enter")
    expect(page.locator(".table-row")).to_have_count(1)
    assert page.url.endswith("/traces?project=shop")
    page.go_back()
    expect(page.locator(".table-row").nth(5)).to_be_visible()
    expect(page.get_by_label("Project")).to_have_value("")


def test_what_is_not_there_says_where_it_was_looked_for(page: Page, shop: Served) -> None:
    allow(page, "404")
    page.goto("/traces/00000000000000000000000000000001?project=shop")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Looked for in the project shop")
    expect(alert).not_to_contain_text("GET /api")
    alert.get_by_role("link", name="All traces").click()
    expect(page.locator(".table-row")).to_have_count(1)


# The key


def test_a_narrow_key_is_named_and_what_it_lacks_is_said(browser: Browser, keyed: Served) -> None:
    with opened(browser, keyed) as page:
        allow(page, "401", "403")
        signed_in(page, f"{SECRET}-narrow")
        mine = page.get_by_label("The key in use")
        for text in ("auditor", "traces:read", "shop"):
            expect(mine).to_contain_text(text)
        expect(page.get_by_label("Project")).to_have_count(0)
        for path in ("/playground", "/compare", "/gateway"):
            page.goto(path)
            expect(page.get_by_role("alert")).to_contain_text("may not")
            expect(page.get_by_text("Failed", exact=True)).to_have_count(0)
        page.get_by_role("button", name="Use another key").click()
        page.get_by_label("Key", exact=True).fill(SECRET)
        page.keyboard.press("Enter")
        expect(mine).to_contain_text("admin")
        expect(page.get_by_role("alert")).to_have_count(0)
        mine.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("dialog", name="This server needs a key")).to_be_visible()


def test_a_change_without_a_key_asks_for_one(browser: Browser, keyed: Served) -> None:
    with opened(browser, keyed) as page:
        allow(page, "401")
        signed_in(page, SECRET)
        expect(page.get_by_text("Nothing is recorded in the project")).to_be_visible()
        page.get_by_role("button", name="Views").click()
        page.get_by_label("Save what is shown as").fill("mine")
        page.evaluate("sessionStorage.removeItem('trimtab.key')")
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog", name="This server needs a key")).to_be_visible()


def test_a_tab_that_a_row_opens_has_the_key(browser: Browser, keyed: Served) -> None:
    body = {"model": "trimtab/extract", "messages": [{"role": "user", "content": "Whose is it?"}]}
    headers = {"authorization": f"Bearer {SECRET}", "content-type": "application/json"}
    assert keyed.ask("POST", "/v1/chat/completions", body, headers).status == 200
    with opened(browser, keyed) as page:
        allow(page, "401")
        signed_in(page, SECRET)
        row = page.locator(".table-row").first
        with page.context.expect_page() as opening:
            row.click(modifiers=["Control"])
        expect(opening.value.get_by_text("Whose is it?").first).to_be_visible()


# Nothing there yet


def test_where_nothing_is_recorded_the_lines_speak_to_this_server(
    browser: Browser, keyed: Served, page: Page, site: Served
) -> None:
    page.goto("/traces?project=nobodys")
    expect(page.get_by_text("Nothing is recorded in the project nobodys")).to_be_visible()
    shown = page.locator("main").inner_text()
    assert f"OTEL_EXPORTER_OTLP_ENDPOINT={site.url}" in shown
    assert 'OTEL_EXPORTER_OTLP_HEADERS="x-trimtab-project=nobodys"' in shown
    assert f'base_url="{site.url}/v1"' in shown
    assert "8321" not in shown
    assert "trimtab demo" not in shown


@pytest.mark.parametrize(
    "path", ["/overview", "/traces", "/prompts", "/releases", "/sessions", "/datasets"]
)
def test_lines_to_begin_with_name_this_server(page: Page, site: Served, path: str) -> None:
    page.goto(f"{path}?project=nobodys")
    first = page.locator(".empty pre").first
    expect(first).to_contain_text(site.url)
    assert "trimtab demo" not in page.locator("main").inner_text()


# There and back


def test_a_row_is_a_link(page: Page, site: Served) -> None:
    page.goto("/traces")
    row = page.locator(".table-row").nth(3)
    link = row.get_by_role("link")
    path = link.get_attribute("href")
    assert path is not None
    assert path.startswith("/traces/")
    assert link.get_attribute("tabindex") == "-1"
    presses: list[Callable[[], None]] = [
        lambda: row.click(modifiers=["Control"], position={"x": 500, "y": 10}),
        lambda: row.click(button="middle", position={"x": 500, "y": 10}),
        lambda: link.click(button="middle"),
    ]
    for press in presses:
        with page.context.expect_page() as opening:
            press()
        expect(opening.value).to_have_url(f"{site.url}{path}")
        opening.value.close()
    assert page.url.endswith("/traces")
    row.click(position={"x": 500, "y": 10})
    expect(page).to_have_url(f"{site.url}{path}")


def test_back_undoes_the_last_filter_and_then_the_page(page: Page, site: Served) -> None:
    page.goto("/overview")
    page.get_by_role("link", name="Traces", exact=False).first.click()
    page.get_by_role("combobox", name="Filter").fill("status:error")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Any time").click()
    page.get_by_role("button", name="Last hour").click()
    assert "since=1h" in page.url
    page.go_back()
    expect(page).to_have_url(f"{site.url}/traces?filter=status%3Aerror")
    expect(page.get_by_role("combobox", name="Filter")).to_have_value("status:error")
    page.go_back()
    expect(page).to_have_url(f"{site.url}/traces")
    expect(page.get_by_role("combobox", name="Filter")).to_have_value("")
    page.go_back()
    expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()


def test_an_address_that_is_no_page_says_so(page: Page, site: Served) -> None:
    allow(page, "404")
    reply = page.goto("/nowhere/at/all")
    assert reply is not None
    assert reply.status == 404
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
    page.get_by_role("link", name="Go to the traces").click()
    expect(page.locator(".table-row").first).to_be_visible()


def test_the_palette_finds_pages_below_others_and_records(page: Page, site: Served) -> None:
    words = {"name": "weather", "messages": [{"role": "system", "content": "Be brief."}]}
    site.client.post("/api/v1/prompts", words)
    page.goto("/overview")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Overview")
    for asked, heading in (("allow", "Allowances"), ("weath", "weather")):
        page.keyboard.press("Control+k")
        page.get_by_label("A page, a name").fill(asked)
        expect(page.get_by_role("option").first).not_to_contain_text("filter traces")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text(heading)


# Room


def test_the_period_menu_is_within_the_window(page: Page, site: Served) -> None:
    page.goto("/overview")
    page.get_by_role("button", name="Where calls are").click()
    box = page.get_by_role("dialog", name="Period").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 1440


@pytest.mark.parametrize(
    ("width", "height", "path"),
    [(1280, 720, "/overview"), (700, 720, "/releases"), (390, 800, "/playground")],
)
def test_everything_of_the_frame_is_within_reach_in_a_small_window(
    page: Page, site: Served, width: int, height: int, path: str
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.goto(path)
    if width < 900:
        page.get_by_role("button", name="Pages").click()
    expect(page.get_by_label("Theme")).to_be_in_viewport(ratio=1)
    expect(page.get_by_label("Project")).to_be_in_viewport(ratio=1)
    if width < 900:
        page.keyboard.press("Escape")
    title = page.get_by_role("heading", level=1)
    assert title.evaluate("one => one.scrollWidth <= one.clientWidth")
    for button in page.locator(".frame-head button").all():
        expect(button).to_be_in_viewport(ratio=1)
    nav = page.get_by_role("navigation", name="Pages")
    assert nav.evaluate("one => one.scrollHeight <= one.clientHeight")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_narrow_window_has_the_pages_in_a_menu_of_one_row(
    browser: Browser, site: Served, theme: str
) -> None:
    with opened(browser, site, theme=theme) as page:
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto("/traces")
        nav = page.get_by_role("navigation", name="Pages")
        box = nav.bounding_box()
        assert box is not None
        assert box["height"] <= 44
        link = nav.get_by_role("link", name="Prompts")
        expect(link).to_have_count(0)
        opener = nav.get_by_role("button", name="Pages")
        opener.focus()
        page.keyboard.press("Enter")
        expect(opener).to_have_attribute("aria-expanded", "true")
        expect(link).to_be_in_viewport(ratio=1)
        assert violations(page) == []
        page.keyboard.press("Escape")
        expect(link).to_have_count(0)
        expect(opener).to_be_focused()
        page.keyboard.press("Enter")
        link.click()
        expect(page.get_by_role("heading", name="Prompts", level=1)).to_be_visible()
        expect(link).to_have_count(0)
        opener.click()
        page.mouse.click(195, 830)  # below the menu
        expect(opener).to_have_attribute("aria-expanded", "false")


def test_menus_stay_within_a_narrow_window(page: Page, site: Served) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/traces")
    field = page.get_by_role("combobox", name="Filter").bounding_box()
    assert field is not None
    assert field["width"] > 340
    for name in ("Views", "Columns", "Export", "Any time"):
        page.get_by_role("button", name=name, exact=True).click()
        box = page.locator(".menu-panel").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        page.keyboard.press("Escape")


@pytest.mark.parametrize("width", [390, 700, 1024, 1280, 1440])
def test_a_name_of_any_length_widens_nothing(page: Page, shop: Served, width: int) -> None:
    """A model of 200 characters below a turn, a session and a user of as many above it."""
    now_ns = time.time_ns()
    long = {name: name[0] * 200 for name in ("model", "session", "user")}
    span = {
        "trace_id": records.identifier("long", 1, 32),
        "span_id": records.identifier("long", 1, 16),
        "parent_id": None,
        "project": "default",
        "name": "chat",
        "kind": "llm",
        "start_ns": now_ns - 10**9,
        "end_ns": now_ns,
        "status": "ok",
        "open": False,
        "revision": 0,
        "input": "Is it wide?",
        "output": "No.",
        **long,
    }
    records.send(shop, [span])
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"/sessions/{long['session']}")
    footer = page.locator(".sessions-turn footer")
    expect(footer).to_contain_text("mmm")
    for place in (page.locator(".frame-body"), footer, page.locator("html")):
        assert place.evaluate("one => one.scrollWidth <= one.clientWidth")
    expect(page.get_by_role("button", name="Copy the name")).to_be_in_viewport(ratio=1)
    title = page.get_by_role("heading", level=1).bounding_box()
    head = page.locator(".frame-head").bounding_box()
    assert title is not None
    assert head is not None
    assert title["y"] - head["y"] >= 7
