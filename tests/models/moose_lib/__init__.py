"""Stands in for moose-lib, which needs Python 3.12: the names that generated models use, as strict as
the real ones (OlapConfig refuses what it does not know, a table's name is given once)."""

import enum
import typing

TABLES = {}


class MergeTreeEngine:
    pass


class LifeCycle(enum.Enum):
    EXTERNALLY_MANAGED = "EXTERNALLY_MANAGED"


class OlapConfig:
    def __init__(self, *, order_by_fields, engine, life_cycle, database=None, partition_by=None):
        assert all(isinstance(name, str) for name in order_by_fields)
        assert isinstance(engine, MergeTreeEngine)
        assert isinstance(life_cycle, LifeCycle)
        assert partition_by is None or partition_by
        self.order_by_fields = order_by_fields
        self.database = database


Row = typing.TypeVar("Row")


class OlapTable(typing.Generic[Row]):
    def __class_getitem__(cls, model):
        return lambda name, config: cls(model, name, config)

    def __init__(self, model, name, config):
        assert name not in TABLES, name
        self.model = model
        self.config = config
        TABLES[name] = self
