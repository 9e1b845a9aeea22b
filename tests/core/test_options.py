"""What the command line hands on to the processes that do one file each."""

import pytest

from blendshape_addon.options import options_of_one, parser

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
