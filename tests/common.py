"""What several test files import: the chapters that exist, and the root of the book."""

import pytest

from labelbook import chapters, resources

SLUGS = [chapter.slug for chapter in chapters.catalogue().written]
ROOT = resources.checkout()


def every_chapter(function):
    """Run a test once for each written chapter."""
    return pytest.mark.parametrize("slug", SLUGS)(function)
