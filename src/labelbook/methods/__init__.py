"""The chapters' methods as modules: `labelbook.methods.nacl` is made of the `method` cells of the chapter `nacl`."""

from ..chapters import install_finder

install_finder()
