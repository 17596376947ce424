"""The page of a run: each part of it, and each action."""

import struct
import time
import zlib

import pytest

from mlctl.tracking.entities import Metric, Param, RunTag

pytestmark = pytest.mark.engine("chromium")

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"
NOTE = "# What\n\nIt **works**, see [there](https://example.org) and `code`.\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
MLMODEL = """flavors:
  python_function:
    loader_module: mlflow.sklearn
  sklearn:
    code: null
model_id: m-1
signature:
  inputs: '[{"type": "double", "name": "width", "required": true}, {"type": "array",
    "items": {"type": "string"}, "name": "words", "required": false}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]'
  params: null
"""


@pytest.fixture
def run(site):
    """A run of the store, and a function that writes its artifacts."""
    made = site.store.create_run(
        "0",
        user_id="ada",
        start_time=time.time_ns() // 1_000_000,
        run_name="first",
        params=[Param("lr", "0.01"), Param("markup", HOSTILE)],
        tags=[RunTag("mlctl.command", "python train.py --lr 0.01"), RunTag("mlflow.note.content", NOTE), RunTag("team", "vision")],
    )
    site.store.log_batch(made.info.run_id, metrics=[Metric("loss", 1 / (step + 1), 1000 + step, step) for step in range(50)])
    return made.info


def write(site, run, name, data):
    root = site.store.artifacts(run)
    source = site.scratch / name.rsplit("/", 1)[-1]
    source.write_bytes(data if isinstance(data, bytes) else data.encode())
    root.put_file(str(source), name.rpartition("/")[0])


@pytest.fixture(autouse=True)
def scratch(site, tmp_path):
    site.scratch = tmp_path / "scratch"
    site.scratch.mkdir()


def place(run, **query):
    return f"experiments/0/runs/{run.run_id}?" + "&".join(f"{key}={value}" for key, value in query.items())


def tags(site, run):
    return site.store.get_run(run.run_id).data.tags


def test_overview(site, run):
    page = site.open(place(run))
    page.get_by_role("heading", name="first").wait_for()
    summary = page.get_by_role("region", name="Summary")
    assert run.run_id in summary.inner_text()
    assert "ada" in summary.inner_text()
    assert page.get_by_role("region", name="Parameters").get_by_role("row", name="lr").inner_text().split() == ["lr", "0.01"]
    assert HOSTILE in page.get_by_role("region", name="Parameters").inner_text()
    assert page.get_by_role("region", name="Metrics").get_by_role("row", name="loss").inner_text().split() == ["loss", "0.02"]
    repeat = page.get_by_role("region", name="Repeat").inner_text()
    assert f"mlctl runs rerun {run.run_id}" in repeat
    assert "python train.py --lr 0.01" in repeat
    note = page.get_by_role("region", name="Note")
    assert note.locator("strong").inner_text() == "works"
    assert note.locator("li").all_inner_texts() == ["one", "two"]
    assert note.get_by_role("link").get_attribute("href") == "https://example.org"
    assert page.locator("main img, main script").count() == 0
    site.accessible()


def test_rename_delete_and_restore(site, run):
    page = site.open(place(run))
    page.get_by_role("button", name="Actions for this run").click()
    page.get_by_role("button", name="Rename").click()
    page.get_by_role("textbox", name="Name").fill("second")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="second").wait_for()
    page.get_by_role("button", name="Actions for this run").click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.get_by_text("This run has been deleted").wait_for()
    assert site.store.get_run(run.run_id).info.lifecycle_stage == "deleted"
    page.get_by_role("button", name="Restore").click()
    page.get_by_text("This run has been deleted").wait_for(state="detached")
    assert site.store.get_run(run.run_id).info.run_name == "second"


def test_note_and_tags(site, run):
    page = site.open(place(run))
    page.get_by_role("button", name="Edit the note").click()
    page.get_by_role("textbox", name="Note").fill(f"{HOSTILE}\n\n[bad](javascript:alert(3)) ![x](https://example.org/x.png)")
    page.get_by_role("button", name="Save").click()
    note = page.get_by_role("region", name="Note")
    note.get_by_text(HOSTILE).wait_for()
    assert note.locator("img, script, a[href^='javascript']").count() == 0
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_role("textbox", name="Key").fill("stage")
    page.get_by_role("textbox", name="Value").fill(HOSTILE)
    page.get_by_role("button", name="Set tag").click()
    page.get_by_role("button", name="Remove tag stage").wait_for()
    assert tags(site, run)["stage"] == HOSTILE
    page.get_by_role("button", name="Remove tag team").click()
    page.get_by_role("button", name="Remove tag team").wait_for(state="detached")
    assert "team" not in tags(site, run)


def test_lines_of_metrics(site, run):
    site.store.log_batch(run.run_id, metrics=[Metric("a b", 3.0, 1, 0), Metric("system/cpu", 50.0, 1, 3)])
    page = site.open(place(run, tab="metrics"))
    page.get_by_role("img", name="loss by step: 50 points").wait_for()
    page.get_by_role("checkbox", name="Chart of a b").check()
    page.get_by_role("img", name="a b by step: 1 points").wait_for()
    page.reload()
    page.get_by_role("img", name="a b by step").wait_for()
    page.get_by_role("button", name="Close the chart of loss").click()
    page.get_by_role("img", name="loss by step").wait_for(state="detached")
    page.get_by_role("button", name="Time").click()
    page.get_by_role("img", name="a b by time").wait_for()
    assert "x=time" in page.url
    site.accessible()


def test_a_marked_part_of_a_line_is_asked_for_anew(site, run):
    page = site.open(place(run, tab="metrics"))
    page.get_by_role("img", name="loss by step: 50 points").wait_for()
    box = page.locator(".u-over").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 40, steps=4)
    page.mouse.up()
    page.get_by_role("img", name="loss by step: 1").wait_for()
    page.get_by_role("button", name="All", exact=True).click()
    page.get_by_role("img", name="loss by step: 50 points").wait_for()


def test_the_log_grows_and_is_searched(site, run):
    write(site, run, "mlctl/output.log", f"\x1b[31mred\x1b[0m words\n10%\r100%\n{HOSTILE}\n")
    page = site.open(place(run, tab="log"))
    log = page.get_by_role("log")
    log.get_by_text("words").wait_for()
    assert log.locator(".ansi-1").inner_text() == "red"
    assert log.inner_text().splitlines() == ["red words", "100%", HOSTILE]
    write(site, run, "mlctl/output.log", f"\x1b[31mred\x1b[0m words\n10%\r100%\n{HOSTILE}\nand more: ü\n")
    log.get_by_text("and more: ü").wait_for(timeout=2_500)
    page.get_by_label("Search the log").fill("WORDS")
    page.get_by_text("1 of 4 lines").wait_for()
    assert "search=WORDS" in page.url
    site.accessible()


def test_artifacts(site, run):
    pixel = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in [
            (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)),
            (b"IDAT", zlib.compress(b"\0\xff\0\0")),
            (b"IEND", b""),
        ]
    )
    files = {
        "tables/rows.csv": 'name,size\n"a, b",1\n' + HOSTILE + ",2\n",
        "model/MLmodel": MLMODEL,
        "dot.png": pixel,
        "facts.json": '{"a":[1,2]}',
        "notes.md": f"## Title\n\n{HOSTILE}",
        "weights.bin": b"\0\1\2",
        "odd.txt": b"text\0binary",
        "empty.txt": b"",
        "page.html": "<style>p{color:red}</style><p id=p>hello</p><script>p.textContent = 'ran ' + origin</script>",
    }
    for name, data in files.items():
        write(site, run, name, data)
    page = site.open(place(run, tab="artifacts"))
    tree = page.get_by_role("navigation", name="Files", exact=True)
    tree.get_by_role("button", name="tables").click()
    tree.get_by_role("button", name="rows.csv").click()
    cells = page.locator(".sheet td")
    cells.first.wait_for()
    assert cells.all_inner_texts() == ["a, b", "1", HOSTILE, "2"]
    page.reload()
    cells.first.wait_for()
    tree.get_by_role("button", name="model").click()
    tree.get_by_role("button", name="MLmodel").click()
    page.get_by_role("cell", name="width").wait_for()
    assert page.get_by_role("cell", name="array of string").is_visible()
    assert page.get_by_role("cell", name="int64 (-1)").is_visible()
    tree.get_by_role("button", name="dot.png").click()
    page.get_by_role("img", name="dot.png").wait_for()
    page.wait_for_function("document.querySelector('.picture img').naturalWidth === 1")
    tree.get_by_role("button", name="facts.json").click()
    page.get_by_role("region", name="facts.json").get_by_text('"a": [').wait_for()
    tree.get_by_role("button", name="notes.md").click()
    page.get_by_role("heading", name="Title").wait_for()
    assert page.locator("main script, .markdown img").count() == 0
    for name in ("weights.bin", "odd.txt"):
        tree.get_by_role("button", name=name).click()
        page.get_by_text("This file is not shown here").wait_for()
    tree.get_by_role("button", name="empty.txt").click()
    page.get_by_text("The file is empty").wait_for()
    tree.get_by_role("button", name="page.html").click()
    page.frame_locator("iframe").get_by_text("ran null").wait_for()
    with page.expect_download() as told:
        page.get_by_role("link", name="Download").click()
    assert told.value.path().read_bytes() == files["page.html"].encode()
    site.accessible()


def test_a_page_in_a_frame_reaches_nothing(site, run):
    script = f"fetch('{site.address}/api/2.0/mlflow/experiments/search?max_results=1').catch(() => {{ p.textContent = 'refused' }})"
    write(site, run, "page.html", f"<p id=p>…</p><script>{script}</script>")
    page = site.open(place(run, tab="artifacts", file="page.html"))
    page.frame_locator("iframe").get_by_text("refused").wait_for()
    site.errors.clear()  # the browser notes what it has refused
    write(site, run, "picture.svg", "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
    for name, shown in (("page.html", True), ("picture.svg", False)):
        headers = page.request.get(f"{site.address}/get-artifact?run_id={run.run_id}&path={name}&frame=1").headers
        assert headers["content-security-policy"].startswith("sandbox")
        assert "connect-src" not in headers["content-security-policy"]
        assert ("allow-scripts" in headers["content-security-policy"]) is shown
        assert ("attachment" in headers.get("content-disposition", "")) is not shown


def test_a_run_that_is_none(site):
    page = site.open("experiments/0/runs/00000000000000000000000000000000")
    page.get_by_role("alert").get_by_text("There is no run").wait_for()
    site.errors.clear()  # the browser notes the answer 404


def test_it_is_readable_at_the_width_of_a_phone(site, run):
    site.page.set_viewport_size({"width": 380, "height": 700})
    for tab in ("", "metrics", "log", "artifacts"):
        page = site.open(place(run, tab=tab))
        page.locator("main .tabs").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 380
