"""README and docs/: what they promise is shown by a test or a command, and what they name is there."""

import re
import struct
import tomllib
from functools import cache
from pathlib import Path

import pytest
import yaml

from blendshape_addon.core.style import recipes
from blendshape_addon.core.vocabulary import ARKIT, BLINKS, EMOTIONS, UNIFIED, VISEMES
from blendshape_addon.options import parser

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS]
CLAIMS = tomllib.loads(Path(__file__).with_name("readme_claims.toml").read_text(encoding="utf-8"))["claim"]
LOOP = ROOT / "docs" / "img" / "loop.png"


def joined(text: str) -> str:
    """`text` on one line, as it is read."""
    return " ".join(text.split())


def section(title: str) -> str:
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)[1]


def names(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@cache
def targets() -> set[str]:
    return set(re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)[1].split())


def exists(shown_by: str) -> bool:
    """A target of make, a module that can be run, or a test: a file, or one in it."""
    if shown_by.startswith("make "):
        return shown_by.removeprefix("make ") in targets()
    if shown_by.startswith("python -m "):
        module = ROOT / shown_by.removeprefix("python -m ").replace(".", "/")
        return module.with_suffix(".py").exists() or (module / "__main__.py").exists()
    file, _, test = shown_by.partition("::")
    text = (ROOT / file).read_text(encoding="utf-8") if (ROOT / file).exists() else ""
    return bool(text) and (not test or re.search(rf"^def {test}\(", text, re.MULTILINE) is not None)


@pytest.mark.parametrize("claim", CLAIMS, ids=[claim["says"][:40] for claim in CLAIMS])
def test_a_claim_is_said_and_shown(claim):
    assert claim["says"] in joined(README)
    assert claim["by"] and [one for one in claim["by"] if not exists(one)] == []


@pytest.mark.parametrize("title", ["What you get", "What it cannot do"])
def test_every_item_of_its_lists_is_backed(title):
    items = [joined(item) for item in re.split(r"^- ", section(title).split("\n\n|")[0], flags=re.MULTILINE)[1:]]
    assert len(items) > 4
    assert [item for item in items if not any(claim["says"] in item for claim in CLAIMS)] == []


def test_what_is_not_there_is_seen():
    for one in (
        "make gold",
        "python -m training.devtools.nothing",
        "tests/core/test_readme.py::test_gone",
        "tests/none.py",
    ):
        assert not exists(one)


def test_the_shapes_are_as_many_as_it_says():
    counts = [len(group) for group in (VISEMES, EMOTIONS, BLINKS, ARKIT, UNIFIED)]
    said = re.search(r"(\d+) visemes, (\d+) emotions, (\d+) blinks, ARKit's (\d+) .*? the (\d+) more", joined(README))
    assert [int(number) for number in said.groups()] == counts


def test_the_styles_are_as_many_as_it_says():
    assert "**Six styles**" in README and len([name for name in recipes.CHOICES if name != "auto"]) == 6


def test_the_cosines_are_those_of_the_table():
    """The medians of visemes and vowels of the families that were left out."""
    rows = re.findall(
        r"^\|.*?\| (?:vowels|visemes) \| ([\d.]+) \|", (ROOT / "docs/quality.md").read_text(), re.MULTILINE
    )
    said = re.search(r"median cosine of ([\d.]+) to ([\d.]+)", joined(README))
    assert list(said.groups()) == [min(rows), max(rows)]


def test_training_has_seen_the_demo_avatars():
    card = tomllib.loads((ROOT / "models" / "deformer.toml").read_text(encoding="utf-8"))
    seen = {row["name"].partition("/")[0] for row in card["trained_on"]}
    assert {"makehuman", "vroid_beta"} <= seen
    assert "vroid_beta/vita" in (ROOT / "training/devtools/vita/README.md").read_text(encoding="utf-8")


def test_the_loop_moves_and_is_small():
    data = LOOP.read_bytes()
    assert len(data) < 2_000_000
    kind, frames = data[37:41], struct.unpack(">I", data[41:45])[0]
    assert kind == b"acTL" and frames > 24


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    lost = [link for link in links if not (page.parent / link.partition("#")[0]).exists()]
    assert lost == []
    for link in links:
        file, _, anchor = link.partition("#")
        if anchor and file.endswith((".md", "")):
            target = page.parent / file if file else page
            headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_commands_exist(page):
    text = page.read_text(encoding="utf-8")
    found = re.findall(r"^```\w*\n(.*?)^```|`([^`\n]+)`", text, re.MULTILINE | re.DOTALL)
    code = "\n".join(block or words for block, words in found)
    assert set(re.findall(r"\bmake ([a-z-]+)", code)) <= targets() | {"help"}
    modules = [f"python -m {name}" for name in re.findall(r"python -m ((?:training|tests)[\w.]*)", code)]
    assert [one for one in modules if not exists(one)] == []


def test_options_of_the_command_line_exist():
    text = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8") + README
    verbs = next(action for action in parser()._actions if action.dest == "verb").choices
    known = {option for verb in verbs.values() for action in verb._actions for option in action.option_strings}
    assert set(re.findall(r"(--[a-z][a-z-]+)", text)) <= known | {"--command"}


def test_the_site_has_every_page_and_the_japanese_ones_stand_beside_the_english():
    site = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), yaml.BaseLoader)
    pages = re.findall(r"[\w-]+\.md", str(site["nav"]))
    english = {page.name for page in DOCS if not page.name.endswith(".ja.md")}
    assert sorted(pages) == sorted(english)
    assert {page.name.replace(".ja.md", ".md") for page in DOCS if page.name.endswith(".ja.md")} <= english
    assert {"index.ja.md", "install.ja.md", "guide.ja.md", "coming-from.ja.md"} <= {page.name for page in DOCS}
