"""A layout that knows how wide Blender would make what panels draw into it, and what of the words would not fit.

It follows Blender's own rules (editors/interface: interface_layout.cc, interface_widgets.cc) at the default size of the
user interface, rounded so that words that fit here fit there; blf measures in Blender's own font.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace

import blf

SIDEBAR = 280  # pixels: UI_SIDEBAR_PANEL_WIDTH
CONTENT = 235  # of that what panels draw into, beside the tabs and the margins; as on a screenshot
_UNIT = 20  # pixels of a button's height, of an icon
_PADDING = 5  # of a box, between unaligned columns, and beside text that is cut
_MARGIN = 8  # left of text that is aligned to the left
_WIDE = 10 * _UNIT  # what each widget with words asks for in a row, however long they are, so that all get the same
_POINTS = 11
_DRAWN = 1.035  # Latin letters are drawn that much wider than they measure, by screenshots; Japanese ones are not


@dataclass
class Clipped:
    """Words that do not fit: pixels that they need and have."""

    words: str
    needs: float
    has: float


def width_of(words: str) -> float:
    blf.size(0, _POINTS)
    return blf.dimensions(0, words)[0] * (_DRAWN if words.isascii() else 1.0)


@dataclass
class _Item:
    """Words and what stands beside them in the same widget."""

    words: str
    beside: float = 0.0

    @property
    def natural(self) -> float:
        return _WIDE if self.words else _UNIT

    def clipped(self, width: float) -> list[Clipped]:
        has = width - self.beside - _PADDING
        needs = width_of(self.words)
        return [Clipped(self.words, needs, has)] if self.words and needs > has else []


@dataclass
class Layout:
    """`look_up` translates what Blender translates by itself."""

    look_up: Callable[[str], str]
    kind: str = "column"
    factor: float = 0.0
    columns: int = 1
    use_property_split: bool = False
    children: list = field(default_factory=list)
    # what is set and changes no width
    use_property_decorate: bool = False
    enabled: bool = True
    active: bool = True
    alert: bool = False
    scale_x: float = 1.0
    scale_y: float = 1.0
    alignment: str = "EXPAND"
    operator_context: str = ""
    ui_units_x: float = 0.0
    emboss: str = ""

    def _inside(self, kind: str, **more) -> Layout:
        inside = Layout(self.look_up, kind, use_property_split=self.use_property_split, **more)
        self.children.append(inside)
        return inside

    def row(self, align: bool = False, **_) -> Layout:
        return self._inside("row")

    def column(self, align: bool = False, **_) -> Layout:
        return self._inside("column")

    def box(self) -> Layout:
        return self._inside("box")

    def split(self, factor: float = 0.5, align: bool = False) -> Layout:
        return self._inside("split", factor=factor)

    def grid_flow(self, columns: int = 2, **_) -> Layout:
        return self._inside("grid", columns=columns)

    def separator(self, *_, **__) -> None:
        pass

    def panel_prop(self, data, name: str) -> tuple[Layout, Layout | None]:
        header, body = self._inside("row"), self._inside("column")
        header.children.append(_Item(""))  # the arrow
        return header, body if getattr(data, name) else None

    def template_icon(self, *_, **__) -> None:
        pass

    def _words(self, text: str, translate: bool) -> str:
        return self.look_up(text) if translate else text

    def label(self, text: str = "", icon: str = "NONE", translate: bool = True, icon_value: int = 0) -> None:
        beside = _MARGIN + (_UNIT if icon != "NONE" or icon_value else 0)
        self.children.append(_Item(self._words(text, translate), beside))

    def progress(self, factor: float = 0.0, text: str = "", translate: bool = True, **_) -> None:
        self.children.append(_Item(self._words(text, translate)))

    def operator(
        self, idname: str, text: str | None = None, icon: str = "NONE", translate: bool = True, icon_value: int = 0, **_
    ) -> SimpleNamespace:
        if text is None:
            text, translate = _label_of(idname), True
        self.children.append(_Item(self._words(text, translate), _UNIT if icon != "NONE" or icon_value else 0))
        return SimpleNamespace()

    def operator_menu_enum(self, idname: str, prop: str, text: str | None = None, **more) -> SimpleNamespace:
        return self.operator(idname, text, **more)

    def prop(
        self, data, name: str, text: str | None = None, icon: str = "NONE", translate: bool = True, **_
    ) -> None:  # fmt: skip
        prop = data.bl_rna.properties[name]
        label = self.look_up(prop.name) if text is None else self._words(text, translate)
        beside = _MARGIN + (_UNIT if icon != "NONE" else 0)
        target: Layout = self
        if self.use_property_split and label:
            target = self._inside("split", factor=0.4)
            target.children.append(_Item("" if prop.type == "BOOLEAN" else label, _PADDING))
            if prop.type != "BOOLEAN":
                label = ""
        if prop.type == "ENUM":
            value = self.look_up(prop.enum_items[getattr(data, name)].name)
            if label:  # Blender draws both into one button
                value = f"{label}: {value}"
            target.children.append(_Item(value, beside + _UNIT))
        elif prop.type == "BOOLEAN":
            target.children.append(_Item(label, beside + (_UNIT if icon == "NONE" else 0)))
        else:
            target.children.append(_Item(f"{label} 1.000" if label else "1.000", beside))

    def prop_search(self, data, name: str, among, collection: str, text: str | None = None, **more) -> None:
        self.prop(data, name, text, **more)

    @property
    def natural(self) -> float:
        each = [child.natural for child in self.children] or [0.0]
        inside = 2 * _PADDING if self.kind == "box" else 0
        if self.kind == "row":
            return sum(each)
        return max(each) * (self.columns if self.kind == "grid" else 2 if self.kind == "split" else 1) + inside

    def clipped(self, width: float) -> list[Clipped]:
        """What does not fit where this is `width` pixels wide."""
        found = []
        for child, room in zip(self.children, self._widths(width), strict=True):
            found += child.clipped(room)
        return found

    def _widths(self, width: float) -> list[float]:
        if self.kind == "box":
            width -= 2 * _PADDING
        if self.kind == "grid":
            return [width / self.columns] * len(self.children)
        if self.kind == "split":
            first, rest = width * self.factor, len(self.children) - 1
            return [first, *[(width - first) / max(rest, 1)] * rest]
        if self.kind == "row":
            fixed = [not isinstance(child, Layout) and not child.words for child in self.children]
            room = width - _UNIT * sum(fixed)
            total = sum(child.natural for child, small in zip(self.children, fixed, strict=True) if not small) or 1.0
            shares = [room * child.natural / total for child in self.children]
            return [_UNIT if small else share for share, small in zip(shares, fixed, strict=True)]
        return [width] * len(self.children)


def _label_of(idname: str) -> str:
    import bpy

    return getattr(bpy.ops.vrc_blendshape, idname.partition(".")[2]).get_rna_type().name
