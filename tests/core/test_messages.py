"""Messages that know what they were made of."""

import copy
import json
import pickle

import pytest

from blendshape_addon.core.errors import FaceNotFound, InputError
from blendshape_addon.core.messages import Message, join_messages


def test_a_message_is_its_english_text():
    sentence = Message("{count} keys of “{name}”, {share:.0%}.", count=3, name="{Body}", share=0.5)
    assert sentence == "3 keys of “{Body}”, 50%."
    assert json.dumps([sentence]) == json.dumps(["3 keys of “{Body}”, 50%."])
    assert Message("as { jawOpen = 0.1 } is.") == "as { jawOpen = 0.1 } is."
    assert join_messages([sentence, Message("b")]) == f"{sentence}; b"


@pytest.mark.parametrize("again", [copy.deepcopy, lambda sentence: pickle.loads(pickle.dumps(sentence))])
def test_a_copy_knows_as_much(again):
    inner = Message("why {x}", x="{")
    copied = again(Message("because {inner}", inner=inner))
    assert copied == "because why {" and copied.template == "because {inner}"
    assert copied.values["inner"].template == "why {x}"


def test_an_error_keeps_its_message_and_can_be_part_of_another():
    inner = FaceNotFound("No face in {file}.", guess=7, file="a{b}.fbx")
    assert (str(inner), inner.message.template, inner.guess) == ("No face in a{b}.fbx.", "No face in {file}.", 7)
    assert str(InputError("{name}: {reason}", name="x", reason=inner)) == "x: No face in a{b}.fbx."
    assert InputError(inner.message).message is inner.message
