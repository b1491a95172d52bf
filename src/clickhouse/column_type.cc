#include "clickhouse/column_type.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "clickhouse/quote.h"

namespace qvdhouse::clickhouse {
namespace {

struct SimpleType {
  std::string_view name;
  TypeKind kind;
  std::size_t bytes;
};

// The types without parameters.
constexpr std::array kSimpleTypes = {
    SimpleType{"Int8", TypeKind::kInt8, 1},       SimpleType{"Int16", TypeKind::kInt16, 2},
    SimpleType{"Int32", TypeKind::kInt32, 4},     SimpleType{"Int64", TypeKind::kInt64, 8},
    SimpleType{"UInt8", TypeKind::kUInt8, 1},     SimpleType{"UInt16", TypeKind::kUInt16, 2},
    SimpleType{"UInt32", TypeKind::kUInt32, 4},   SimpleType{"UInt64", TypeKind::kUInt64, 8},
    SimpleType{"Float64", TypeKind::kFloat64, 8}, SimpleType{"Bool", TypeKind::kBool, 1},
    SimpleType{"String", TypeKind::kString, 0},   SimpleType{"Date", TypeKind::kDate, 2},
    SimpleType{"Date32", TypeKind::kDate32, 4},   SimpleType{"UInt128", TypeKind::kUInt128, 16},
};

// The widest number of digits that Decimal32, 64 and 128 hold.
constexpr std::uint8_t kDecimal32Digits = 9;
constexpr std::uint8_t kDecimal64Digits = 18;
constexpr std::uint8_t kDecimal128Digits = 38;
constexpr std::uint8_t kMostTickDigits = 9;
constexpr std::uint8_t kDefaultTickDigits = 3;

const SimpleType* find_simple(TypeKind kind) {
  for (const SimpleType& type : kSimpleTypes) {
    if (type.kind == kind) return &type;
  }
  return nullptr;
}

std::string base_name(const ColumnType& type) {
  switch (type.kind) {
    case TypeKind::kDecimal:
      return fmt::format("Decimal({}, {})", type.precision, type.scale);
    case TypeKind::kTime64:
      return fmt::format("Time64({})", type.scale);
    case TypeKind::kDateTime:
      return type.timezone.empty() ? "DateTime"
                                   : fmt::format("DateTime({})", quote_literal(type.timezone));
    case TypeKind::kDateTime64:
      return type.timezone.empty()
                 ? fmt::format("DateTime64({})", type.scale)
                 : fmt::format("DateTime64({}, {})", type.scale, quote_literal(type.timezone));
    default:
      return std::string(find_simple(type.kind)->name);
  }
}

// "Name(a, b)" → "Name" and {"a", "b"}; arguments are not split inside quotes.
struct Call {
  std::string_view name;
  std::vector<std::string_view> arguments;
};

std::optional<Call> split_call(std::string_view text) {
  text = base::trimmed(text);
  const std::size_t open = text.find('(');
  if (open == std::string_view::npos) return Call{text, {}};
  if (text.back() != ')') return std::nullopt;
  Call call{base::trimmed(text.substr(0, open)), {}};
  const std::string_view inside = text.substr(open + 1, text.size() - open - 2);
  int depth = 0;
  bool quoted = false;
  std::size_t start = 0;
  for (std::size_t i = 0; i < inside.size(); ++i) {
    const char c = inside[i];
    if (c == '\'') quoted = !quoted;
    if (quoted) continue;
    if (c == '(') ++depth;
    if (c == ')' && --depth < 0) return std::nullopt;
    if (c == ',' && depth == 0) {
      call.arguments.push_back(base::trimmed(inside.substr(start, i - start)));
      start = i + 1;
    }
  }
  if (quoted || depth != 0) return std::nullopt;
  call.arguments.push_back(base::trimmed(inside.substr(start)));
  return call;
}

std::optional<std::uint8_t> parse_digits(std::string_view text, std::uint8_t least,
                                         std::uint8_t most) {
  std::uint8_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (value < least || value > most) return std::nullopt;
  return value;
}

std::optional<ColumnType> decimal(std::uint8_t precision, std::string_view scale_text) {
  const auto scale = parse_digits(scale_text, 0, precision);
  if (!scale) return std::nullopt;
  return ColumnType{.kind = TypeKind::kDecimal, .precision = precision, .scale = *scale};
}

std::optional<ColumnType> parse_decimal(const Call& call) {
  const auto& arguments = call.arguments;
  if (call.name == "Decimal" && (arguments.size() == 1 || arguments.size() == 2)) {
    const auto precision = parse_digits(arguments[0], 1, kDecimal128Digits);
    if (!precision) return std::nullopt;
    return decimal(*precision, arguments.size() == 2 ? arguments[1] : "0");
  }
  if (arguments.size() != 1) return std::nullopt;
  if (call.name == "Decimal32") return decimal(kDecimal32Digits, arguments[0]);
  if (call.name == "Decimal64") return decimal(kDecimal64Digits, arguments[0]);
  if (call.name == "Decimal128") return decimal(kDecimal128Digits, arguments[0]);
  return std::nullopt;
}

// 'Europe/Berlin' without its quotes. Zone names need no escapes, so none is understood.
std::optional<std::string> parse_zone(std::string_view text) {
  if (text.size() < 3 || text.front() != '\'' || text.back() != '\'') return std::nullopt;
  text = text.substr(1, text.size() - 2);
  if (text.find_first_of("'\\") != std::string_view::npos) return std::nullopt;
  return std::string(text);
}

std::optional<ColumnType> parse_date_time(const Call& call) {
  if (call.name != "DateTime" || call.arguments.size() > 1) return std::nullopt;
  ColumnType type{.kind = TypeKind::kDateTime};
  if (!call.arguments.empty()) {
    auto zone = parse_zone(call.arguments[0]);
    if (!zone) return std::nullopt;
    type.timezone = std::move(*zone);
  }
  return type;
}

std::optional<ColumnType> parse_clock(const Call& call) {
  const bool is_time = call.name == "Time64";
  if (!is_time && call.name != "DateTime64") return std::nullopt;
  if (call.arguments.size() > (is_time ? 1U : 2U)) return std::nullopt;
  ColumnType type{.kind = is_time ? TypeKind::kTime64 : TypeKind::kDateTime64,
                  .scale = kDefaultTickDigits};
  if (!call.arguments.empty()) {
    const auto scale = parse_digits(call.arguments[0], 0, kMostTickDigits);
    if (!scale) return std::nullopt;
    type.scale = *scale;
  }
  if (call.arguments.size() == 2) {
    auto zone = parse_zone(call.arguments[1]);
    if (!zone) return std::nullopt;
    type.timezone = std::move(*zone);
  }
  return type;
}

// A type that is neither Nullable nor LowCardinality.
std::optional<ColumnType> parse_base(std::string_view text) {
  const auto call = split_call(text);
  if (!call) return std::nullopt;
  if (call->arguments.empty()) {
    for (const SimpleType& type : kSimpleTypes) {
      if (type.kind == TypeKind::kUInt128) continue;
      if (type.name == call->name) return ColumnType{.kind = type.kind};
    }
  }
  if (auto type = parse_decimal(*call)) return type;
  if (auto type = parse_date_time(*call)) return type;
  return parse_clock(*call);
}

}  // namespace

std::string ColumnType::name() const {
  std::string text = base_name(*this);
  if (nullable) text = "Nullable(" + text + ")";
  if (low_cardinality) text = "LowCardinality(" + text + ")";
  return text;
}

std::size_t ColumnType::value_bytes() const {
  switch (kind) {
    case TypeKind::kDecimal:
      return precision <= kDecimal32Digits ? 4 : precision <= kDecimal64Digits ? 8 : 16;
    case TypeKind::kDateTime:
      return 4;
    case TypeKind::kDateTime64:
    case TypeKind::kTime64:
      return 8;
    default:
      return find_simple(kind)->bytes;
  }
}

std::optional<ColumnType> parse_column_type(std::string_view name) {
  auto call = split_call(name);
  if (!call) return std::nullopt;
  const auto unwrap = [&](std::string_view wrapper) {
    if (!call || call->name != wrapper || call->arguments.size() != 1) return false;
    name = call->arguments[0];
    call = split_call(name);
    return true;
  };
  const bool low_cardinality = unwrap("LowCardinality");
  const bool nullable = unwrap("Nullable");
  auto type = parse_base(name);
  // LowCardinality of numbers is something that ClickHouse itself advises against.
  if (!type || (low_cardinality && type->kind != TypeKind::kString)) return std::nullopt;
  type->nullable = nullable;
  type->low_cardinality = low_cardinality;
  return type;
}

}  // namespace qvdhouse::clickhouse
