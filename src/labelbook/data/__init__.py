"""One loader a data set. All return tensors on the device that they are asked for, with the names of the classes.

Sources are tried in this order: embedded (in the book, in an installed package, or generated), downloaded once and
verified, your own copy. Datasheets lie beside the embedded files, in `data/`.
"""

from ._types import LabelledImages, LabelledMasks, Table
from .adult import adult
from .blood import BoxedImages, blood_cells
from .california import california_housing
from .camvid import camvid
from .cifar import cifar10n
from .complaints import Complaints, online_complaints
from .eeg import Signals, eeg
from .fashion import fashion_mnist
from .forms import Document, Documents, rendered_forms
from .label_errors import VotedLabels, label_error_votes, label_errors
from .left_atrium import Slices, left_atrium
from .mail_vectors import MailVectors, mail_vectors
from .movielens import Ratings, movielens
from .openclipart import Drawings, openclipart
from .planetoid import CitationGraph, citation_graph
from .receipts import receipts
from .reviews import Reviews, clothing_reviews
from .tables import diabetes, digits
from .texts import LabelledTexts, mails, sst2
from .true_sets import Answers, Summaries, begin, xsum_judgements

__all__ = [
    "Answers",
    "BoxedImages",
    "CitationGraph",
    "Complaints",
    "Document",
    "Documents",
    "Drawings",
    "LabelledImages",
    "LabelledMasks",
    "LabelledTexts",
    "MailVectors",
    "Ratings",
    "Reviews",
    "Signals",
    "Slices",
    "Summaries",
    "Table",
    "VotedLabels",
    "adult",
    "begin",
    "blood_cells",
    "california_housing",
    "camvid",
    "cifar10n",
    "citation_graph",
    "clothing_reviews",
    "diabetes",
    "digits",
    "eeg",
    "fashion_mnist",
    "label_error_votes",
    "label_errors",
    "left_atrium",
    "mail_vectors",
    "mails",
    "movielens",
    "online_complaints",
    "openclipart",
    "receipts",
    "rendered_forms",
    "sst2",
    "xsum_judgements",
]
