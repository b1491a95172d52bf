#include "render/diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <span>
#include <utility>

#include "base/did_you_mean.h"
#include "base/error.h"
#include "base/quantity.h"
#include "load/checksum.h"
#include "render/diff_side.h"
#include "render/rows.h"

namespace qvdhouse::render {
namespace {

// Rows that differ and may be shown. When there are more, those shown are not the first of the
// files.
constexpr std::size_t kMostKept = 100'000;
// How much more than expected the rows of one pass may be: a share of them for which there is room
// at once, and how often the memory for all.
constexpr std::uint64_t kSpareOf = 16;
constexpr std::uint64_t kMostOfMemory = 2;

bool has(const schema::Shape& shape, const std::string& name) {
  return std::ranges::find(shape, name, &schema::ShapeColumn::name) != shape.end();
}

// Those of either side that are asked for.
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
    throw base::SchemaError("the two have no column in common, so no row can be compared");
  }
  auto next = common.begin();
  for (const std::string& key : request.key) {
    const auto found = std::find(next, common.end(), key);
    if (found == common.end()) {
      throw base::SchemaError(fmt::format("key names \"{}\", which is not a column of both{}", key,
                                          base::did_you_mean(key, common)));
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
  RowComparison(Side& first, Side& second, const std::vector<std::string>& columns,
                const DiffRequest& request, Diff& diff)
      : first_(first), second_(second), columns_(columns), request_(request), diff_(diff) {}

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
    side.each_row([&](const HashedRow& row) {
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
    std::vector<std::uint64_t> hashes;
    for (const auto& [key, rows] : wanted_.changed) hashes.push_back(rows.first);
    first_.find_rows(wanted(std::move(hashes), wanted_.first), [&](const Side::Found& row) {
      const auto change = wanted_.changed.find(row.hashes.group);
      if (change != wanted_.changed.end() && change->second.first == row.hashes.row &&
          changed.size() < request_.most_examples) {
        RowExample example{.kind = Kind::kChanged, .first_row = row.number};
        changed.try_emplace(row.hashes.group, std::move(example), row.cells());
      }
      add_example(Kind::kFirstOnly, row, wanted_.first);
    });
    hashes.clear();
    for (const auto& [key, example] : changed) hashes.push_back(wanted_.changed.at(key).second);
    second_.find_rows(wanted(std::move(hashes), wanted_.second), [&](const Side::Found& row) {
      const auto before = changed.find(row.hashes.group);
      if (before != changed.end() &&
          wanted_.changed.at(row.hashes.group).second == row.hashes.row) {
        auto& [example, cells] = before->second;
        example.second_row = row.number;
        add_changes(cells, row.cells(), example);
        changed.erase(before);
        return;
      }
      add_example(Kind::kSecondOnly, row, wanted_.second);
    });
  }

  WantedRows wanted(std::vector<std::uint64_t> changed,
                    const std::map<HashedRow, std::uint64_t>& only) const {
    WantedRows rows{.hashes = std::move(changed), .most_of_each = request_.most_examples + 1};
    for (const auto& [row, count] : only) rows.hashes.push_back(row.row);
    return rows;
  }

  void add_example(RowExample::Kind kind, const Side::Found& row,
                   std::map<HashedRow, std::uint64_t>& wanted) {
    const auto found = wanted.find(row.hashes);
    std::uint64_t& shown = shown_[static_cast<std::size_t>(kind)];
    if (found == wanted.end() || shown == request_.most_examples) return;
    ++shown;
    if (--found->second == 0) wanted.erase(found);
    const bool is_first = kind == RowExample::Kind::kFirstOnly;
    RowExample example{.kind = kind};
    (is_first ? example.first_row : example.second_row) = row.number;
    std::vector<CellText> cells = row.cells();
    for (std::size_t i = 0; i < cells.size(); ++i) {
      RowExample::Cell& cell = example.cells.emplace_back();
      cell.column = columns_[i];
      (is_first ? cell.first : cell.second) = std::move(cells[i]);
    }
    diff_.examples.push_back(std::move(example));
  }

  void add_changes(const std::vector<CellText>& before, const std::vector<CellText>& after,
                   RowExample& example) {
    for (std::size_t i = 0; i < before.size(); ++i) {
      if (i >= request_.key.size() && before[i] == after[i]) continue;
      example.cells.push_back({columns_[i], before[i], after[i]});
    }
    diff_.examples.push_back(std::move(example));
  }

  Side& first_;
  Side& second_;
  const std::vector<std::string>& columns_;
  const DiffRequest& request_;
  Diff& diff_;
  Wanted wanted_;
  std::array<std::uint64_t, 2> shown_{};  // of kFirstOnly and of kSecondOnly
};

// The columns that either side has and the other has not, or as another type; those that both have.
std::vector<std::string> compare_columns(const Files& files, const DiffRequest& request,
                                         Diff& found) {
  const std::vector<std::string> chosen = chosen_columns(files);
  found.columns = schema::find_changes(files.own_shapes()[0], files.own_shapes()[1]);
  std::erase_if(found.columns, [&](const schema::ColumnChange& change) {
    return std::ranges::find(chosen, change.column) == chosen.end();
  });
  return common_columns(files, request, chosen);
}

void compare_rows(Side& first, Side& second, const std::vector<std::string>& common,
                  const DiffRequest& request, Diff& found) {
  const load::RowSums of_first = first.sums();
  const load::RowSums of_second = second.sums();
  found.first_rows = of_first.row_count;
  found.second_rows = of_second.row_count;
  if (of_first == of_second) return;
  const std::vector<load::ColumnSums> columns_of_first = first.column_sums();
  const std::vector<load::ColumnSums> columns_of_second = second.column_sums();
  for (std::size_t i = 0; i < common.size(); ++i) {
    if (columns_of_first[i] != columns_of_second[i]) found.different_columns.push_back(common[i]);
  }
  RowComparison(first, second, common, request, found).compare();
}

// Columns of other types than those of files: only the table may have them.
void compare_other_columns(const Files& files, const Table& table, Diff& found) {
  for (const auto& [name, type] : table.other_columns) {
    if (files.chosen(std::vector{name}).empty()) continue;
    if (has(files.own_shapes()[0], name)) {
      throw base::SchemaError(fmt::format(
          "column \"{}\" of table {} has the type {}, which the values of a file cannot be "
          "compared with; name the columns to compare by --columns",
          name, table.name, type));
    }
    found.other_columns.emplace(name, type);
  }
}

}  // namespace

Diff diff(Files& files, const DiffRequest& request) {
  constexpr clickhouse::HashFunction kHash = clickhouse::HashFunction::kXxh3;
  Diff found;
  const std::vector<std::string> common = compare_columns(files, request, found);
  const Options options{.threads = request.threads};
  FileSide first(files, 0, options, common, request.key.size(), kHash);
  FileSide second(files, 1, options, common, request.key.size(), kHash);
  compare_rows(first, second, common, request, found);
  return found;
}

Diff diff(Files& files, const Table& table, const DiffRequest& request) {
  Diff found;
  const std::vector<std::string> common = compare_columns(files, request, found);
  compare_other_columns(files, table, found);
  const Options options{.threads = request.threads};
  FileSide first(files, 0, options, common, request.key.size(), table.endpoint.dialect.hash);
  TableSide second(table, first.columns(), request.key.size(), request.threads, files.stop());
  compare_rows(first, second, common, request, found);
  return found;
}

}  // namespace qvdhouse::render
