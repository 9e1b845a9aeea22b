"""Lengths of humanoids whatever their bones are called, and the matrices that give them others."""

import numpy as np
import pytest
from test_humanoid import RIGS

from blendshape_addon.core.avatar.proportions import Body, SkinPoints, fit, moved
from blendshape_addon.core.errors import InputError

ARM = ((0.18, 0.02, 1.42), (0.45, 0.04, 1.40), (0.70, 0.0, 1.38))
LEG = ((0.10, 0.0, 0.90), (0.11, -0.02, 0.50), (0.12, 0.02, 0.09))
NAMES = ("hips", "spine", "chest", "neck", "head")


def person(middle=NAMES, left="left{}", right="right{}", limbs=None, collars=False, extra=()):
    """A body with skin at its soles and its crown. extra: bone, the one above it, place."""
    limbs = limbs or ("UpperArm", "LowerArm", "Hand", "UpperLeg", "LowerLeg", "Foot")
    heights = np.interp(np.arange(len(middle)), [0, len(middle) - 2, len(middle) - 1], [0.95, 1.45, 1.55])
    names, parents, heads = list(middle), list(range(-1, len(middle) - 1)), [(0, 0, z) for z in heights]
    for pattern, sign in ((left, 1), (right, -1)):
        for chain, above, places in ((limbs[:3], len(middle) - 3, ARM), (limbs[3:], 0, LEG)):
            if collars and places is ARM:
                names.append(pattern.format("Shoulder"))
                parents.append(above)
                heads.append((0.03 * sign, 0, 1.40))
                above = len(names) - 1
            for limb, (x, y, z) in zip(chain, places, strict=True):
                names.append(pattern.format(limb))
                parents.append(above)
                heads.append((x * sign, y, z))
                above = len(names) - 1
    for name, above, place in extra:
        names.append(name)
        parents.append(names.index(above))
        heads.append(place)
    feet = [names.index(pattern.format(limbs[5])) for pattern in (left, right)]
    soles = SkinPoints(np.array([(0.12, 0, 0.0), (-0.12, 0, 0.0)]), np.eye(len(names))[feet])
    top = SkinPoints(np.array([(0.0, 0, 1.75)]), np.eye(len(names))[[len(middle) - 1]])
    return Body(tuple(names), np.array(parents), np.array(heads, float), np.zeros(3), soles, top)


def fitted(body, wanted):
    """The body as `fit` makes it, and the matrices."""
    found = fit(body, wanted)
    heads = np.array([moved(matrix, head) for matrix, head in zip(found.bones, body.heads, strict=True)])
    soles, top = (SkinPoints(one.moved(found), one.weights) for one in (body.soles, body.top))
    return Body(body.names, body.parents, heads, body.origin, soles, top), found


WANTED = {"height": 1.6, "torso": 0.5, "neck": 0.12, "shoulders": 0.42, "arm": 0.47, "leg": 0.7}


@pytest.mark.parametrize("collars", [False, True])
@pytest.mark.parametrize("lengths", [*([name] for name in WANTED), list(WANTED)], ids="-".join)
def test_lengths_become_what_is_wanted_on_both_sides(lengths, collars):
    body = person(collars=collars)
    wanted = {name: WANTED[name] for name in lengths}
    new, found = fitted(body, wanted)
    assert {name: new.lengths[name] for name in wanted} == pytest.approx(wanted, abs=1e-9)
    others = {name: length for name, length in body.lengths.items() if name not in {*wanted, "height"}}
    assert {name: new.lengths[name] for name in others} == pytest.approx(
        {name: found.scale * length for name, length in others.items()}
    ), "what no length says grows with the height alone"
    for number, name in enumerate(body.names):
        if name.startswith("left"):
            other = body.names.index(name.replace("left", "right"))
            assert new.heads[number] * (-1, 1, 1) == pytest.approx(new.heads[other], abs=1e-9)
    assert new.soles.places[:, 2].min() == pytest.approx(0, abs=1e-9), "it stands on the ground"


@pytest.mark.parametrize("rig", ["Unity", "VRoid", "Mixamo", "Unreal", "Rigify", "MMD", "Cats"])
def test_names_of_every_rig(rig):
    names = RIGS[rig]
    middle, limbs = names[:-12], names[-12:]
    ones = [str(number) for number in range(6)]
    left, right = dict(zip(ones, limbs[::2], strict=True)), dict(zip(ones, limbs[1::2], strict=True))
    body = person(middle, "l{}", "r{}", ones)
    called = {f"l{one}": name for one, name in left.items()} | {f"r{one}": name for one, name in right.items()}
    body = Body(
        tuple(called.get(name, name) for name in body.names),
        body.parents,
        body.heads,
        body.origin,
        body.soles,
        body.top,
    )
    new, _ = fitted(body, {"arm": 0.6, "leg": 0.75})
    assert (new.lengths["arm"], new.lengths["leg"]) == pytest.approx((0.6, 0.75), abs=1e-9)


def test_an_avatar_at_its_own_lengths_stays():
    body = person(collars=True)
    found = fit(body, body.lengths)
    assert np.allclose(found.bones, np.eye(4), atol=1e-9) and found.scale == pytest.approx(1)


def test_twists_stretch_with_their_limb_and_hands_keep_their_shape():
    twist, finger = ("leftTwist", "leftUpperArm", (0.3, 0.03, 1.41)), ("leftFinger", "leftHand", (0.78, 0, 1.37))
    skirt = ("skirt", "hips", (0, 0.1, 0.9))
    body = person(extra=(twist, finger, skirt))
    new, found = fitted(body, {"arm": 0.8, "leg": 1.0})
    bones = {name: number for number, name in enumerate(body.names)}
    assert np.array_equal(found.bones[bones["leftTwist"]][:3, :3], found.bones[bones["leftUpperArm"]][:3, :3])
    for name in ("leftHand", "leftFinger", "leftFoot", "head", "skirt"):
        assert np.allclose(found.bones[bones[name]][:3, :3], np.eye(3)), name
    reach = new.heads[bones["leftFinger"]] - new.heads[bones["leftHand"]]
    assert reach == pytest.approx(np.subtract(finger[2], ARM[2]))


def test_what_cannot_be_is_refused():
    with pytest.raises(InputError, match="Arm Length: 500.0 cm is too far"):
        fit(person(), {"arm": 5.0})
    with pytest.raises(InputError, match="do not make up a height"):
        fit(person(), {"leg": 0.4, "torso": 0.3, "neck": 0.05, "height": 3.0})
    with pytest.raises(InputError, match="neck, head"):
        fit(person(("hips", "spine", "chest", "a", "b")), {"arm": 0.5})
    body = person()
    loose = body.parents.copy()
    loose[body.names.index("leftHand")] = 0
    with pytest.raises(InputError, match="leftHand does not hang on the bone leftLowerArm"):
        fit(Body(body.names, loose, body.heads, body.origin, body.soles, body.top), {"arm": 0.5})
    flat = Body(body.names, body.parents, body.heads * (1, 1, 0), body.origin, body.soles, body.top)
    with pytest.raises(InputError, match="no length"):
        fit(flat, {"arm": 0.5})
