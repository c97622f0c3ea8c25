"""Where files lie: in a checkout of the book first, in the installed package second."""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


class DataError(RuntimeError):
    """A file of the book is missing, unreadable or not the one it should be; the message says which and what to do."""


def checkout() -> Path | None:
    """The root of the checkout that this package was imported from, or None for an installed wheel."""
    root = _PACKAGE.parents[1]
    return root if (root / "book" / "catalogue.yml").is_file() else None


def _places() -> list[Path]:
    """Where files of the book may lie, the first choice first."""
    return [place for place in (checkout(), _PACKAGE / "_shipped") if place is not None]


def find(name: str) -> Path:
    """The path of `name` (relative to the root of the book, such as ``"book/catalogue.yml"``).

    A checkout wins over the copies inside the package: those were taken when the package was built and may be old.

    Raises:
        DataError: neither place has it.
    """
    for place in _places():
        if (place / name).exists():
            return place / name
    raise DataError(
        f"{name} is missing: looked in {', '.join(str(place) for place in _places())}. "
        "Restore it with `git checkout -- " + name + "` in a clone, or reinstall labelbook."
    )


def find_notebook(slug: str) -> Path | None:
    """The notebook of a chapter in whatever part it stands, or None; does not need the catalogue, and so costs little."""
    return next((path for place in _places() for path in place.glob(f"notebooks/*/{slug}.ipynb")), None)


def results_folder(profile: str) -> Path:
    """Where records of `profile` are written and read: `LABELBOOK_RESULTS`, else the checkout's, else `data/results` here."""
    base = os.environ.get("LABELBOOK_RESULTS")
    if base:
        return Path(base) / profile
    return (checkout() or Path.cwd()) / "data" / "results" / profile


def cache_folder() -> Path:
    """Where downloads are kept: the variable `LABELBOOK_CACHE`, else the user's cache folder."""
    if os.environ.get("LABELBOOK_CACHE"):
        return Path(os.environ["LABELBOOK_CACHE"])
    import pooch

    return Path(pooch.os_cache("labelbook"))


@functools.cache
def _checksums() -> dict[str, str]:
    lines = find("data/SHA256SUMS").read_text().splitlines()
    return {name: digest for digest, name in (line.split(maxsplit=1) for line in lines if line.strip())}


def verified(name: str) -> Path:
    """The path of an embedded data file, after its sha256 matched the one listed in `data/SHA256SUMS`.

    Raises:
        DataError: the file is missing, cannot be read, is not listed, or differs from what the list says.
    """
    path = find(name)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror or error}). Check its permissions and the disk."
        ) from error
    expected = _checksums().get(name.removeprefix("data/"))
    if expected is None:
        raise DataError(f"{path} is not listed in data/SHA256SUMS. Add its sha256 there before using it.")
    if hashlib.sha256(content).hexdigest() != expected:
        raise DataError(
            f"{path} is damaged: {len(content):,} bytes whose sha256 is not the listed one. "
            f"Restore it with `git checkout -- {name}` in a clone, or reinstall labelbook."
        )
    return path


def downloaded(name: str, address: str, sha256: str, *, title: str, instead: str) -> bytes:
    """The bytes of a file that is downloaded once into the cache; on every read they must have this sha256.

    Args:
        name: where it lies in the cache folder.
        title: what messages call it.
        instead: what to put where if there is no network; ends the message.

    Raises:
        DataError: the file cannot be downloaded, or is not the one that it should be; says which and what to do.
    """
    path = cache_folder() / name
    if not path.is_file():
        import pooch

        pooch.get_logger().setLevel("WARNING")  # it would write the machine's paths into the reader's page
        try:
            pooch.retrieve(address, known_hash=f"sha256:{sha256}", path=path.parent, fname=path.name, progressbar=False)
        except Exception as error:  # pooch passes on whatever the network layer raised
            raise DataError(f"{title} could not be downloaded ({type(error).__name__}). {instead}") from error
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DataError(
            f"{path} is damaged: {len(content):,} bytes whose sha256 is not the listed one. Delete it and try again."
        )
    return content
