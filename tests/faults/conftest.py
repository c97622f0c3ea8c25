import pytest
from faults.tiny_book import TinyBook

from labelbook import chapters, execute, resources


@pytest.fixture
def book(tmp_path):
    return TinyBook(tmp_path)


@pytest.fixture
def run(book, monkeypatch):
    """`run_chapters` on the tiny book, from this process; gives the outcomes by slug."""
    for name, value in book.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("LABELBOOK_RESULTS", raising=False)
    monkeypatch.setattr(resources, "_PACKAGE", book.root / "src" / "labelbook")

    def run_chapters(*slugs, profile="smoke", **options):
        chapters.catalogue.cache_clear()
        return {o.slug: o for o in execute.run_chapters(slugs, profile, **options)}

    yield run_chapters
    chapters.catalogue.cache_clear()
