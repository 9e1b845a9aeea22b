"""The options of the command line, and its exit status.

Exit status: 0 all shapes made and checked, 1 some avatar failed its check, 2 bad arguments or unreadable input; 130
when the user stopped a folder.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from .core import vocabulary
from .core.avatar import key_names
from .core.corrective.bake import parse_wanted
from .core.errors import InputError
from .core.inference.providers import CHOICES
from .core.motion.performance import UNREAD, DriveOptions, unread_units
from .core.options import EXISTING
from .core.style import recipes
from .core.style.tuning import strengths_of

OK, CHECK_FAILED, BAD_INPUT, STOPPED = 0, 1, 2, 130
_OF_ALL = ("verb", "input", "output", "report", "sheet", "thumbnail", "log", "jobs", "time_limit", "again", "part")


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise InputError("{message} (try {prog} --help).", message=message, prog=self.prog)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options that `arguments`, after the program's name, stand for; `aliases` as a list.

    Raises InputError for what is wrong with them, and SystemExit for --help.
    """
    options = parser().parse_args(arguments)
    if options.verb == "drive":
        options.drive = _drive_options(options)
        return options
    if options.verb == "corrective":
        options.poses = parse_wanted(options.poses)
        return options
    vocabulary.shapes_of(options.shapes)
    if not 0 <= options.intensity <= 1:
        raise InputError("Intensity is {number:g}: give a number from 0 to 1.", number=options.intensity)
    strengths_of(options.strength)
    options.aliases = _aliases(options.aliases, options.rename)
    return options


def parser() -> argparse.ArgumentParser:
    """Parses the arguments after the program's name. What is wrong with them raises InputError."""
    parser = _Parser(prog="vrc_blendshape", description="Blend shapes for VRChat avatars, made by a neural network.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="generate|drive|corrective")
    _add_generate(verbs)
    _add_drive(verbs)
    _add_corrective(verbs)
    return parser


def _add_generate(verbs: argparse._SubParsersAction) -> None:
    generate = verbs.add_parser("generate", help="put shape keys on the avatars of files or folders")
    add = generate.add_argument
    add("input", nargs="+", type=Path, help="avatar files (.blend .glb .gltf .vrm .fbx .obj) or folders of them")
    add("--output", required=True, type=Path, help="a file (.blend .glb .fbx .vrm), or a folder for several inputs")
    add("--shapes", default="visemes,emotions", help=f"any of {','.join(vocabulary.GROUPS)} (default: %(default)s)")
    add("--intensity", type=float, default=1.0, help="strength, 0 to 1 (default: %(default)s)")
    add(
        "--preset",
        choices=recipes.CHOICES,
        default="auto",
        help="style of the shapes; auto looks at the face's proportions",
    )
    add(
        "--recipes",
        type=Path,
        help="a recipes file of your own (TOML): what visemes and emotions are made of otherwise",
    )
    add("--strength", default="", metavar="LIST",
        help="strengths of groups and shapes, 0 to 2, as visemes=0.8,joy=1.2; over those a .blend keeps")  # fmt: skip
    add("--asymmetric", action="store_true",
        help="keep what is uneven in shapes; else both halves of a face move alike where it is symmetric")  # fmt: skip
    add("--provider", choices=CHOICES, default="auto", help="where the network runs (default: %(default)s)")
    add("--report", type=Path, help="write what was made and checked, as JSON")
    add("--sheet", type=Path, help="write a picture of every shape (PNG); one for each avatar where there are several")
    add("--existing", choices=EXISTING, default="mine",
        help="keys that this tool did not make: use those that are shapes under whatever name (あ, Fcl_MTH_A, Joy) and "
        "make what is lacking in their style; of those of the same name, keep them, fill only the empty ones, or "
        "replace them, each left as a backup under a new name (default: %(default)s)")  # fmt: skip
    add("--aliases", default="",
        help=f"copy the keys to the names of {','.join(key_names.WRITABLE)} (any of them) as well")  # fmt: skip
    add("--rename", action="store_true", help="with --aliases, of one kind: give keys these names instead of their own")
    add("--apply", action="store_true",
        help="first apply the modifiers that are shown, armatures aside, to the meshes and their shape keys; no other "
        "output than .blend holds modifiers")  # fmt: skip
    add("--join", action="store_true",
        help="join teeth, tongue, lashes and whatever else gets keys into the face mesh, the only one that VRChat's "
        "lip sync and eyelids move")  # fmt: skip
    add("--models", type=Path, help="folder of models to use instead of the bundled ones")
    add("--model", type=Path, help="a deformer that learned from an avatar (.onnx), instead of the bundled one")
    add("--log", type=Path, metavar="FILE",
        help="write what is done, stage by stage, and the traces of failures: for bug reports")  # fmt: skip
    add("--thumbnail", type=Path, help="write a small picture of a few shapes (JPEG)")
    folder = generate.add_argument_group(
        "folders", "What is finished is not done again while file, options and tool stay the same."
    )
    add = folder.add_argument
    add("--jobs", type=_at_least_one, default=1, help="avatars done at the same time (default: %(default)s)")
    add("--time-limit", type=_minutes, default=20, metavar="MINUTES",
        help="give an avatar up after this long (default: %(default)s)")  # fmt: skip
    add("--again", action="store_true", help="do finished avatars again")
    add("--part", type=_part, metavar="K/N",
        help="do the Kth of N parts and leave the summary to a run without this; status 0 if it ran")  # fmt: skip


def _add_drive(verbs: argparse._SubParsersAction) -> None:
    drive = verbs.add_parser("drive", help="let the face in a clip move avatars: keyframes of shapes and the head")
    add = drive.add_argument
    add(
        "input",
        nargs="+",
        type=Path,
        help="avatar files (.blend .glb .gltf .vrm .fbx) with shape keys, or folders of them",
    )
    add("--clip", required=True, type=Path, help="a movie of a person's face, or a folder of pictures")
    add("--out", "--output", required=True, type=Path, dest="output",
        help="a file (.blend .fbx .glb), or a folder for several avatars")  # fmt: skip
    add("--neutral", type=_at_least_one, metavar="FRAME",
        help="the clip's frame, counted from 1, in which the face is neutral (default: found)")  # fmt: skip
    add("--strength", type=float, default=1.0, metavar="F", help="of the shapes, 0 to 2 (default: %(default)s)")
    add("--smooth", type=float, default=1.0, metavar="F", help="0 to 5, 0 for none (default: %(default)s)")
    add("--no-head", action="store_true", help="leave the head bone still")
    add("--units", default="", metavar="LIST",
        help="also key these, by comma, which pictures hardly tell; a name without its side is both: "
        + ", ".join(UNREAD))  # fmt: skip
    add("--provider", choices=CHOICES, default="auto", help="where the networks run (default: %(default)s)")
    add("--models", type=Path, help="folder of models to use instead of the bundled ones")
    add("--report", type=Path, help="write what was read and keyed, as JSON")
    add("--descriptors", type=Path, metavar="FILE",
        help="keep what was read of the clip (.npz); a file of the same clip stands for reading it again")  # fmt: skip
    add("--log", type=Path, metavar="FILE", help="write what is done, and the traces of failures: for bug reports")


def _add_corrective(verbs: argparse._SubParsersAction) -> None:
    corrective = verbs.add_parser("corrective", help="give back what skinning misses of a surface in motion")
    actions = corrective.add_subparsers(dest="action", required=True, metavar="bake")
    bake = actions.add_parser("bake", help="put corrective shape keys, driven by bones, on an avatar's mesh")
    add = bake.add_argument
    add("input", type=Path, help="an avatar file (.blend .glb .gltf .vrm .fbx) with an armature")
    source = bake.add_mutually_exclusive_group(required=True)
    source.add_argument("--model", type=Path, help="a corrective model (.onnx) that learned on the same mesh")
    source.add_argument("--target", type=Path,
        help="the true surface in the frames of the animation: a folder of OBJ files, .abc .usd .pc2 .mdd")  # fmt: skip
    add("--out", "--output", required=True, type=Path, dest="output", help="a file (.blend .fbx .glb)")
    add("--mesh", default="", metavar="NAME", help="the object to bake on (default: the one that fits)")
    add("--frames", type=_frames, metavar="A-B", help="frames of the animation (default: all of it)")
    add("--keys", type=_at_least_one, default=12, metavar="N", help="keys at most (default: %(default)s)")
    add("--poses", default="", metavar="LIST",
        help="the key poses, as 'lower_arm.L=60,120; lower_leg.L:x=90': degrees of a bone, about an axis of it or the "
        "one that it turns about most (default: those that take most error)")  # fmt: skip
    add("--drivers", type=Path, metavar="FILE", help="write the table of the keys' drivers, for Unity (JSON)")
    add("--cache", type=Path, metavar="FILE", help="write the corrected animation, too (.pc2)")
    add("--provider", choices=CHOICES, default="auto", help="where the network runs (default: %(default)s)")
    add("--report", type=Path, help="write what was baked and how near it comes, as JSON")
    add("--log", type=Path, metavar="FILE", help="write what is done, and the traces of failures: for bug reports")


def _drive_options(options: argparse.Namespace) -> DriveOptions:
    """What the core is asked. Raises InputError for values that cannot be."""
    return DriveOptions(
        neutral=None if options.neutral is None else options.neutral - 1,
        strength=options.strength,
        smoothing=options.smooth,
        more=tuple(unit for name in options.units.split(",") if name.strip() for unit in unread_units(name.strip())),
    )


def options_of_one(options: argparse.Namespace, without: Sequence[str] = ()) -> list[str]:
    """The arguments, but for files, that make one file of several come out as `options` ask; `without` some of them."""
    words = []
    for name, value in vars(options).items():
        if name in (*_OF_ALL, *without) or value is None or value is False or value in ("", []):
            continue
        words.append(f"--{name}")
        if value is not True:
            words.append(",".join(value) if isinstance(value, list) else str(value))
    return words


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1 on")
    return int(text)


def _frames(text: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    if not (dash and first.isdecimal() and last.isdecimal() and int(first) <= int(last)):
        raise argparse.ArgumentTypeError(f"{text} is not A-B with A up to B, such as 1-240")
    return int(first), int(last)


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0
    if not 0 < minutes < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is no number of minutes")
    return minutes


def _part(text: str) -> tuple[int, int]:
    part, _, parts = text.partition("/")
    if not (part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise argparse.ArgumentTypeError(f"{text} is not K/N with K from 1 to N, such as 2/10")
    return int(part), int(parts)


def _aliases(listed: str, rename: bool) -> list[str]:
    """The conventions of a comma-separated list. Raises InputError for what does not exist or cannot be."""
    wanted = [name.strip() for name in listed.split(",") if name.strip()]
    for name in wanted:
        key_names.written(name)
    if rename and len(wanted) != 1:
        raise InputError("A key can have one name only: give --rename with one kind of --aliases.")
    return wanted
