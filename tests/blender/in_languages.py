"""Run by a real Blender: what the add-on says in each language, a line of JSON each."""

import json
import sys
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import blendshape_addon

blendshape_addon.register()
bpy.ops.object.select_all(action="DESELECT")
view = bpy.context.preferences.view
look_up = bpy.app.translations.pgettext_iface
for locale in ("en_US", "ja_JP", "ko_KR", "zh_HANS"):
    view.language = locale
    view.use_translate_interface = view.use_translate_tooltips = True
    try:
        bpy.ops.vrc_blendshape.check()
    except RuntimeError as error:
        refusal = str(error).strip()
    words = {
        "Generate Visemes": look_up("Generate Visemes", "Operator"),
        "Parts of the Avatar": look_up("Parts of the Avatar"),
        "Make the 15 VRChat visemes on the selected avatar": bpy.app.translations.pgettext_tip(
            "Make the 15 VRChat visemes on the selected avatar", "Operator"
        ),
    }
    print("SAID", json.dumps({"locale": locale, "words": words, "refusal": refusal}), flush=True)
blendshape_addon.unregister()
