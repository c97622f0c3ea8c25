"""One loader a data set. All return tensors on the device that they are asked for, with the names of the classes.

Sources are tried in this order: embedded (in the book, in an installed package, or generated), downloaded once and
verified, your own copy. Datasheets lie beside the embedded files, in `data/`.
"""

from ._types import LabelledImages, Table
from .california import california_housing
from .cifar import cifar10n
from .fashion import fashion_mnist
from .tables import diabetes, digits

__all__ = ["LabelledImages", "Table", "california_housing", "cifar10n", "diabetes", "digits", "fashion_mnist"]
