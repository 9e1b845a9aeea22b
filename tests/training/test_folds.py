"""Folds are trained beside each other, and each is what it is when trained alone."""

import patches
import pytest
import torch

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.inference import registry
from training.config import ModelConfig, TrainConfig
from training.data import rigs
from training.deformer import weights
from training.deformer.train import train
from training.evaluation import folds
from training.learning import checkpoint

TINY = TrainConfig(
    steps=3, batch=2, vertices=30, warmup=1, save_every=0, sheet_every=0, model=ModelConfig(width=16, blocks=1)
)


@pytest.mark.skipif(not rigs.data_folder().is_dir(), reason="a card names the rigs, and there are none")
def test_missing_deformers_are_trained_two_at_a_time_and_those_that_are_there_stay(tmp_path, capsys):
    dataset, work = patches.folder(tmp_path / "dataset"), tmp_path / "train"
    folds.train_missing(("anna", "bert"), work, TINY, 2)
    assert "without anna or bert" in capsys.readouterr().out
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    alone = checkpoint.load(train(TINY, dataset, tmp_path / "alone.safetensors", "anna"))[0]["model"]
    torch.set_num_threads(threads)
    one = checkpoint.load(work / "without_anna" / weights.FILE)[0]["model"]
    assert one.keys() == alone.keys() and all(torch.equal(one[name], alone[name]) for name in one)
    assert registry.load("deformer", folds.models_of("anna", work)).card["kind"] == "deformer"
    capsys.readouterr()
    folds.train_missing(("anna", "bert"), work, TINY, 2)
    assert capsys.readouterr().out == ""


def test_what_a_fold_cannot_be_trained_on_is_reported(tmp_path):
    with pytest.raises(InputError, match="prepare"):
        folds.train_missing(("anna",), tmp_path / "train", TINY, 1)
