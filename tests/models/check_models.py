#!/usr/bin/env python3
"""Reads the models of one source with the parsers of their languages.

check_models.py DIR: DIR holds data.json (models --dump-data), models.py, moose.py, models.json and
models.h; every name in them must be that of data.json. DIR/rows/TABLE.jsonl, where there, holds rows
that the models must take. Writes DIR/check.cc, which compares the header's names at compile time.
"""

import importlib.util
import json
import pathlib
import sys
import unicodedata

import jsonschema
import pydantic

DIR = pathlib.Path(sys.argv[1])
IS_OLD = pydantic.VERSION.startswith("1.")


def load(name):
    spec = importlib.util.spec_from_file_location("generated_" + name, DIR / (name + ".py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def fields_of(model):
    """Attribute → column of a Pydantic model."""
    fields = model.__fields__ if IS_OLD else model.model_fields
    return {name: field.alias or name for name, field in fields.items()}


def check_identifiers(names):
    for name in names:
        assert name.isidentifier() and unicodedata.normalize("NFKC", name) == name, name
    assert len(set(names)) == len(names), names


def check_model(model, columns):
    expected = {c["name"]["python_identifier"]: c["name"]["text"] for c in columns}
    check_identifiers(list(expected))
    assert fields_of(model) == expected, (fields_of(model), expected)


def cpp_bytes(text):
    """An escape a byte, unlike what is tested."""
    return '"' + "".join("\\x%02x\" \"" % b for b in text.encode("utf-8", "surrogateescape")) + '"'


def cpp_checks(tables):
    lines = ['#include "models.h"', "#include <iterator>"]
    for table in tables:
        struct = "qvd::" + table["name"]["cpp_identifier"]
        lines.append(f"static_assert({struct}::kTable == std::string_view({cpp_bytes(table['name']['text'])}));")
        lines.append(f"static_assert(std::size({struct}::kColumns) == {len(table['columns'])});")
        lines.append("[[maybe_unused]] static auto use_%s(const %s& row) {" % (table["index"], struct))
        for i, column in enumerate(table["columns"]):
            lines.append(f"  static_assert({struct}::kColumns[{i}] == std::string_view({cpp_bytes(column['name']['text'])}));")
        members = ", ".join("&row." + c["name"]["cpp_identifier"] for c in table["columns"])
        lines.append("  return std::make_tuple(%s);\n}" % members)
    lines.insert(2, "#include <tuple>")
    return "\n".join(lines) + "\n"


def rows_of(table):
    path = DIR / "rows" / (str(table["index"]) + ".jsonl")
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def main():
    tables = json.loads((DIR / "data.json").read_text())["tables"]
    check_identifiers([table["name"]["python_identifier"] for table in tables])
    pydantic_models = load("models")
    moose_models = load("moose")
    schema = json.loads((DIR / "models.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    import moose_lib

    assert list(moose_lib.TABLES) == [table["name"]["text"] for table in tables]
    assert list(schema["$defs"]) == [table["name"]["text"] for table in tables]
    rows = 0
    for table in tables:
        name, columns = table["name"], table["columns"]
        model = getattr(pydantic_models, name["python_identifier"])
        moose_model = getattr(moose_models, name["python_identifier"])
        check_model(model, columns)
        check_model(moose_model, columns)
        olap = getattr(moose_models, table["python_variable"])
        assert olap is moose_lib.TABLES[name["text"]] and olap.model is moose_model
        order = [column["text"] for column in table["order_by"]]
        assert olap.config.order_by_fields == order and olap.config.database == table["database"]["text"]
        definition = schema["$defs"][name["text"]]
        assert list(definition["properties"]) == [c["name"]["text"] for c in columns]
        validator = jsonschema.Draft202012Validator(definition)
        for row in rows_of(table):
            rows += 1
            validator.validate(row)
            made = model(**row)
            moose_model(**row)
            for attribute, column in fields_of(model).items():
                assert (getattr(made, attribute) is None) == (row[column] is None), column
            # What is not a row of the table is refused by all.
            for wrong in ({**row, "no such column": 1}, {k: v for k, v in list(row.items())[1:]}):
                if set(wrong) == set(row) or all(c["is_nullable"] for c in columns[:1]) and len(wrong) < len(row):
                    continue
                assert not validator.is_valid(wrong)
                try:
                    model(**wrong)
                except pydantic.ValidationError:
                    continue
                raise AssertionError(("taken", wrong))
    (DIR / "check.cc").write_text(cpp_checks(tables))
    print(f"{len(tables)} tables, {rows} rows, Pydantic {pydantic.VERSION}")


main()
