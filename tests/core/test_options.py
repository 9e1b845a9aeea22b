"""What the command line hands on to the processes that do one file each."""

import pytest

from blendshape_addon.core.errors import InputError
from blendshape_addon.options import options_of_one, parse, parser

ALONE = ["generate", "a.glb", "--output", "b.glb"]


@pytest.mark.parametrize(
    "given",
    [
        ["--intensity", "0", "--shapes", "blink", "--rename", "--aliases", "vrm1"],
        [
            "--recipes",
            "my recipes.toml",
            "--models",
            "m",
            "--existing",
            "fill",
            "--preset",
            "anime",
            "--provider",
            "cpu",
        ],
    ],
)
def test_one_file_gets_the_options_of_all(given):
    of_all = ["--jobs", "3", "--again", "--part", "1/2", "--time-limit", "5", "--report", "r.json", "--sheet", "s.png"]
    parsed = vars(parser().parse_args([*ALONE, *given]))
    handed_on = options_of_one(parser().parse_args([*ALONE, *given, *of_all]))
    assert vars(parser().parse_args([*ALONE, *handed_on])) == parsed


def test_options_that_count_by_content_are_left_out():
    options = parser().parse_args([*ALONE, "--recipes", "r.toml"])
    assert "r.toml" in options_of_one(options)
    assert options_of_one(options, without=("recipes",)) == options_of_one(parser().parse_args(ALONE))


def test_corrective_bake_takes_a_model_or_a_target_and_reads_its_lists():
    line = ["corrective", "bake", "a.fbx", "--out", "b.fbx", "--model", "m.onnx"]
    options = parse([*line, "--frames", "1-240", "--poses", "lower_arm.L=60,120; lower_leg.L:x=-90"])
    assert (options.verb, options.action, options.frames, options.keys) == ("corrective", "bake", (1, 240), 12)
    assert [(one.bone, one.axis, one.angles) for one in options.poses] == [
        ("lower_arm.L", "", (60.0, 120.0)), ("lower_leg.L", "x", (-90.0,)),
    ]  # fmt: skip
    for wrong in (
        [*line, "--target", "t"],
        line[:-2],
        [*line, "--keys", "0"],
        [*line, "--frames", "9"],
        ["corrective"],
    ):
        with pytest.raises(InputError):
            parse(wrong)
