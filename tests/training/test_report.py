"""The page of an evaluation: all that it shows is there, whatever was not measured, and nothing comes from outside."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from blendshape_addon.core.errors import InputError
from training import __main__
from training.evaluation import evaluate
from training.evaluation.report import page, results, tables
from training.evaluation.report.table import Table

FIGURES = {"rel": 0.6, "cos": 0.8, "mm": 2.0, "q95": 4.0, "stray": 0.01}


def family(**changes):
    """What `evaluate_family` gives of one rig."""
    shapes = {method: {"jawOpen": FIGURES, "vrc.v_aa": FIGURES} for method in ("deformer", "template", "do nothing")}
    sets = {method: {"mouth+jaw": FIGURES} for method in shapes}
    region = {"skin": {"share of error": 0.9, "share of motion": 1.0, "rel": None}}
    return sets | {
        "landmarks": "detected", "lost": {}, "lip gaps": {"anna": {"pp": 0.0, "aa": 9.0, "aa of truth": None}},
        "regions": {"anna": region}, "shapes": {"anna": shapes}, "landmark errors": {"anna": [0.01, 0.04, 0.02]},
        "viseme top-1": 0.5, "rigs": ["anna"], "artists": {"anna": "zoe"}, "errors": {"median": 2.5, "p95": 9.0},
        "front pairs": {"anna": {"ours": {"apart": 0.01, "pair": ["vrc.v_dd", "vrc.v_nn"]}, "theirs": None}},
        "blinks": {"anna": {"ours": 0.1, "theirs": 0.0}}, "random blinks": {"open": [0.0, 0.3], "lost": 1},
    } | changes  # fmt: skip


def measured(**changes):
    """What `evaluate` gathers of one family."""
    row = {"all": 0.01, "mouth": -0.02, "found": None}
    unit = {"cos mouth+jaw": 0.7, "cos all": 0.6, "cos skin": 0.6, "rel mouth+jaw": 0.7, "rel all": 0.8}
    unit |= {"amplitude": 1.0, "amplitude 10 %": 0.5, "amplitude 90 %": 2.0}
    return {
        "families": {"ict": family()}, "lip gaps": family()["lip gaps"],
        "landmarks": {"ict left out": {"median": 3.2, "p95": 9.0}},
        "inter_artist_baseline": {
            "units": {"ict": {"bert": unit, "best of them": unit}}, "shapes": {"ict": {"jawOpen": 0.7}},
            "visemes": {"anna": {"bert": {"cos": 0.3, "top-1": 0.2}}},
        },
        "robustness": {"anna": {"seams split": row}}, "curves": {"all families": [[20, 0.9], [40, 0.5]]},
        "acceptance": {"anna": {"right": 1.0, "said": "found with 97%"}, "<b>": {"right": 0.0, "said": "refused: no"}},
        "reading": {"zoe": {"rigs": 2, "visemes": 14, "theirs": {"top-1": 0.4, "top-3": 0.7},
                            "ours": {"top-1": 0.5, "top-3": None}}},
        "mouths": {
            "natural": {"vrc.v_aa": {"artists": 2, "theirs": [0.5, 0.9], "least": [0.4, 0.8], "most": [0.6, 1.0],
                                     "ours": [0.25, 0.9], "ratio": [0.5, 1.0]}},
        },
        "sheets": [{"file": "ict_anna.png", "title": "ict anna", "note": "a note"}],
        "origin": {"command": "python -m training evaluate", "minutes": 2.0, "models": {"deformer": "ab12"},
                   "versions": {"NumPy": "2"}},
    } | changes  # fmt: skip


class Reader(HTMLParser):
    """Links, and that every tag is closed in its order."""

    def __init__(self, text):
        super().__init__()
        self.links, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.links += [value for name, value in attributes if name in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def written(tmp_path, what):
    Image.new("RGB", (8, 8)).save(tmp_path / "ict_anna.png")
    (tmp_path / results.FILE).write_text("{}")
    page.write(what, tmp_path)
    text = (tmp_path / "index.html").read_text()
    reader = Reader(text)
    assert not reader.open and not re.search(r"https?:|@import|url\(", text)
    for link in reader.links:
        assert f'id="{link[1:]}"' in text if link.startswith("#") else (tmp_path / link).is_file(), link
    return text


def test_the_page_shows_every_plot_table_and_sheet_and_links_to_nothing_outside(tmp_path):
    text = written(tmp_path, measured())
    plots = {path.stem for path in tmp_path.glob("plot_*.png")}
    names = ("overview", "landmarks", "regions", "robustness", "training", "shapes_ict")
    assert plots == {f"plot_{name}" for name in names}
    assert all(f'src="{name}.png"' in text for name in plots) and 'src="ict_anna.png"' in text
    assert all((np.asarray(Image.open(tmp_path / f"{name}.png").convert("L")) < 100).any() for name in plots)
    order = [text.index(part) for part in ("plot_overview.png", "ict_anna.png", "How it was measured</h2>", "<pre>")]
    assert order == sorted(order)
    assert all(table.html() in text for table in page.everything(measured()))
    assert "&lt;b&gt;" in text and "face lost" in text and "Not measured this time: CharMorph, Antonia" in text
    assert tables.faces(measured()["families"]).rows == [("ICT-FaceKit", "1", "1", "2.5", "9.0", "–")]
    assert tables.reading(measured()["reading"]).rows == [
        ("zoe", "2", "14", "40%", "70%", "50%", "–"),
        ("mean of artists", "", "", "40%", "70%", "50%", "–"),
    ]
    assert tables.pairs(measured()["families"]).rows == [("anna", "0.010", "dd nn", "–", "–")]
    assert tables.blinks(measured()["families"]).rows == [
        ("anna", "10.0%", "0.0%"),
        ("2 random faces of ICT-FaceKit, worst; 1 not found", "30.0%", "–"),
    ]
    lips, corners = tables.mouths(measured()["mouths"]).rows
    assert lips == ("Natural", "vrc.v_aa", "2", "lips apart", "0.50", "0.40", "0.60", "0.25", "0.50")
    assert corners[3:5] == ("corners apart", "0.90")


def test_the_page_does_without_what_was_not_measured(tmp_path):
    bare = measured(robustness={}, curves={}, landmarks={}, sheets=[])
    del bare["inter_artist_baseline"], bare["reading"], bare["mouths"]
    lost = {"anna": "No face was found."}
    bare["families"] = {"vrm": {"landmarks": "labelled", "viseme top-1": None, "lost": lost, "rigs": ["anna"]}}
    empty = ("lip gaps", "regions", "shapes", "landmark errors", "units of those found", "errors", "front pairs")
    bare["families"]["vrm"] |= {what: {} for what in empty}
    text = written(tmp_path, bare)
    assert not list(tmp_path.glob("plot_*.png")) and "not measured" in text


def test_a_table_reads_the_same_in_print_and_on_the_page():
    table = Table("Title", ("what", "rel"), [("a < b", "0.50"), ("c", "–")], "A note.")
    assert table.text().splitlines() == ["", "Title", "  what    rel", "  a < b  0.50", "  c         –", "  A note."]
    assert '<td>a &lt; b</td><td class="figure">0.50</td>' in table.html()


def test_figures_that_are_none_are_null():
    text = json.dumps(results.plain({"a": [float("nan"), 1.5], "b": (float("inf"), "x")}), allow_nan=False)
    assert json.loads(text) == {"a": [None, 1.5], "b": [None, "x"]}


def test_the_page_is_made_again_without_measuring(tmp_path, capsys):
    (tmp_path / results.FILE).write_text(json.dumps(measured(sheets=[])))
    assert __main__.main(["evaluate", "--page-only", "--out", str(tmp_path)]) == 0
    assert "index.html" in capsys.readouterr().out and (tmp_path / "plot_overview.png").exists()
    assert not tmp_path.with_name(f"{tmp_path.name}.part").exists()


@pytest.mark.parametrize("content", [None, "", "[]", '{"families": {}}', "\x00"])
def test_results_that_cannot_be_read_are_a_sentence(tmp_path, content, capsys):
    if content is not None:
        (tmp_path / results.FILE).write_text(content)
    assert __main__.main(["evaluate", "--page-only", "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert str(tmp_path) in error and error.count("\n") == 1


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError(28, "No space left on device"), InputError("no rigs")])
def test_an_evaluation_that_stops_leaves_the_earlier_one_whole(tmp_path, monkeypatch, capsys, stop):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "index.html").write_text("earlier")

    def stopped(*arguments):
        (arguments[-1] / "ict_anna.png").write_bytes(b"half")
        raise stop

    monkeypatch.setattr(evaluate, "evaluate", stopped)
    assert __main__.main(["evaluate", "--out", str(tmp_path / "out")]) in (2, 130)
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert [path.read_text() for path in (tmp_path / "out").iterdir()] == ["earlier"]


def test_families_without_rigs_are_a_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("VRC_BLENDSHAPE_DATA", str(tmp_path / "none"))
    assert __main__.main(["evaluate", "--out", str(tmp_path / "out")]) == 2
    assert "VRC_BLENDSHAPE_DATA" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_one_line_per_family_gives_the_main_figures():
    assert tables.glance(measured()).rows == [
        ("ICT-FaceKit", "mouth+jaw", "0.60", "0.60", "0.70", "0.80", "0.80", "0.70", "2.0")
    ]
