"""The figures of `make coverage`."""

from training.devtools.coverage_by_package import by_package, percent, table, together

FILES = {
    "blendshape_addon/core/pipeline.py": (90, 90),
    "blendshape_addon/core/face/parts.py": (60, 30),
    "blendshape_addon/core/face/slits.py": (40, 20),
    "blendshape_addon/core_of_another.py": (10, 0),
    "training/__init__.py": (0, 0),
}


def test_each_package_has_the_lines_of_its_files():
    packages = by_package(FILES)
    assert packages["blendshape_addon/core/face"] == (100, 50)
    assert packages["blendshape_addon/core"] == (90, 90)
    assert together(packages, "blendshape_addon/core") == (190, 140)
    assert percent((0, 0)) == 100


def test_the_table_names_what_never_ran():
    lines = table(FILES)
    assert lines[-1] == "blendshape_addon/core_of_another.py never ran"
    assert any(line.split() == ["blendshape_addon/core/face", "100", "50.0", "%"] for line in lines)
    assert not any(line.startswith("training ") for line in lines)
