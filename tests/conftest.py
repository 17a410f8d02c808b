"""Garbage is not looked for among what the collection of the tests made, which stays to the end; beside it sizes.py."""

import gc


def pytest_configure():
    gc.disable()


def pytest_collection_finish():
    gc.freeze()
    gc.enable()
