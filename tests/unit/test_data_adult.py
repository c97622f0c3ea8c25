"""Adult: what the loader gives, and what it says when the file is not what it should be."""

import shutil

import numpy as np
import pytest

from labelbook import data, resources
from labelbook.resources import DataError


def test_the_table_is_the_known_one():
    table = data.adult()
    assert table.inputs.shape == (12_000, len(table.names))
    assert len(set(table.names)) == len(table.names)
    assert set(np.unique(table.targets)) == {0.0, 1.0}
    assert 0.22 < table.targets.mean() < 0.26
    age, hours = (table.inputs[:, table.names.index(name)] for name in ("age", "hours-per-week"))
    assert 16 <= age.min() < age.max() <= 90
    assert 1 <= hours.min() < hours.max() <= 99
    # Every person has one category of each of the seven properties.
    properties = {name.split(": ")[0] for name in table.names if ": " in name}
    assert len(properties) == 7
    for one in properties:
        columns = [i for i, name in enumerate(table.names) if name.startswith(f"{one}: ")]
        assert (table.inputs[:, columns].sum(1) == 1).all()
    husbands = table.inputs[:, table.names.index("relationship: Husband")] == 1
    assert table.targets[husbands].mean() > 0.4 > table.targets[~husbands].mean()


def test_a_damaged_file_is_named_and_never_used(tmp_path, monkeypatch):
    shutil.copytree(resources.find("data/adult"), tmp_path / "data" / "adult")
    shutil.copy(resources.find("data/SHA256SUMS"), tmp_path / "data")
    monkeypatch.setattr(resources, "checkout", lambda: tmp_path)
    path = tmp_path / "data" / "adult" / "adult.npz"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(DataError, match=r"adult.npz is damaged.*git checkout"):
        data.adult()
    path.unlink()
    with pytest.raises(DataError, match=r"data/adult/adult.npz is missing.*git checkout"):
        data.adult()
