"""The board in a real browser: filters, Pareto view, images, what moved, links, phone width."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reports.board.write import write_board
from tests.page.conftest import HARMFUL, WRITTEN, Made
from tests.page.elements import choose, texts
from tests.page.test_contents import forget_sum
from tests.unit.reports.board.made import make

Open = Callable[..., Any]
PAGES = ("index.html", "images.html", "moved.html", "inpainters", "detectors", "runs")


@pytest.fixture(scope="module")
def site(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Board of a run with images, itself again, a copy with one image moved, a run of numbers."""
    root = tmp_path_factory.mktemp("board")
    again = root / "again"
    shutil.copytree(made.folder, again)
    with (again / "record.json").open("a", encoding="utf-8") as file:
        file.write("\n")  # another file, so another run, of the same numbers
    changed = root / "changed"
    shutil.copytree(made.folder, changed)
    path = changed / "samples.csv"
    with path.open(encoding="utf-8", newline="") as file:
        heads, *rows = list(csv.reader(file))
    auc = heads.index("auc")
    for row in rows:
        about = dict(zip(heads, row, strict=True))
        if (about["sample"], about["inpainter"], about["detector"], about["launder"]) == (
            "a", "telea", "flatness", "",
        ):  # fmt: skip
            row[auc] = "0.999000" if about["mask_ratio_percent"] == "10-20" else row[auc]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([heads, *rows])
    forget_sum(changed, "samples.csv")
    record = json.loads((changed / "record.json").read_text(encoding="utf-8"))
    record["store"] = str(made.store)
    (changed / "record.json").write_text(json.dumps(record), encoding="utf-8")
    values = {"telea": 0.7, "lama": 0.6, "meanfill": 0.55, "madf": 0.2}
    numbers = make(root / "numbers", values, gaps=[("meanfill", "30-40")], met=["lama"])
    return write_board(
        [made.folder, again, changed, numbers], root / "site", written=WRITTEN
    ).page.parent


@pytest.fixture
def visit(open_page: Open, site: Path) -> Callable[..., Any]:
    """Open a page of the board, with a fragment, and wait for its values."""

    def open_it(name: str, fragment: str = "", **how: Any) -> Any:
        path = next(iter(sorted((site / name).glob("*.html"))), site / name)
        page = open_page(path=path, **how)
        if fragment:
            page.get("about:blank")
            page.get(path.as_uri() + fragment)
        wait_until(page, "return document.querySelector('#shown')?.textContent !== 'Loading'")
        return page

    return open_it


def wait_until(page: Any, script: str) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(page, 20).until(lambda one: one.execute_script(script))


def fragment(page: Any) -> str:
    return page.execute_script("return location.hash")


def section_named(page: Any, text: str) -> str:
    script = (
        "return [...document.querySelector('[name=section]').options]"
        ".find(one => one.text.includes(arguments[0])).value"
    )
    return page.execute_script(script, text)


def test_filters_choose_rows_and_numbers_and_are_in_the_address(visit: Any) -> None:
    page = visit("index.html")
    assert page.get_log("browser") == []
    assert texts(page, "#shown") == ["2 of 2 rows"]
    assert texts(page, "#board thead th")[-1] == "run"
    first = texts(page, "#board tbody td")
    choose(page, "bucket", "30-40")
    assert texts(page, "#board tbody td") != first
    choose(page, "launder", "jpeg:50")
    choose(page, "detector", "chance")
    assert fragment(page) == "#launder=jpeg%3A50&bucket=30-40&detector=chance"
    assert [one for one in texts(page, "#board thead th") if "(none)" in one] == ["chance (none)"]
    page.execute_script(
        "const box = document.querySelector('[name=find]'); box.value = 'mean';"
        "box.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    assert texts(page, "#board tbody th") == ["meanfill"]
    assert texts(page, "#shown") == ["1 of 2 rows"]
    sent = page.current_url
    page.get("about:blank")
    page.get(sent)
    assert texts(page, "#shown") == ["1 of 2 rows"]
    assert len(texts(page, "#board thead th")) == 6


def test_a_section_shows_ranks_gaps_and_marks(visit: Any) -> None:
    page = visit("index.html")
    choose(page, "section", section_named(page, "samples"))
    cells = dict(
        zip(texts(page, "#board tbody th"), texts(page, "#board td:nth-child(2)"), strict=True)
    )
    assert cells["telea"].endswith("rank 1")
    assert cells["lama"].startswith("0.6003\u00b6")
    assert "seen in training" in cells["lama"]
    assert cells["meanfill"] == "-lacks 1 of 2 cells: failed"
    assert "\u00a7" in cells["madf"]
    (counts,) = texts(page, "#board-counts li")
    assert counts.startswith("TruFor (mini 22222222): 1 of 4 ranked, 1 lack numbers that are")
    assert counts.endswith("1 \u00a7 below the null, 1 \u00b6 seen in training")
    choose(page, "bucket", "10-20")
    assert "rank 1" in texts(page, "#board td:nth-child(2)")[0]
    assert texts(page, "#board tbody th")[0] == "meanfill"


def test_a_heading_sorts_the_board_and_keeps_gaps_last(visit: Any) -> None:
    page = visit("index.html")
    choose(page, "section", section_named(page, "samples"))
    press = "document.querySelectorAll('#board th[scope=col] button')[1].click()"
    page.execute_script(press)
    up = texts(page, "#board tbody th")
    page.execute_script(press)
    down = texts(page, "#board tbody th")
    assert up[-1] == down[-1] == "meanfill"
    assert up[:-1] == down[:-1][::-1]
    assert page.execute_script("return document.activeElement.tagName") == "BUTTON"


def test_the_pareto_view_marks_the_front_and_lists_what_is_missing(visit: Any) -> None:
    page = visit("index.html")
    section = section_named(page, "samples")
    page.get("about:blank")
    page = visit("index.html", f"#section={section}&view=pareto")
    assert page.execute_script("return document.querySelector('#board').hidden")
    assert len(texts(page, "#pareto circle")) == 3
    front = page.execute_script(
        "return [...document.querySelectorAll('#pareto .on-front')]"
        ".map(one => one.parentElement.dataset.name)"
    )
    assert front == ["telea"]  # the others are not ranked
    lists = texts(page, "#pareto li")
    assert lists[0].startswith("telea: distance 0.2000")
    assert "meanfill: lacks 1 of 2 cells: failed" in lists
    assert any(one.startswith("lama: seen in training") for one in lists)
    choose(page, "bucket", "10-20")
    assert len(texts(page, "#pareto circle")) == 4
    assert "bucket=10-20" in fragment(page)


@pytest.mark.parametrize("width", [390, 1280])
def test_names_of_a_tight_cluster_do_not_overlap(visit: Any, width: int) -> None:
    page = visit("index.html", "#view=pareto", width=width)
    page.execute_script(
        "const points = [...Array(14).keys()].map(at => ({ label: `inpainter-${at}`, ranked: true,"
        " x: at < 12 ? 0.2 + at / 500 : at - 12, y: at < 12 ? 20 + at / 50 : 18 + 5 * (at - 12),"
        " why: '' }));"
        "const front = paretoFront(points, 'higher');"
        "const made = paretoChart(points, front, { x: 'x', y: 'y' });"
        "document.querySelector('#pareto').replaceChildren(made.chart);"
        "window.without = made.without"
    )
    boxes = page.execute_script(
        "return [...document.querySelectorAll('#pareto .named')].map(one => one.getBBox())"
        ".map(box => [box.x, box.y + 2, box.x + box.width, box.y + box.height - 2])"
    )
    dots = page.execute_script(
        "return [...document.querySelectorAll('#pareto circle')]"
        ".map(one => [one.cx.baseVal.value, one.cy.baseVal.value])"
    )
    assert len(boxes) + page.execute_script("return without") == 14
    assert len(boxes) >= 5
    for at, (left, top, right, bottom) in enumerate(boxes):
        assert not any(left < x < right and top < y < bottom for x, y in dots)
        for other in boxes[:at]:
            assert left >= other[2] or other[0] >= right or top >= other[3] or other[1] >= bottom


def test_the_same_image_is_shown_in_both_runs_and_can_be_sent(visit: Any) -> None:
    page = visit("images.html")
    assert page.get_log("browser") == []
    shown = "return [...document.querySelectorAll('[data-run]')].length"
    wait_until(page, shown + " === 2")
    names = texts(page, "[data-run] .column > .name")
    assert names == ["telea", "meanfill", "original"] * 2
    images = "return [...document.querySelectorAll('#same-image img')]"
    page.execute_script(images + ".forEach(one => { one.loading = 'eager'; })")
    wait_until(page, images + ".every(one => one.complete && one.naturalWidth > 0)")
    assert page.execute_script(images + ".length") == 2 + 2 * 3 * 3
    page.execute_script(
        "document.querySelector('#choose-detectors input[value=chance]').click();"
        "document.querySelector('#choose-inpainters input[value=original]').click()"
    )
    wait_until(page, "return document.querySelectorAll('[data-run] .column').length === 4")
    page.execute_script("document.querySelector('#next').click()")
    wait_until(page, "return document.querySelectorAll('[data-run] .column').length === 4")
    head, address = texts(page, "#same-image h2")[0], page.current_url
    assert "detectors=flatness" in address
    page.get("about:blank")
    page.get(address)
    wait_until(page, shown + " === 2")
    assert texts(page, "#same-image h2")[0] == head
    assert texts(page, "[data-run] .column > .name") == ["telea", "meanfill"] * 2
    assert all(one.startswith("flatness") for one in texts(page, "[data-run] .seen"))


def test_two_outputs_are_compared_with_a_slider(visit: Any) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    page = visit("images.html")
    wait_until(page, "return document.querySelectorAll('.open-compare').length > 3")
    page.execute_script("document.querySelectorAll('.open-compare')[1].click()")
    assert page.execute_script("return document.querySelector('#pair').open")
    assert page.execute_script("return document.activeElement.id") == "slider"
    assert len(texts(page, "#left-image option")) == 7  # the original, and three of each run
    before = page.execute_script("return document.querySelector('#before').src")
    page.execute_script(
        "const box = document.querySelector('#left-image'); box.value = '1';"
        "box.dispatchEvent(new Event('change'))"
    )
    assert page.execute_script("return document.querySelector('#before').src") != before
    assert "telea" in texts(page, "#numbers")[0]
    page.find_element(By.ID, "slider").send_keys(Keys.HOME)
    assert page.execute_script("return document.querySelector('#edge').style.left") == "0%"
    page.find_element(By.ID, "slider").send_keys(Keys.ESCAPE)
    assert not page.execute_script("return document.querySelector('#pair').open")


def test_what_moved_is_sorted_and_leads_to_the_image(visit: Any) -> None:
    page = visit("moved.html")
    assert page.get_log("browser") == []
    wait_until(page, "return document.querySelectorAll('#moved article').length > 0")
    assert texts(page, "#shown")[0].startswith("1 of ")
    (title,) = texts(page, "#moved h2")
    assert title.startswith("a, mask 10-20 %: telea on flatness +")
    assert "to 0.9990" in title
    runs = page.execute_script(
        "return ['a', 'b'].map(name => document.querySelector(`[name=${name}]`).selectedIndex)"
    )
    assert runs == [0, 1]  # not with the second run, which is the first again
    link = page.execute_script("return document.querySelector('#moved h2 a').href")
    page.get(link)
    wait_until(page, "return document.querySelectorAll('[data-run]').length === 2")
    assert texts(page, "[data-run] .column > .name") == ["telea", "telea"]
    assert texts(page, "#same-image h2")[0].startswith("a, mask 10-20 %")


def test_two_runs_without_a_change_are_said_to_have_none(visit: Any) -> None:
    page = visit("moved.html")
    wait_until(page, "return document.querySelectorAll('#moved article').length > 0")
    choose(page, "b", page.execute_script("return document.querySelector('[name=b]')[0].value"))
    wait_until(page, "return document.querySelectorAll('#moved article').length === 0")
    assert texts(page, "#shown")[0].startswith("0 of ")
    assert texts(page, "#moved p")[0].startswith("Nothing moved here: these detections have the")


def test_links_lead_from_the_board_to_models_runs_and_images(visit: Any) -> None:
    page = visit("index.html")

    def follow(selector: str) -> None:
        page.get(page.execute_script("return document.querySelector(arguments[0]).href", selector))

    follow("#board tbody th a")
    name = texts(page, "h1")[0]
    assert "Where it stands" in texts(page, "h2")
    heads = texts(page, "section.plots thead th")
    assert heads[:5] == ["run", "date", "version", "commit", "weights"]
    assert heads.count("change") == 2  # of two detectors
    assert len(texts(page, "section.plots tbody tr")) == 3
    follow(".strip a")
    wait_until(page, "return document.querySelectorAll('[data-run] .column').length > 0")
    assert {one.lower() for one in texts(page, "[data-run] .column > .name")} == {name.lower()}
    page = visit("index.html")
    follow("#sections a[href^=runs]")
    first = texts(page, "h1")[0]
    follow("li:last-child a[href*='moved.html']")
    wait_until(page, "return document.querySelectorAll('#moved article').length > 0")
    assert first in texts(page, "[name=b] option")
    assert page.get_log("browser") == []


def test_a_name_that_is_html_stays_text(visit: Any) -> None:
    page = visit("images.html")
    assert any(HARMFUL in text for text in texts(page, "[name=image] option"))
    assert page.execute_script("return document.querySelectorAll('main script').length") == 0


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [360, 1280])
def test_no_page_reaches_beyond_the_screen_and_every_control_has_a_name(
    visit: Any, name: str, width: int
) -> None:
    page = visit(name, width=width, dark=width == 360)
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    script = (
        "return [...document.querySelectorAll('button, select, input, a')]"
        ".filter(e => !(e.textContent.trim() || e.ariaLabel || (e.labels && e.labels.length)"
        " || e.querySelector('img[alt]')))"
        ".map(e => e.outerHTML.slice(0, 80))"
    )
    assert page.execute_script(script) == []
    assert page.execute_script("return document.querySelectorAll('img:not([alt])').length") == 0
    assert page.get_log("browser") == []
    color = page.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert color == ("rgb(20, 23, 27)" if width == 360 else "rgb(255, 255, 255)")
