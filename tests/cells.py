"""Cells and notebooks of a few lines, for tests that take notebooks apart."""


def markdown(text, *tags):
    return {"cell_type": "markdown", "id": f"m{abs(hash(text))}", "metadata": {"tags": list(tags)}, "source": text}


def code(text, *tags, printed=None):
    outputs = [] if printed is None else [{"output_type": "stream", "name": "stdout", "text": printed}]
    return {
        "cell_type": "code", "id": f"c{abs(hash(text))}", "metadata": {"tags": list(tags)}, "source": text,
        "outputs": outputs, "execution_count": 1,
    }  # fmt: skip


def notebook(*cells):
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}, "labelbook": {"code": "0"}}
    return {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
