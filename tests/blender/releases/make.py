"""`python tests/blender/releases/make.py FOLDER`: the files of a release that later ones must still read.

It runs in the Blender environment with the code of that release on PYTHONPATH, and uses only what every version has:
operators, and properties in .blend files.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import bpy
import numpy as np

FACE = Path(__file__).resolve().parents[2] / "faces" / "proxy.npz"
_HEAD = 0.36  # metres of the figure that are kept, from the crown down
_STRAY = ("smile", "vrc.v_ch")  # the creator's own keys, the second by the name of one that is generated


def main() -> None:
    """Write avatar.blend and avatar.fbx."""
    parser = argparse.ArgumentParser(description="Make the files of a release for the tests of later ones.")
    parser.add_argument("folder", type=Path, help="where the files go")
    folder = parser.parse_args().folder
    import blendshape_addon

    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    blendshape_addon.register()
    body, tongue, brows, hair = _figure()
    _materials(body)
    for name in _STRAY:
        _own_key(body, name)
    _tune(body)
    settings = bpy.context.scene.vrc_blendshape
    settings.intensity, settings.existing, settings.emotion = 0.9, "FILL", "joy"
    buttons = bpy.ops.vrc_blendshape
    buttons.recognise()
    buttons.correct_part(object=hair.name, part="OTHER")
    buttons.correct_part(object=tongue.name, part="TONGUE")
    # What lies on the skin had another name in the first release; the list of choices keeps its order.
    choices = [item.identifier for item in buttons.correct_part.get_rna_type().properties["part"].enum_items]
    buttons.correct_part(object=brows.name, part=choices[choices.index("OTHER") - 1])
    buttons.correct_part(object=body.name, material="Crown", part="FACE")
    buttons.edit_landmarks()
    buttons.generate_all(intensity=settings.intensity)
    buttons.add_aliases(convention="MMD")
    body.data.shape_keys.key_blocks["fun"].data[3].co.x += 0.01  # edited: it is the creator's from now on
    folder.mkdir(parents=True, exist_ok=True)
    bpy.ops.wm.save_as_mainfile(filepath=str((folder / "avatar.blend").resolve()), compress=True, check_existing=False)
    buttons.export_fbx(filepath=str((folder / "avatar.fbx").resolve()))


def _figure() -> list[bpy.types.Object]:
    """The head of the face that ships with the tests, its tongue, brows before the skin and a cap of hair; the head is
    active."""
    with np.load(FACE, allow_pickle=False) as file:
        vertices, triangles, part = (file[name] for name in ("vertices", "triangles", "part_id"))
        brow = [str(name).startswith("brow") for name in file["landmarks"]]
        brow = file["landmark_vertices"][brow]
    points = vertices.astype(float)[:, [0, 2, 1]] * (1, -1, 1)
    high = points[:, 2] > points[:, 2].max() - _HEAD
    triangles = triangles[high[triangles].all(1)]
    objects = [_mesh(name, points, triangles[(part[triangles] == number).all(1)])
               for number, name in enumerate(("Body", "Tongue"))]  # fmt: skip
    on_brow = triangles[np.isin(triangles, brow).any(1)]
    objects.append(_mesh("Brows", points + (0, -0.001, 0), on_brow))
    crown = points[:, 2] > points[:, 2].max() - 0.08
    middle = points[crown].mean(0)
    objects.append(_mesh("Hair", (points - middle) * 1.1 + middle, triangles[crown[triangles].all(1)]))
    for obj in objects[1:]:
        obj.parent = objects[0]
    bpy.ops.object.select_all(action="DESELECT")
    objects[0].select_set(True)
    bpy.context.view_layer.objects.active = objects[0]
    return objects


def _mesh(name: str, points: np.ndarray, triangles: np.ndarray) -> bpy.types.Object:
    used, local = np.unique(triangles, return_inverse=True)
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(points[used].tolist(), [], local.reshape(-1, 3).tolist())
    obj = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(obj)
    return obj


def _materials(body: bpy.types.Object) -> None:
    """Two materials, so that the parts of the head can be distinguished."""
    for name in ("Skin", "Crown"):
        body.data.materials.append(bpy.data.materials.new(name))
    top = max(vertex.co.z for vertex in body.data.vertices)
    for polygon in body.data.polygons:
        polygon.material_index = int(polygon.center.z > top - 0.05)


def _own_key(body: bpy.types.Object, name: str) -> None:
    if body.data.shape_keys is None:
        body.shape_key_add(name="Basis", from_mix=False)
    key = body.shape_key_add(name=name, from_mix=False)
    key.data[0].co.x += 0.01
    key.value = 0.0


def _tune(body: bpy.types.Object) -> None:
    """Something of everything that the Tuning panels keep."""
    for name, above in (("all", -1.0), ("left", 0.0)):
        group = body.vertex_groups.new(name=name)
        group.add([vertex.index for vertex in body.data.vertices if vertex.co.x > above], 1.0, "REPLACE")
    kept = body.vrc_blendshape
    kept.strength_visemes, kept.strength_joy, kept.asymmetric = 0.75, 1.25, True
    kept.mask, kept.mask_sorrow = "all", "left"
    for preset in ("natural", "anime"):
        recipe = kept.recipes.add()
        recipe.name, recipe.preset, recipe.opening = "vrc.v_ff", preset, 0.125
        for word, weight in (("learned", 0.5), ("mouthPress", 0.25)):
            part = recipe.parts.add()
            part.word, part.weight = word, weight


if __name__ == "__main__":
    main()
