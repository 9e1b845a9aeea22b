"""What the repository holds for others: licences, and the CI and forms of a public host, which cannot be run here."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
GITHUB = ROOT / ".github"
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
REQUIREMENTS = ROOT / "tests" / "requirements"
FORMS = sorted((GITHUB / "ISSUE_TEMPLATE").glob("*.yml"))


@pytest.fixture(scope="module")
def workflow():
    return yaml.safe_load((GITHUB / "workflows" / "ci.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def steps(workflow):
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


@pytest.fixture(scope="module")
def commands(workflow):
    """The words of every command, once for each value of its job's matrix."""
    found = []
    for job in workflow["jobs"].values():
        matrix = job.get("strategy", {}).get("matrix", {})
        for values in matrix.get("include", [{}]):
            for line in "\n".join(step.get("run", "") for step in job["steps"]).splitlines():
                for name, value in values.items():
                    line = line.replace(f"${{{{ matrix.{name} }}}}", value)
                found.append(shlex.split(line))
    return [words for words in found if words]


def test_every_system_runs_every_blender(workflow):
    matrix = workflow["jobs"]["blender"]["strategy"]["matrix"]
    assert matrix["os"] == ["ubuntu-latest", "windows-latest", "macos-latest"]
    assert matrix["blender"] == ["4.2", "4.5", "5.0", "5.2"]
    assert [row["blender"] for row in matrix["include"]] == matrix["blender"], "the rest of each row, for every system"
    others = re.search(r"^OTHERS := (.*)$", MAKEFILE, re.MULTILINE)[1].split()
    assert sorted([*others, "4.5"]) == matrix["blender"]
    for row in matrix["include"]:
        pinned = (REQUIREMENTS / f"{row['requirements']}.txt").read_text(encoding="utf-8")
        assert f"\nbpy=={row['blender']}." in pinned
        python = re.search(rf"^PYTHON_{re.escape(row['blender'])} := (.*)$", MAKEFILE, re.MULTILINE)
        assert row["python"] == (python[1] if python else "3.11")


def test_nothing_is_packed_before_all_tests_passed(workflow):
    jobs = workflow["jobs"]
    assert set(jobs["package"]["needs"]) == jobs.keys() - {"package"}
    assert workflow["permissions"] == {"contents": "read"}
    assert [name for name, job in jobs.items() if "permissions" in job] == ["package"]
    (release,) = [step for step in jobs["package"]["steps"] if "gh release" in step.get("run", "")]
    assert release["if"] == "startsWith(github.ref, 'refs/tags/v')" and "dist/*.zip" in release["run"]
    triggers = workflow[True]  # YAML 1.1 reads the key `on` so
    assert triggers["push"]["tags"] == ["v*"] and "pull_request" in triggers


def test_every_command_exists(commands):
    """A target of the Makefile, a module of this repository or of its requirements, or a tool of the runner."""
    targets = set(re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[1].split())
    made = [words[1] for words in commands if words[0] == "make"]
    assert {"lint", "test-training", "package"} <= set(made) <= targets
    modules = {words[2] for words in commands if words[0] == "python"}
    assert all(words[1] == "-m" for words in commands if words[0] == "python")
    assert modules == {"pip", "pytest"}
    assert {words[0] for words in commands} == {"make", "python", "sudo", "gh"}


def test_every_kind_of_test_is_run_as_by_make(commands):
    run = {words[-1]: words[2:-1] for words in commands if words[1:3] == ["-m", "pytest"]}
    assert set(run) | {"tests/training"} == {"tests/core", "tests/stubs", "tests/blender", "tests/training"}
    workers = re.search(r"^WORKERS := (.*)$", MAKEFILE, re.MULTILINE)[1]
    options = re.search(r"^PYTEST := -m (.*)$", MAKEFILE, re.MULTILINE)[1].replace("$(WORKERS)", workers).split()
    assert all(words == options for words in run.values())


def test_what_is_installed_is_what_make_installs(commands):
    installed = [words[4:] for words in commands if words[:4] == ["python", "-m", "pip", "install"]]
    named = {word for words in installed for word in words}
    files = {ROOT / word for word in named if word.endswith(".txt")}
    assert files and all(path.is_file() for path in files)
    assert re.search(r"^ANNY := (.*)$", MAKEFILE, re.MULTILINE)[1] in named
    packages = re.search(r"_PACKAGES = \{(.*?)\}", (ROOT / "training/devtools/libraries.py").read_text(), re.DOTALL)[1]
    for words in commands:
        if words[:3] == ["sudo", "apt-get", "install"]:
            assert words[4:] == re.findall(r': "(.*?)"', packages)


def test_actions_are_githubs_own_and_of_one_major_version(steps):
    used = {step["uses"] for step in steps if "uses" in step}
    assert used and all(re.fullmatch(r"actions/[a-z-]+@v\d+", action) for action in used)
    assert len({action.partition("@")[0] for action in used}) == len(used)


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_a_form_for_issues_can_be_filled_in(path):
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert form["name"] and form["description"] and form["labels"]
    fields = form["body"]
    assert all(field["type"] in ("textarea", "input") and field["attributes"]["label"] for field in fields)
    assert len({field["id"] for field in fields}) == len(fields)
    assert any(field.get("validations", {}).get("required") for field in fields)


def test_forms_ask_the_same_in_both_languages():
    english = [path for path in FORMS if not path.name.endswith(".ja.yml")]
    assert [path.name for path in english] == ["bug.yml", "feature.yml"]
    for path in english:
        forms = [yaml.safe_load(one.read_text(encoding="utf-8")) for one in (path, path.with_suffix(".ja.yml"))]
        asked = [[(f["id"], f["type"], f.get("validations")) for f in form["body"]] for form in forms]
        assert asked[0] == asked[1]
        assert forms[0]["labels"] == forms[1]["labels"] and forms[0]["name"] != forms[1]["name"]


def test_every_part_has_its_licence():
    """The code is the project's; a model's licence is that of its card, and the file credits all that cards list."""
    assert "SPDX-License-Identifier: GPL-3.0-or-later" in (ROOT / "training" / "LICENSE").read_text(encoding="utf-8")
    text = (ROOT / "models" / "LICENSE").read_text(encoding="utf-8")
    cards = [tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "models").glob("*.toml"))]
    assert {card["licence"] for card in cards} == {"MIT", "Apache-2.0"}
    assert "MIT License" in text and "Apache License" in text and "END OF TERMS AND CONDITIONS" in text
    rows = [row for card in cards for row in (*card.get("trained_on", ()), *card.get("made_from", ()))]
    sources = {source["name"]: source["licence"] for source in rows}
    families = set(re.findall(r"^  (\w+) ", text, re.MULTILINE))
    assert {name.partition("/")[0] for name in sources} == families
    for licence in ("CC0", "MIT", "VRM Public License 1.0", "CC BY 3.0", "Apache-2.0"):
        assert licence in text and any(licence in said for said in sources.values())
    free = r"CC0|MIT|Apache-2\.0|VRM Public License 1\.0|CC BY 3\.0|VRM meta: everyone"
    unknown = [said for said in sources.values() if not re.match(free, said)]
    assert unknown == []
    assert all(credit in text for credit in ("VirtualCast, Inc.", "SirRichard94", "Lyuma", "Microsoft", "Delgado"))
