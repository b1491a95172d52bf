#include "render/diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <compare>
#include <iterator>
#include <map>
#include <span>
#include <utility>

#include "base/did_you_mean.h"
#include "base/error.h"
#include "base/quantity.h"
#include "load/checksum.h"
#include "load/column_values.h"
#include "render/rows.h"
#include "schema/value_text.h"

namespace qvdhouse::render {
namespace {

constexpr std::uint64_t kRowsAtOnce = 65'536;
// Rows that differ and may be shown. When there are more, those shown are not the first of the
// files.
constexpr std::size_t kMostKept = 100'000;
// How much more than expected the rows of one pass may be: a share of them for which there is room
// at once, and how often the memory for all.
constexpr std::uint64_t kSpareOf = 16;
constexpr std::uint64_t kMostOfMemory = 2;
constexpr std::uint64_t kAllRows = ~std::uint64_t{0};
constexpr clickhouse::HashFunction kHash = clickhouse::HashFunction::kXxh3;

// One row: of which key it is (without keys, itself), and all of it.
struct HashedRow {
  std::uint64_t group;
  std::uint64_t row;
  auto operator<=>(const HashedRow&) const = default;
};

// One of the two files, narrowed to the columns that both have, the key first.
class Side {
 public:
  Side(Files& files, std::size_t index, const Options& options,
       const std::vector<std::string>& columns, std::size_t key_count)
      : rows_(files, index, files.open(index), options), key_count_(key_count) {
    for (const std::string& name : columns) {
      const auto column = std::ranges::find(rows_.columns(), name, &load::ColumnValues::name);
      columns_.push_back(std::move(*column));
    }
    mixes_ = load::mix_values(columns_, kHash, options.threads);
  }

  load::RowSums sums() {
    load::RowSummer summer(rows_.decoder(), columns_, mixes_);
    add_all_to(summer);
    return summer.sums();
  }
  std::vector<load::ColumnSums> column_sums() {
    load::ColumnSummer summer(rows_.decoder(), columns_, kHash);
    add_all_to(summer);
    return summer.sums();
  }

  // Calls visit(range, index of the row in it, its hashes) for each row.
  template <class Visit>
  void each_row(const Visit& visit) {
    std::vector<std::uint64_t> rows;
    std::vector<std::uint64_t> keys;
    load::RowSummer summer(rows_.decoder(), columns_, mixes_);
    load::RowSummer key_summer(rows_.decoder(), std::span(columns_).first(key_count_), mixes_);
    summer.keep_row_hashes(rows);
    key_summer.keep_row_hashes(keys);
    each_range([&](const FileRows::Range& range) {
      rows.clear();
      keys.clear();
      add_to(summer, range);
      if (key_count_ > 0) add_to(key_summer, range);
      for (std::size_t i = 0; i < rows.size(); ++i) {
        visit(range, i, HashedRow{key_count_ > 0 ? keys[i] : rows[i], rows[i]});
      }
    });
  }

  const std::vector<load::ColumnValues>& columns() const { return columns_; }

  std::vector<CellText> cells(const FileRows::Range& range, std::size_t index) const {
    std::vector<CellText> cells;
    const std::byte* record = range.records.data() + index * rows_.header().record_bytes;
    for (const load::ColumnValues& column : columns_) {
      std::uint32_t code = 0;
      column.read_codes(rows_.decoder(), record, range.first_row + index, std::span(&code, 1));
      const clickhouse::Dictionary& values = column.dictionary;
      const bool is_null = values.type().nullable && values.is_null(code);
      cells.push_back(is_null ? CellText() : schema::value_text(values, code));
    }
    return cells;
  }

 private:
  template <class Summer>
  static void add_to(Summer& summer, const FileRows::Range& range) {
    summer.add_rows(range.records.data(), range.first_row, range.row_count, range.row_numbers);
  }
  template <class Summer>
  void add_all_to(Summer& summer) {
    each_range([&](const FileRows::Range& range) { add_to(summer, range); });
  }
  template <class Visit>
  void each_range(const Visit& visit) {
    rows_.restart();
    for (auto range = rows_.next(kRowsAtOnce, kAllRows); range.row_count > 0;
         range = rows_.next(kRowsAtOnce, kAllRows)) {
      visit(range);
    }
  }

  FileRows rows_;
  std::size_t key_count_;
  std::vector<load::ColumnValues> columns_;
  load::Mixes mixes_;
};

std::uint64_t row_number(const FileRows::Range& range, std::size_t index) {
  return range.row_numbers.empty() ? range.first_row + index : range.row_numbers[index];
}

bool has(const schema::Shape& shape, const std::string& name) {
  return std::ranges::find(shape, name, &schema::ShapeColumn::name) != shape.end();
}

// Those of either file that are asked for.
std::vector<std::string> chosen_columns(const Files& files) {
  std::vector<std::string> all;
  for (const schema::Shape& shape : files.own_shapes()) {
    for (const schema::ShapeColumn& column : shape) {
      if (std::ranges::find(all, column.name) == all.end()) all.push_back(column.name);
    }
  }
  std::vector<std::string> chosen;
  for (const std::size_t column : files.chosen(all)) chosen.push_back(all[column]);
  return chosen;
}

// Columns that both have by themselves, the key first.
std::vector<std::string> common_columns(const Files& files, const DiffRequest& request,
                                        const std::vector<std::string>& chosen) {
  std::vector<std::string> common;
  for (const std::string& name : chosen) {
    if (has(files.own_shapes()[0], name) && has(files.own_shapes()[1], name)) {
      common.push_back(name);
    }
  }
  if (common.empty()) {
    throw base::SchemaError("the files have no column in common, so no row can be compared");
  }
  auto next = common.begin();
  for (const std::string& key : request.key) {
    const auto found = std::find(next, common.end(), key);
    if (found == common.end()) {
      throw base::SchemaError(fmt::format("key names \"{}\", which is not a column of both files{}",
                                          key, base::did_you_mean(key, common)));
    }
    std::rotate(next, found, found + 1);
    ++next;
  }
  return common;
}

// Which rows to show: by their hashes, how many of each.
struct Wanted {
  std::map<HashedRow, std::uint64_t> first;   // that the second file lacks
  std::map<HashedRow, std::uint64_t> second;  // likewise
  // By key, with a row of either file.
  std::map<std::uint64_t, std::pair<std::uint64_t, std::uint64_t>> changed;
};

class RowComparison {
 public:
  RowComparison(Side& first, Side& second, const DiffRequest& request, Diff& diff)
      : first_(first), second_(second), request_(request), diff_(diff) {}

  void compare() {
    const std::uint64_t bytes = (diff_.first_rows + diff_.second_rows) * sizeof(HashedRow);
    const std::uint64_t passes = bytes / std::max<std::uint64_t>(1, request_.memory_bytes) + 1;
    for (std::uint64_t pass = 0; pass < passes; ++pass) {
      const auto first = rows_of(first_, diff_.first_rows, pass, passes);
      const auto second = rows_of(second_, diff_.second_rows, pass, passes);
      compare(first, second);
    }
    if (request_.most_examples > 0) find_examples();
  }

 private:
  // Those of one pass, sorted.
  std::vector<HashedRow> rows_of(Side& side, std::uint64_t row_count, std::uint64_t pass,
                                 std::uint64_t passes) const {
    std::vector<HashedRow> rows;
    const std::uint64_t expected = row_count / passes;
    rows.reserve(expected + expected / kSpareOf);
    // One pass holds all rows.
    const std::uint64_t most =
        passes == 1 ? row_count : kMostOfMemory * request_.memory_bytes / sizeof(HashedRow);
    side.each_row([&](const FileRows::Range&, std::size_t, const HashedRow& row) {
      if (row.group % passes != pass) return;
      if (rows.size() >= most) refuse_groups(most);
      rows.push_back(row);
    });
    std::ranges::sort(rows);
    return rows;
  }

  // Rows of one key, and rows that are the same, cannot be parted.
  [[noreturn]] void refuse_groups(std::uint64_t most) const {
    throw base::SchemaError(fmt::format(
        "more than {} of one file have few {}, so that they do not fit into the memory for a "
        "comparison; {}",
        base::format_quantity(most, "row"), request_.key.empty() ? "different values" : "keys",
        request_.key.empty() ? "compare more columns, or a part of the rows by --where"
                             : "name a key that tells more rows apart, or compare without one"));
  }

  void compare(std::span<const HashedRow> first, std::span<const HashedRow> second) {
    std::vector<HashedRow> only_first;
    std::vector<HashedRow> only_second;
    while (!first.empty() || !second.empty()) {
      const std::uint64_t group = first.empty() ? second.front().group
                                  : second.empty()
                                      ? first.front().group
                                      : std::min(first.front().group, second.front().group);
      const auto of_a = take_group(group, first);
      const auto of_b = take_group(group, second);
      only_first.clear();
      only_second.clear();
      std::ranges::set_difference(of_a, of_b, std::back_inserter(only_first));
      std::ranges::set_difference(of_b, of_a, std::back_inserter(only_second));
      // Without a key, the rows of a group are all the same, and one of the two has none left.
      const std::size_t changed = std::min(only_first.size(), only_second.size());
      for (std::size_t i = 0; i < changed; ++i) {
        note_changed(only_first[i], only_second[i]);
      }
      for (std::size_t i = changed; i < only_first.size(); ++i) {
        ++diff_.only_first;
        note(only_first[i], wanted_.first);
      }
      for (std::size_t i = changed; i < only_second.size(); ++i) {
        ++diff_.only_second;
        note(only_second[i], wanted_.second);
      }
    }
  }

  static std::span<const HashedRow> take_group(std::uint64_t group,
                                               std::span<const HashedRow>& rows) {
    std::size_t count = 0;
    while (count < rows.size() && rows[count].group == group) ++count;
    const auto taken = rows.first(count);
    rows = rows.subspan(count);
    return taken;
  }

  static void note(const HashedRow& row, std::map<HashedRow, std::uint64_t>& wanted) {
    const auto known = wanted.find(row);
    if (known != wanted.end()) {
      ++known->second;
    } else if (wanted.size() < kMostKept) {
      wanted.emplace(row, 1);
    }
  }
  void note_changed(const HashedRow& first, const HashedRow& second) {
    ++diff_.changed;
    if (wanted_.changed.size() >= kMostKept) return;
    wanted_.changed.try_emplace(first.group, first.row, second.row);
  }

  void find_examples() {
    using Kind = RowExample::Kind;
    std::map<std::uint64_t, std::pair<RowExample, std::vector<CellText>>> changed;  // by key
    first_.each_row([&](const FileRows::Range& range, std::size_t i, const HashedRow& row) {
      const auto change = wanted_.changed.find(row.group);
      if (change != wanted_.changed.end() && change->second.first == row.row &&
          changed.size() < request_.most_examples) {
        RowExample example{.kind = Kind::kChanged, .first_row = row_number(range, i)};
        changed.try_emplace(row.group, std::move(example), first_.cells(range, i));
      }
      add_example(Kind::kFirstOnly, first_, range, i, row, wanted_.first);
    });
    second_.each_row([&](const FileRows::Range& range, std::size_t i, const HashedRow& row) {
      const auto change = wanted_.changed.find(row.group);
      const auto before = changed.find(row.group);
      if (before != changed.end() && change->second.second == row.row) {
        auto& [example, cells] = before->second;
        example.second_row = row_number(range, i);
        add_changes(cells, second_.cells(range, i), example);
        changed.erase(before);
      }
      add_example(Kind::kSecondOnly, second_, range, i, row, wanted_.second);
    });
  }

  void add_example(RowExample::Kind kind, const Side& side, const FileRows::Range& range,
                   std::size_t index, const HashedRow& row,
                   std::map<HashedRow, std::uint64_t>& wanted) {
    const auto found = wanted.find(row);
    std::uint64_t& shown = shown_[static_cast<std::size_t>(kind)];
    if (found == wanted.end() || shown == request_.most_examples) return;
    ++shown;
    if (--found->second == 0) wanted.erase(found);
    const bool is_first = kind == RowExample::Kind::kFirstOnly;
    RowExample example{.kind = kind};
    (is_first ? example.first_row : example.second_row) = row_number(range, index);
    std::vector<CellText> cells = side.cells(range, index);
    for (std::size_t i = 0; i < cells.size(); ++i) {
      RowExample::Cell& cell = example.cells.emplace_back();
      cell.column = side.columns()[i].name;
      (is_first ? cell.first : cell.second) = std::move(cells[i]);
    }
    diff_.examples.push_back(std::move(example));
  }

  void add_changes(const std::vector<CellText>& before, const std::vector<CellText>& after,
                   RowExample& example) {
    for (std::size_t i = 0; i < before.size(); ++i) {
      if (i >= request_.key.size() && before[i] == after[i]) continue;
      example.cells.push_back({first_.columns()[i].name, before[i], after[i]});
    }
    diff_.examples.push_back(std::move(example));
  }

  Side& first_;
  Side& second_;
  const DiffRequest& request_;
  Diff& diff_;
  Wanted wanted_;
  std::array<std::uint64_t, 2> shown_{};  // of kFirstOnly and of kSecondOnly
};

}  // namespace

Diff diff(Files& files, const DiffRequest& request) {
  Diff found;
  const std::vector<std::string> chosen = chosen_columns(files);
  const std::vector<std::string> common = common_columns(files, request, chosen);
  found.columns = schema::find_changes(files.own_shapes()[0], files.own_shapes()[1]);
  std::erase_if(found.columns, [&](const schema::ColumnChange& change) {
    return std::ranges::find(chosen, change.column) == chosen.end();
  });
  const Options options{.threads = request.threads};
  Side first(files, 0, options, common, request.key.size());
  Side second(files, 1, options, common, request.key.size());
  const load::RowSums of_first = first.sums();
  const load::RowSums of_second = second.sums();
  found.first_rows = of_first.row_count;
  found.second_rows = of_second.row_count;
  if (of_first == of_second) return found;
  const std::vector<load::ColumnSums> columns_of_first = first.column_sums();
  const std::vector<load::ColumnSums> columns_of_second = second.column_sums();
  for (std::size_t i = 0; i < common.size(); ++i) {
    if (columns_of_first[i] != columns_of_second[i]) found.different_columns.push_back(common[i]);
  }
  RowComparison(first, second, request, found).compare();
  return found;
}

}  // namespace qvdhouse::render
