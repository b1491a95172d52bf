// Symbol tables for tests, assembled byte by byte and parsed by the reader's own parser.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qvd/header.h"
#include "qvd/profile.h"
#include "qvd/symbols.h"
#include "schema/plan.h"

namespace qvdhouse::schema {

// A field with its symbols: TestField("Amount").number(1.5).dual(1, "Jan").
class TestField {
 public:
  explicit TestField(std::string name, std::string format_type = "UNKNOWN") {
    header_.name = std::move(name);
    header_.number_format.type = std::move(format_type);
  }

  TestField& integer(std::int32_t number) { return add(qvd::SymbolKind::kInt, number); }
  TestField& number(double number) { return add(qvd::SymbolKind::kDouble, number); }
  TestField& text(std::string_view text) {
    bytes_.push_back(std::byte{static_cast<std::uint8_t>(qvd::SymbolKind::kText)});
    return finish(text);
  }
  TestField& dual(std::int32_t number, std::string_view text) {
    append(qvd::SymbolKind::kDualInt, number);
    return finish(text);
  }
  TestField& dual(double number, std::string_view text) {
    append(qvd::SymbolKind::kDualDouble, number);
    return finish(text);
  }

  qvd::FieldHeader& header() { return header_; }
  const qvd::FieldHeader& header() const { return header_; }
  qvd::SymbolTable symbols() const { return qvd::parse_symbols(bytes_, header_, 0); }

  std::vector<ColumnPlan> plan(const Policy& policy = {}, bool may_be_null = false) const {
    const qvd::SymbolTable table = symbols();
    return plan_field(header_, 0, may_be_null, table, qvd::profile_field(table), policy);
  }

 private:
  template <class Number>
  void append(qvd::SymbolKind kind, Number number) {
    bytes_.push_back(std::byte{static_cast<std::uint8_t>(kind)});
    const std::size_t at = bytes_.size();
    bytes_.resize(at + sizeof number);
    std::memcpy(bytes_.data() + at, &number, sizeof number);
  }
  template <class Number>
  TestField& add(qvd::SymbolKind kind, Number number) {
    append(kind, number);
    ++header_.symbol_count;
    return *this;
  }
  TestField& finish(std::string_view text) {
    const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
    bytes_.insert(bytes_.end(), bytes, bytes + text.size());
    bytes_.push_back(std::byte{0});
    ++header_.symbol_count;
    return *this;
  }

  qvd::FieldHeader header_;
  std::vector<std::byte> bytes_;
};

}  // namespace qvdhouse::schema
