"""What several test files import: the chapters and comparisons that exist, and the root of the book."""

import pytest

from labelbook import chapters, resources

SLUGS = [chapter.slug for chapter in chapters.catalogue().written]
RUNNABLE = [entry.slug for entry in chapters.catalogue().runnable]  # the comparisons as well
ROOT = resources.checkout()


def every_chapter(function):
    """Run a test once for each written chapter."""
    return pytest.mark.parametrize("slug", SLUGS)(function)


def every_notebook(function):
    """Run a test once for each written chapter and comparison."""
    return pytest.mark.parametrize("slug", RUNNABLE)(function)
