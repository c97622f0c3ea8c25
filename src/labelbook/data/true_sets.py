"""Human judgements of two sets of TRUE: is an answer, or a summary, borne out by its source?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .. import resources

BEGIN_PARTS = ("wow test", "wow dev", "cmu-dog dev")
FILE = "data/true/true.npz"


@dataclass(frozen=True)
class Answers:
    """Machines' answers in a dialogue, each with the text that it should rest on.

    `knowledge`, `responses` and `systems` (the machine's name) are strings, one an answer; `labels` int64 [N] is
    people's judgement: 0 not fully attributable to the knowledge, 1 fully, 2 generic. `similarity` float32 [N,1+2P]
    are MiniLM cosines, with an error of up to 0.004: of the response with its knowledge, then with the two texts of
    each pair in `prompts`, the first of which describes label 0.
    """

    knowledge: tuple[str, ...]
    responses: tuple[str, ...]
    systems: tuple[str, ...]
    labels: Tensor
    similarity: Tensor
    prompts: tuple[tuple[str, str], ...]
    names: tuple[str, ...]
    origin: str

    def __len__(self):
        return len(self.responses)


@dataclass(frozen=True)
class Summaries:
    """Machine-made summaries of news, each judged by three people and by programs.

    `texts` and `systems` are strings, one a summary; `articles` int64 [N] numbers the article. `faithful` int64 [N,3]:
    1 where that person saw nothing in the summary that the article does not say; `factual` int64 [N,3]: 1 where that
    person calls it true, whatever the article says; -1 in either where the answer is missing. `scores` float32 [N,5]
    are the programs', named in `score_names`.
    """

    texts: tuple[str, ...]
    systems: tuple[str, ...]
    articles: Tensor
    faithful: Tensor
    factual: Tensor
    scores: Tensor
    score_names: tuple[str, ...]
    origin: str

    def __len__(self):
        return len(self.texts)


def begin(part: str = "wow test", *, device="cpu") -> Answers:
    """The answers of BEGIN about Wikipedia (3,607 in "wow test", 430 in "wow dev") or films (416 in "cmu-dog dev").

    Raises:
        DataError: the embedded file is missing or damaged; says what to do.
        ValueError: unknown part.
    """
    if part not in BEGIN_PARTS:
        raise ValueError(f"BEGIN has the parts {', '.join(BEGIN_PARTS)}, not {part!r}")
    with np.load(resources.verified(FILE), allow_pickle=False) as archive:
        rows = np.flatnonzero(archive["begin_part"] == BEGIN_PARTS.index(part))
        sources, responses = (_lines(archive[name]) for name in ("begin_sources", "begin_responses"))
        place, systems = archive["begin_source"][rows], archive["begin_systems"][archive["begin_system"][rows]]
        labels = torch.from_numpy(archive["begin_labels"][rows].astype(np.int64)).to(device)
        similarity = torch.from_numpy(archive["begin_similarity"][rows] / np.float32(127)).to(device)
        prompts = tuple(tuple(pair) for pair in archive["begin_prompts"].tolist())
    return Answers(
        tuple(sources[i] for i in place),
        tuple(responses[i] for i in rows),
        tuple(systems.tolist()),
        labels,
        similarity,
        prompts,
        ("not fully attributable", "fully attributable", "generic"),
        f"BEGIN, {part} (CC BY 4.0)",
    )


def xsum_judgements(*, device="cpu") -> Summaries:
    """1,992 summaries of 498 articles of XSum by four machines, each judged by three people.

    Raises:
        DataError: the embedded file is missing or damaged; says what to do.
    """
    with np.load(resources.verified(FILE), allow_pickle=False) as archive:
        numbers = [
            torch.from_numpy(archive[f"xsum_{name}"].astype(np.int64)).to(device)
            for name in ("article", "faithful", "factual")
        ]
        return Summaries(
            tuple(_lines(archive["xsum_summaries"])),
            tuple(archive["xsum_systems"][archive["xsum_system"]].tolist()),
            *numbers,
            torch.from_numpy(archive["xsum_scores"]).to(device),
            tuple(archive["xsum_score_names"].tolist()),
            "Hallucination annotations of XSum summaries (CC BY 4.0)",
        )


def _lines(text: np.ndarray) -> list[str]:
    return text.tobytes().decode().split("\n")
