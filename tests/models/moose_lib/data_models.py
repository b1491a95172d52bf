"""See __init__.py."""

import dataclasses
import datetime
import typing


@dataclasses.dataclass(frozen=True)
class ClickhouseSize:
    size: int


@dataclasses.dataclass(frozen=True)
class ClickhousePrecision:
    precision: int


def clickhouse_datetime64(precision):
    return typing.Annotated[datetime.datetime, ClickhousePrecision(precision)]
