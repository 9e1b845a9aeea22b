"""What a creator wants otherwise of one avatar, kept with the object that carries its face."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import bpy
import numpy as np

from ...core.errors import InputError
from ...core.style import recipe_file
from ...core.style.parameters import STYLE
from ...core.style.recipe_file import OPENS, Document
from ...core.style.tuning import EVERY, Setting, Tuning
from ...core.vocabulary import GROUPS, KNOWN_SHAPES, VISEMES
from .. import session
from ..mesh_objects import copies, group_weights
from . import migration

Object = bpy.types.Object
_ROUNDED = 5  # decimals of a weight that Blender keeps in single precision


def strength_of(name: str) -> str:
    """The property that holds the strength of a shape or of a group of vocabulary.GROUPS."""
    return f"strength_{name.replace('.', '_')}"


def mask_of(name: str) -> str:
    """The property that holds the vertex group of a shape, or of EVERY one."""
    return f"mask_{name.replace('.', '_')}" if name else "mask"


def _changed(name: str = "") -> Callable[[bpy.types.PropertyGroup, bpy.types.Context], None]:
    """What Blender calls as a setting of a shape or a group is changed, of all shapes where the name is empty."""

    def tell(self, context) -> None:
        _tell(context, name)

    return tell


def _recipe_changed(self, context) -> None:
    """What Blender calls as a recipe or one of its parts is changed."""
    path = self.path_from_id()
    _tell(context, self.id_data.path_resolve(path.partition(".parts")[0]).name)


def _tell(context, name: str) -> None:
    if session.exists() and (told := session.current().on_tuned):
        told(context, name)


@contextmanager
def untold() -> Iterator[None]:
    """While much is changed at once, nobody is told of each step."""
    if not session.exists():
        yield
        return
    held = session.current()
    told, held.on_tuned = held.on_tuned, None
    try:
        yield
    finally:
        held.on_tuned = told


def _words(self, context, text: str) -> list[str]:
    return list(recipe_file.words())


class RecipePart(bpy.types.PropertyGroup):
    """One word of a recipe and its weight."""

    word: bpy.props.StringProperty(
        name="Part",
        description="What it is made of: learned, an ARKit unit (mouthSmile is both sides), a viseme or an emotion",
        search=_words,
        update=_recipe_changed,
    )
    weight: bpy.props.FloatProperty(
        name="Weight", description="Weight of this part in the recipe", soft_min=-1.0, soft_max=2.0, step=5,
        update=_recipe_changed,
    )  # fmt: skip


class Recipe(bpy.types.PropertyGroup):
    """What a viseme or an emotion (its name) is made of in one style."""

    preset: bpy.props.StringProperty()
    parts: bpy.props.CollectionProperty(type=RecipePart)
    opening: bpy.props.FloatProperty(
        name="Mouth Opening",
        description="How far the lips part, in widths of the mouth; 0: as far as the parts open them",
        min=0.0,
        max=1.0,
        update=_recipe_changed,
    )


def _strength(name: str) -> bpy.props.FloatProperty:
    return bpy.props.FloatProperty(
        name="Strength",
        description="Strength, multiplied by Intensity. Above 1, lips and lids still close where they must",
        default=1.0,
        min=0.0,
        max=STYLE.max_strength,
        update=_changed(name),
    )


def _mask(name: str) -> bpy.props.StringProperty:
    return bpy.props.StringProperty(
        name="Mask",
        description="A vertex group: the motion of each vertex is scaled by its weight. The mask of a shape is used "
        "in place of the mask of all shapes; objects of the avatar without this group are not masked",
        update=_changed(name),
    )


class TuningProperties(bpy.types.PropertyGroup):
    """Object.vrc_blendshape, saved and appended with it: besides what stands here, the strength of each group, the
    strength and the mask of each shape, and the mask of all."""

    asymmetric: bpy.props.BoolProperty(
        name="Asymmetry",
        description="Keep differences between left and right. Off: both halves of a symmetric face move alike",
        update=_changed(),
    )
    recipes: bpy.props.CollectionProperty(type=Recipe)


# Blender wants every property by name: those of 75 shapes are written down by a loop.
TuningProperties.__annotations__ |= {strength_of(name): _strength(name) for name in (*GROUPS, *KNOWN_SHAPES)}
TuningProperties.__annotations__ |= {mask_of(name): _mask(name) for name in (EVERY, *KNOWN_SHAPES)}


def holder(objects: Iterable[Object], face: Object) -> Object:
    """The one of `objects` that something is kept with, else `face`."""
    return next((obj for obj in objects if migration.has_group(obj)), face)


def read(objects: Sequence[Object]) -> Tuning:
    """What is kept with the avatar of `objects`, the masks for what mesh_io.read makes of them.

    Raises InputError for a vertex group that none of them has.
    """
    obj = holder(objects, objects[0])
    props = obj.vrc_blendshape
    names = (*GROUPS, *KNOWN_SHAPES)
    strengths = {name: getattr(props, strength_of(name)) for name in names}
    groups = {name: getattr(props, mask_of(name)) for name in (EVERY, *KNOWN_SHAPES)}
    masks = {group: _mask_values(objects, group) for group in set(groups.values()) - {""}}
    return Tuning(
        {name: round(strength, _ROUNDED) for name, strength in strengths.items() if strength != 1},
        {name: masks[group] for name, group in groups.items() if group},
        changes(props),
        props.asymmetric,
    )


def note_made(obj: Object, names: Iterable[str], tuning: Tuning) -> None:
    """Store with the keys of `obj` what tuning the shapes `names` were made with."""
    keys = obj.data.shape_keys
    made = {name: tuning.of_shape(name) for name in names}
    migration.put(keys, migration.TUNED, migration.read_table(keys, migration.TUNED) | made)


def made_with(obj: Object) -> dict[str, dict[str, Setting]]:
    """What note_made stored, by shape."""
    return {name: dict(made) for name, made in migration.read_table(obj.data.shape_keys, migration.TUNED).items()}


def strength_in(settings: Mapping[str, Setting], name: str) -> float:
    """Of the shape `name`, in what note_made stored of it."""
    return Tuning({key: value for key, value in settings.items() if type(value) is float}).strength(name)


def mask_groups(obj: Object) -> set[str]:
    """The vertex groups that mask shapes of the avatar whose tuning is kept with `obj`."""
    return {getattr(obj.vrc_blendshape, mask_of(name)) for name in (EVERY, *KNOWN_SHAPES)} - {""}


def move(holder: Object, obj: Object) -> None:
    """Keep with `obj`, in place of what it has, what is kept with `holder`, and nothing with that any more."""
    source, target = holder.vrc_blendshape, obj.vrc_blendshape
    with untold():
        _copy(source, target)
    for prop in source.bl_rna.properties:
        source.property_unset(prop.identifier)


def _copy(source: bpy.types.PropertyGroup, target: bpy.types.PropertyGroup) -> None:
    for prop in source.bl_rna.properties:
        if prop.type == "COLLECTION":
            getattr(target, prop.identifier).clear()
            for item in getattr(source, prop.identifier):
                _copy(item, getattr(target, prop.identifier).add())
        elif not prop.is_readonly and source.is_property_set(prop.identifier):
            setattr(target, prop.identifier, getattr(source, prop.identifier))


def changes(props: TuningProperties) -> Document:
    """The avatar's own recipes."""
    document: dict[str, dict] = {}
    for recipe in props.recipes:
        table = document.setdefault(recipe.preset, {})
        weights: dict[str, float] = {}
        for part in recipe.parts:
            weights[part.word] = round(weights.get(part.word, 0.0) + part.weight, _ROUNDED)
        table[recipe.name] = weights
        if recipe.name in VISEMES:
            table.setdefault(OPENS, {})[recipe.name] = round(recipe.opening, _ROUNDED)
    return document


def recipe(props: TuningProperties, preset: str, shape: str) -> Recipe | None:
    """The avatar's own recipe of `shape` in a style; None where it has none."""
    return next((own for own in props.recipes if (own.preset, own.name) == (preset, shape)), None)


def put_recipe(
    props: TuningProperties, preset: str, shape: str, weights: Mapping[str, float], opening: float
) -> Recipe:
    """Give the avatar a recipe of its own, in place of the one that it has."""
    own = recipe(props, preset, shape) or props.recipes.add()
    own.name, own.preset, own.opening = shape, preset, opening
    own.parts.clear()
    for word, weight in weights.items():
        part = own.parts.add()
        part.word, part.weight = word, weight
    return own


def remove_recipe(props: TuningProperties, own: Recipe) -> None:
    """Let the avatar follow the style again."""
    props.recipes.remove(next(number for number, other in enumerate(props.recipes) if other == own))


def _mask_values(objects: Sequence[Object], name: str) -> np.ndarray:
    """(V,) float32 weights of the vertices of all `objects` in their vertex group `name`; 1 on objects without it."""
    if not any(name in obj.vertex_groups for obj in objects):
        raise InputError("No object of this avatar has the vertex group “{name}”: choose another mask.", name=name)
    return np.concatenate([np.tile(group_weights(obj, name), copies(obj)) for obj in objects])


CLASSES = (RecipePart, Recipe, TuningProperties)


def register() -> None:
    """On the command line too, where the add-on itself may not be registered; once is enough."""
    if not hasattr(Object, "vrc_blendshape"):
        for cls in CLASSES:
            bpy.utils.register_class(cls)
        Object.vrc_blendshape = bpy.props.PointerProperty(type=TuningProperties)


def unregister() -> None:
    if hasattr(Object, "vrc_blendshape"):
        del Object.vrc_blendshape
        for cls in reversed(CLASSES):
            bpy.utils.unregister_class(cls)
