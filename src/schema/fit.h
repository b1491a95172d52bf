// A file's plan for a table that is there, or that other files shape too.
#pragma once

#include <span>
#include <stop_token>

#include "qvd/symbols.h"
#include "schema/drift.h"
#include "schema/plan.h"

namespace qvdhouse::schema {

// `own` (of plan_table, after add_own_columns where the table has such) as the table has it: the
// columns of `shape` in its order, then the own ones. A column that the file lacks is kMissing; one
// of another type is cast to the table's, every symbol exactly, else a SchemaError names column,
// symbol and fix; one that the table lacks is left out. ORDER BY by rule loses what may be NULL.
// `symbols` as of plan_table; columns are looked at on up to `threads` threads. Throws Cancelled
// when a stop is asked for.
TablePlan fit_plan(const TablePlan& own, const Shape& shape,
                   std::span<const qvd::SymbolTable> symbols, unsigned threads = 1,
                   const std::stop_token& stop = {});

}  // namespace qvdhouse::schema
