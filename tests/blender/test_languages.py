"""Every word that the add-on says exists in every language, and comes out in the one that Blender is set to."""

import json
import os
import shutil
import string
import subprocess
from types import SimpleNamespace

import bpy
import pytest
import words
from helpers import ROOT, edit_glb, key_names, run, select

from blendshape_addon import summary
from blendshape_addon.blender import translations
from blendshape_addon.blender.translations import translate
from blendshape_addon.core.messages import Message
from blendshape_addon.core.vocabulary import VISEMES

LOCALES = ("ja_JP", "ko_KR", "zh_HANS")
NAMES = {"CPU", "CUDA (NVIDIA)", "Core ML (Apple)", "DirectML (Windows)", "Unified", "Unified Expressions", "VRM 1"}


def fields(template: str) -> list[tuple]:
    """The placeholders of a template, with how they are written."""
    return sorted((name, form) for _, name, form, _ in string.Formatter().parse(template) if name is not None)


@pytest.fixture(scope="module")
def every_word():
    return words.drawn_by_blender() | words.said()


def test_there_is_a_file_for_each_language():
    assert tuple(translations.tables()) == LOCALES


@pytest.mark.parametrize("locale", LOCALES)
def test_nothing_is_missing_and_nothing_is_left_over(every_word, locale):
    table = translations.tables()[locale]
    missing, stale = sorted(every_word - table.keys()), sorted(table.keys() - every_word)
    assert not missing, f"{len(missing)} strings are not in {locale}.toml: {missing}"
    assert not stale, f"{len(stale)} strings of {locale}.toml are said nowhere: {stale}"


@pytest.mark.parametrize("locale", LOCALES)
def test_translations_keep_what_is_filled_in(locale):
    table = translations.tables()[locale]
    assert {english for english, said in table.items() if english == said} <= NAMES
    assert sum(bool(fields(english)) for english in table) > 100
    assert [english for english, said in table.items() if fields(english) != fields(said)] == []
    assert [english for english, said in table.items() if said != said.strip() or not said] == []


def test_the_search_for_words_finds_what_there_is(every_word):
    assert len(every_word) > 400
    kinds = {
        "Generate Visemes", "Make the 15 VRChat visemes on the selected avatar", "If a Key Exists", "Fill If Empty",
        "Keep",
        "Parts of the Avatar", "{count} triangles turn inside out", "finding the face", "lid upper in",
        "{name} and 1 more object", "There is no mesh named “{name}”.",
    }  # fmt: skip
    assert kinds <= every_word


def test_no_words_are_put_together_before_they_are_translated():
    assert words.put_together() == []


@pytest.fixture
def speak(monkeypatch):
    """speak(locale): as in a Blender of that language, which Blender as a Python module cannot be."""

    def speak(locale: str) -> None:
        table = translations.tables()[locale]
        look_up = SimpleNamespace(pgettext_iface=lambda words: table.get(words, words))
        monkeypatch.setattr(translations, "bpy", SimpleNamespace(app=SimpleNamespace(translations=look_up)))

    return speak


def test_a_refusal_comes_in_the_language_of_blender(speak):
    with pytest.raises(RuntimeError, match="Nothing is selected"):
        bpy.ops.vrc_blendshape.generate_visemes()
    speak("ja_JP")
    with pytest.raises(RuntimeError, match="何も選択されていません"):
        bpy.ops.vrc_blendshape.generate_visemes()


def test_names_are_not_translated_and_sentences_in_sentences_are(speak, figure):
    speak("ja_JP")
    said = Message("Fixed {shape}, but a fault is left: {fault}.", shape="Face Skin", fault=Message("hardly moves"))
    assert translate(said) == "Face Skin を修正しましたが、まだ次の問題があります：ほとんど動きません。"
    figure["body"].name = "Emotions"
    select(figure["body"])
    bpy.ops.vrc_blendshape.check()
    sentences = [result.message for result in bpy.context.window_manager.vrc_blendshape.check_results]
    assert "「Emotions」にはまだリップシンクがありません。「リップシンクを生成」を押してください。" in sentences


def test_keys_keep_their_names_and_a_report_its_fields(speak, planted, source, tmp_path):
    path, reports = source("vrm"), []
    edit_glb(path, lambda document: document.update(extensions={"VRM": {"meta": {}}}))
    for locale in (None, "zh_HANS"):
        if locale:
            speak(locale)
        report = tmp_path / f"{locale}.json"
        run(path, "--output", tmp_path / "out.glb", "--shapes", "visemes", "--report", report)
        reports.append(json.loads(report.read_text(encoding="utf-8")))
        assert set(VISEMES) <= {name for obj in bpy.data.objects if obj.type == "MESH" for name in key_names(obj)}
    english, chinese = ({**one["avatars"][0], "seconds": 0} for one in reports)
    verdicts = english.pop("vrchat")["verdict"], chinese.pop("vrchat")["verdict"]
    assert verdicts == ("3 things to look at", "3 项需要查看")
    assert (english.pop("notes")[:1], chinese.pop("notes")[:1]) == (
        ["VRM settings (expressions, spring bones, licence) are not carried over: write a .vrm to keep them."],
        ["VRM 设置（表情、弹簧骨骼、许可证）不会保留：要保留请写成 .vrm。"],
    )
    assert english == chinese


def test_the_page_on_a_folder_speaks_and_its_table_does_not(speak):
    shape = {"name": "vrc.v_aa", "ok": False, "notes": ["hardly moves"]}
    rows = [summary.AvatarRow("a.fbx", summary.LOOK, shapes=[shape]), summary.AvatarRow("b.fbx", summary.WAITING)]
    speak("ko_KR")
    page = summary.page(
        rows, Message("Shape keys of {count} avatars: {folder}", count=2, folder="fine"), translate, "ko-KR"
    )
    for shown in ('lang="ko-KR"', "아바타 2개의 셰이프 키: fine", "확인 필요", "미처리", "셰이프 1개 중 0개 통과"):
        assert shown in page
    assert "look at it" in summary.table(rows) and not any("가" <= letter <= "힣" for letter in summary.table(rows))


def test_a_real_blender_says_it(tmp_path):
    """With a Blender that has languages: its own look-up, labels and tooltips, and a sentence."""
    blender = os.environ.get("VRC_BLENDER") or shutil.which("blender")
    if not blender:
        pytest.skip("There is no Blender on the path, nor in VRC_BLENDER; Blender as a Python module has no languages")
    script = ROOT / "tests" / "blender" / "in_languages.py"
    line = [blender, "-b", "--factory-startup", "--python-exit-code", "1", "--python", str(script)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)
    said = [json.loads(one.partition(" ")[2]) for one in done.stdout.splitlines() if one.startswith("SAID ")]
    assert [one["locale"] for one in said] == ["en_US", *LOCALES], done.stdout + done.stderr
    for one in said:
        table = translations.tables().get(one["locale"], {})
        for english, shown in one["words"].items():
            assert shown == table.get(english, english)
        refusal = "Nothing is selected: click the avatar's face mesh and try again."
        assert table.get(refusal, refusal) in one["refusal"]
