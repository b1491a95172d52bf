// A file of fields for tests: header, symbols and plan.
#pragma once

#include <string>
#include <vector>

#include "schema/plan.h"
#include "schema/test_symbols.h"

namespace qvdhouse::schema {

struct TestFile {
  explicit TestFile(const std::vector<TestField>& fields, Policy own_policy = {})
      : policy(std::move(own_policy)) {
    for (const TestField& field : fields) {
      header.fields.push_back(field.header());
      symbols.push_back(field.symbols());
      may_be_null.push_back(false);
    }
  }

  TablePlan plan() const { return plan_table(header, "Sales.qvd", symbols, may_be_null, policy); }

  Policy policy;
  qvd::TableHeader header;
  std::vector<qvd::SymbolTable> symbols;
  std::vector<bool> may_be_null;
};

}  // namespace qvdhouse::schema
