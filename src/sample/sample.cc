#include "sample/sample.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "qvd/writer.h"

namespace qvdhouse::sample {
namespace {

using qvd::FieldData;
using qvd::NumberFormat;
using qvd::QvdWriter;
using qvd::TableData;
using qvd::Value;

// Tables are generated row by row: a column is a list of values that could occur and a rule that
// picks one of them for each row.

struct SampleColumn {
  std::string name;
  std::uint32_t candidate_count = 0;
  // Candidate k as a value; no two candidates are equal.
  std::function<Value(std::uint32_t k)> value;
  // The code of a row: 0 = NULL, k + 1 = candidate k. Pure: called more than once for a row.
  std::function<std::uint32_t(std::uint64_t row)> pick;
  NumberFormat number_format;
  std::vector<std::string> tags;
  std::string comment;
};

struct SampleTable {
  std::string name;
  std::uint64_t row_count = 0;
  std::vector<SampleColumn> columns;
  std::string comment;
};

constexpr std::uint64_t kBatchRows = 64 * 1024;

// What rows pick, numbered by first use.
struct UsedCandidates {
  std::vector<std::uint32_t> code_of;  // by picked code; 0 is NULL, or not used
  std::vector<std::uint32_t> picked;   // candidates in the order of first use
  bool has_null = false;
};

UsedCandidates find_used(const SampleColumn& column, std::uint64_t row_count) {
  UsedCandidates used;
  used.code_of.resize(std::size_t{column.candidate_count} + 1);
  for (std::uint64_t row = 0; row < row_count; ++row) {
    const std::uint32_t code = column.pick(row);
    if (code == 0) {
      used.has_null = true;
    } else if (used.code_of[code] == 0) {
      used.picked.push_back(code - 1);
      used.code_of[code] = static_cast<std::uint32_t>(used.picked.size());
    }
  }
  return used;
}

// Writes the table as QVD: symbols are the candidates that rows pick, in the order of first use.
// Memory: the candidates and one batch of rows.
SampleFile write_sample(const std::filesystem::path& path, const SampleTable& table) {
  TableData data{.name = table.name, .row_count = table.row_count, .comment = table.comment};
  std::vector<bool> nullable;
  std::vector<std::vector<std::uint32_t>> code_of;
  for (const SampleColumn& column : table.columns) {
    UsedCandidates used = find_used(column, table.row_count);
    FieldData& field = data.fields.emplace_back();
    field.name = column.name;
    field.number_format = column.number_format;
    field.tags = column.tags;
    field.comment = column.comment;
    field.values.reserve(used.picked.size());
    for (const std::uint32_t k : used.picked) field.values.push_back(column.value(k));
    nullable.push_back(used.has_null);
    code_of.push_back(std::move(used.code_of));
  }
  const QvdWriter writer(data, nullable);
  data.fields.clear();

  base::OutputFile file(path, base::Existing::kReplace);
  file.write(writer.head());
  std::vector<std::vector<std::uint32_t>> codes(table.columns.size());
  std::vector<std::byte> records;
  for (std::uint64_t first = 0; first < table.row_count; first += kBatchRows) {
    const std::uint64_t batch_rows = std::min(kBatchRows, table.row_count - first);
    for (std::size_t i = 0; i < codes.size(); ++i) {
      codes[i].resize(batch_rows);
      for (std::uint64_t row = 0; row < batch_rows; ++row) {
        codes[i][row] = code_of[i][table.columns[i].pick(first + row)];
      }
    }
    records.clear();
    writer.append_rows(codes, records);
    file.write(records);
  }
  return {.path = path, .row_count = table.row_count, .bytes = file.finish()};
}

// A 64-bit number that looks random and depends on nothing but `stream` (one a column) and `row`.
std::uint64_t sample_random(std::uint64_t stream, std::uint64_t row) {
  // The finaliser of splitmix64 over a Weyl sequence of its own for each stream.
  std::uint64_t x = (row + 1) * 0x9E3779B97F4A7C15U + stream * 0xD1B54A32D192ED03U;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31);
}

// Rules for SampleColumn::pick. All candidates equally often:
std::function<std::uint32_t(std::uint64_t)> pick_evenly(std::uint64_t stream, std::uint32_t count) {
  return [=](std::uint64_t row) {
    return 1 + static_cast<std::uint32_t>(((sample_random(stream, row) >> 32) * count) >> 32);
  };
}

// The first candidates often, the last ones seldom, but half as often as the average:
std::function<std::uint32_t(std::uint64_t)> pick_skewed(std::uint64_t stream, std::uint32_t count) {
  return [=](std::uint64_t row) {
    const std::uint64_t random = sample_random(stream, row) >> 32;
    return 1 + static_cast<std::uint32_t>((((random * random) >> 32) * count) >> 32);
  };
}

// One row in `interval`, on average, is NULL, the others go by `pick`:
std::function<std::uint32_t(std::uint64_t)> or_null(
    std::uint64_t stream, std::uint32_t interval,
    std::function<std::uint32_t(std::uint64_t)> pick) {
  return [=, pick = std::move(pick)](std::uint64_t row) {
    return sample_random(stream, row) % interval == 0 ? 0U : pick(row);
  };
}

// The folder of small related tables.

constexpr std::uint32_t kFirstDay = 45292;  // 2024-01-01
constexpr std::uint32_t kDays = 366;
constexpr std::uint32_t kUnixEpochDay = 25569;

// How many rows each table has.
struct Sizes {
  std::uint64_t lines;
  std::uint32_t orders;
  std::uint32_t customers;
  std::uint32_t products;
};

Sizes sizes_for(std::uint64_t line_count) {
  const auto part = [=](std::uint64_t lines_each, std::uint64_t least, std::uint64_t most) {
    return static_cast<std::uint32_t>(std::clamp(line_count / lines_each, least, most));
  };
  return {.lines = line_count,
          .orders = part(4, 3, 1'000'000),
          .customers = part(20, 12, 50'000),
          .products = part(50, 12, 5'000)};
}

std::chrono::sys_days day_of(std::uint32_t serial) {
  return std::chrono::sys_days(std::chrono::days(serial - kUnixEpochDay));
}

Value date_dual(std::uint32_t k) {
  return Value::dual(kFirstDay + k, fmt::format("{:%Y-%m-%d}", day_of(kFirstDay + k)));
}

// Candidate k is the whole number first + k.
auto whole(std::int32_t first) {
  return [=](std::uint32_t k) { return Value::of(first + static_cast<std::int32_t>(k)); };
}

// The candidates are `texts`, in a column that is long-lived.
template <std::size_t kCount>
auto one_of(const std::array<std::string_view, kCount>& texts) {
  return [&texts](std::uint32_t k) { return Value::of(texts[k]); };
}

// Row r picks candidate r.
std::uint32_t each_once(std::uint64_t row) { return static_cast<std::uint32_t>(row) + 1; }

std::function<std::uint32_t(std::uint64_t)> in_turn(std::uint32_t count) {
  return [=](std::uint64_t row) { return static_cast<std::uint32_t>(row % count) + 1; };
}

const NumberFormat kDate{.type = "DATE", .format = "YYYY-MM-DD"};
const NumberFormat kTimestamp{.type = "TIMESTAMP", .format = "YYYY-MM-DD hh:mm:ss"};
const NumberFormat kMoney{.type = "MONEY",
                          .decimals = 2,
                          .use_thousands = true,
                          .format = "#,##0.00 €",
                          .decimal_sign = ".",
                          .thousands_sign = ","};

SampleTable customers(const Sizes& sizes) {
  static constexpr std::array<std::string_view, 12> kNames = {
      "Анна Иванова",    "Björn Åkesson",   "Chloé Dubois", "Đặng Minh",
      "Eoin O'Brien",    "François & Fils", "Größe GmbH",   "Hülya Şahin",
      "İpek \"IP\" Ltd", "João Araújo",     "Κώστας",       "李小龙"};
  static constexpr std::array<std::string_view, 5> kCountries = {"DE", "FR", "SE", "TR", "CN"};
  static constexpr std::array<std::string_view, 4> kRemarks = {"", "   ", "pays late",
                                                               "line one\nline two"};
  const auto name = [](std::uint32_t k) {
    const auto round = k / kNames.size();
    const std::string_view base = kNames[k % kNames.size()];
    return round == 0 ? Value::of(base) : Value::of(fmt::format("{} {}", base, round + 1));
  };
  // A code, not a number: the leading zero counts.
  const auto postcode = [](std::uint32_t k) {
    const std::uint32_t code = 5021 + 311 * k;
    return Value::dual(code, fmt::format("{:05}", code));
  };
  const auto credit_limit = [](std::uint32_t k) {
    if (k == 0) return Value::of("unlimited");
    if (k == 1) return Value::of("on request");
    return Value::of(k * 250 + (k % 2 == 0 ? 0.0 : 0.5));
  };
  return {
      .name = "Customers",
      .row_count = sizes.customers,
      .columns = {{"%CustomerKey", sizes.customers, whole(1), each_once},
                  {"Name", sizes.customers, name, each_once},
                  {"Country", kCountries.size(), one_of(kCountries), in_turn(5)},
                  {"Postcode", 290, postcode, pick_evenly(1, 290)},
                  {"Credit limit", 8, credit_limit, or_null(3, 5, pick_evenly(2, 8))},
                  {"Remark", kRemarks.size(), one_of(kRemarks), or_null(5, 3, pick_evenly(4, 4))},
                  {"Fax", 0, {}, [](std::uint64_t) { return 0U; }}},
      .comment = "One row a customer"};
}

SampleTable products(const Sizes& sizes) {
  static constexpr std::array<std::string_view, 4> kCategories = {"Getränke", "Käse",
                                                                  "Obst & Gemüse", "Süßwaren"};
  const auto code = [](std::uint32_t k) { return Value::of(fmt::format("P-{:05}", k + 1)); };
  const auto price = [](std::uint32_t k) { return Value::of((199 + 75.0 * k) / 100); };
  const auto weight = [](std::uint32_t k) { return Value::of((k + 1) * 0.125); };
  const auto yes_no = [](std::uint32_t k) {
    return k == 0 ? Value::dual(0, "No") : Value::dual(-1, "Yes");
  };
  return {.name = "Products",
          .row_count = sizes.products,
          .columns = {{"%ProductKey", sizes.products, whole(1), each_once},
                      {"Product code", sizes.products, code, each_once},
                      {"Category", kCategories.size(), one_of(kCategories), pick_evenly(11, 4)},
                      {"Unit price", sizes.products, price, each_once, kMoney},
                      {"Weight (kg)", 40, weight, or_null(13, 10, pick_evenly(12, 40))},
                      {"Discontinued", 2, yes_no, pick_skewed(14, 2)},
                      {"Currency", 1, [](std::uint32_t) { return Value::of("EUR"); }, in_turn(1)}}};
}

SampleTable orders(const Sizes& sizes) {
  static constexpr std::array<std::string_view, 4> kStatuses = {"paid", "shipped", "open",
                                                                "cancelled"};
  const std::uint32_t moments = std::min<std::uint32_t>(sizes.orders, 100'000);
  const auto ordered_at = [=](std::uint32_t k) {
    const std::uint64_t second = std::uint64_t{k} * kDays * 86'400 / moments;
    return Value::of(kFirstDay + double(second) / 86'400);
  };
  return {.name = "Orders",
          .row_count = sizes.orders,
          .columns = {{"%OrderKey", sizes.orders, whole(10'001), each_once},
                      {"%CustomerKey", sizes.customers, whole(1), pick_skewed(21, sizes.customers)},
                      {"Order date",
                       kDays,
                       whole(kFirstDay),
                       pick_evenly(22, kDays),
                       kDate,
                       {"$numeric", "$integer", "$timestamp", "$date"}},
                      {"Entered at",
                       moments,
                       ordered_at,
                       pick_evenly(23, moments),
                       kTimestamp,
                       {"$numeric", "$timestamp"}},
                      {"Shipped", kDays, date_dual, or_null(25, 4, pick_evenly(24, kDays)), kDate},
                      {"Status", kStatuses.size(), one_of(kStatuses), pick_skewed(26, 4)}}};
}

SampleTable order_lines(const Sizes& sizes) {
  const auto order_of_row = [=](std::uint64_t row) {
    return static_cast<std::uint32_t>(row * sizes.orders / sizes.lines) + 1;
  };
  const auto amount = [](std::uint32_t k) { return Value::of((k * 37.0 + 99) / 100); };
  const auto discount = [](std::uint32_t k) { return Value::of((k + 1) * 0.05); };
  return {.name = "OrderLines",
          .row_count = sizes.lines,
          .columns = {{"%OrderKey", sizes.orders, whole(10'001), order_of_row},
                      {"%ProductKey", sizes.products, whole(1), pick_skewed(31, sizes.products)},
                      {"Quantity", 24, whole(1), pick_skewed(32, 24)},
                      {"Amount", 20'000, amount, pick_skewed(33, 20'000), kMoney},
                      {"Discount", 5, discount, or_null(35, 2, pick_evenly(34, 5))}}};
}

SampleTable calendar() {
  static constexpr std::array<std::string_view, 12> kMonths = {
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto month = [](std::uint32_t k) { return Value::dual(k + 1, kMonths[k]); };
  const auto month_of_row = [](std::uint64_t row) {
    const std::chrono::year_month_day day(day_of(kFirstDay + static_cast<std::uint32_t>(row)));
    return unsigned(day.month());
  };
  static constexpr std::array<std::string_view, 7> kWeekdays = {"Mon", "Tue", "Wed", "Thu",
                                                                "Fri", "Sat", "Sun"};
  const auto weekday = [](std::uint32_t k) { return Value::dual(k, kWeekdays[k]); };
  const auto quarter = [](std::uint32_t k) {
    return Value::dual(k + 1, fmt::format("Q{}", k + 1));
  };
  // As Qlik's WeekEnd(): the last millisecond of the week.
  const auto week_end = [](std::uint32_t k) {
    return Value::of(kFirstDay + k * 7 + 6.999999988426);
  };
  return {.name = "Calendar",
          .row_count = kDays,
          .columns = {
              {"%DateKey", kDays, whole(kFirstDay), each_once},
              {"Date", kDays, date_dual, each_once, kDate, {"$numeric", "$date"}},
              {"Year", 1, whole(2024), in_turn(1)},
              {"Month", 12, month, month_of_row},
              {"Weekday", 7, weekday, in_turn(7)},
              {"Quarter", 4, quarter,
               [=](std::uint64_t row) { return (month_of_row(row) - 1) / 3 + 1; }},
              {"Week end", 53, week_end,
               [](std::uint64_t row) { return static_cast<std::uint32_t>(row / 7) + 1; }, kDate}}};
}

SampleTable stock(const Sizes& sizes) {
  static constexpr std::array<std::string_view, 3> kStores = {"Москва", "Санкт-Петербург",
                                                              "Казань"};
  const auto product_of_row = [](std::uint64_t row) {
    return static_cast<std::uint32_t>(row / 3) + 1;
  };
  return {.name = "Остатки",
          .row_count = std::uint64_t{sizes.products} * kStores.size(),
          .columns = {{"%ProductKey", sizes.products, whole(1), product_of_row},
                      {"Склад", kStores.size(), one_of(kStores), in_turn(3)},
                      {"Остаток", 500, whole(0), or_null(42, 20, pick_evenly(41, 500))}}};
}

// The table that speed and memory are measured with.

// Each column draws from a random stream of its own.
enum Stream : std::uint64_t {
  kCustomer = 1,
  kOrderDate,
  kDelivered,
  kDeliveredNull,
  kAmount,
  kQuantity,
  kCountry,
  kStatus,
  kProduct,
  kNote,
  kNoteNull,
};

constexpr std::uint64_t kMaxKeys = 1'000'000;
constexpr std::uint32_t kCustomers = 200'000;
constexpr std::uint32_t kOrderDays = 3'650;
constexpr std::uint32_t kDeliveries = 500'000;
constexpr std::uint32_t kAmounts = 100'000;
constexpr std::uint32_t kQuantities = 24;
constexpr std::uint32_t kNotes = 200'000;
constexpr std::int32_t kFirstOrderDay = 42005;  // 2015-01-01

constexpr std::array<std::string_view, 60> kCountries = {
    "Argentina",     "Australia", "Austria",       "Belgium",        "Bolivia",  "Brazil",
    "Bulgaria",      "Canada",    "Chile",         "China",          "Colombia", "Costa Rica",
    "Côte d’Ivoire", "Croatia",   "Curaçao",       "Cyprus",         "Czechia",  "Denmark",
    "Ecuador",       "Egypt",     "España",        "Estonia",        "Finland",  "France",
    "Germany",       "Ghana",     "Greece",        "Hungary",        "Iceland",  "India",
    "Indonesia",     "Ireland",   "Israel",        "Italy",          "Japan",    "Kenya",
    "Latvia",        "Lithuania", "Luxembourg",    "Malaysia",       "Malta",    "México",
    "Morocco",       "Nederland", "New Zealand",   "Norway",         "Perú",     "Poland",
    "Portugal",      "Romania",   "Serbia",        "Singapore",      "Slovakia", "Slovenia",
    "South Africa",  "Sweden",    "United States", "United Kingdom", "Việt Nam", "Ελλάδα (Κρήτη)"};
static_assert(!kCountries.back().empty());
constexpr std::array<std::string_view, 5> kStatuses = {"Shipped", "Paid", "Open", "Returned",
                                                       "Cancelled"};
constexpr std::array<std::string_view, 20> kQualities = {
    "Small", "Large",  "Crème", "Light",  "Heavy",  "Classic", "Organic",
    "Señor", "Deluxe", "Plain", "Smoked", "Frozen", "Fresh",   "Bitter",
    "Sweet", "Spicy",  "Dry",   "Süß",    "Raw",    "Ripe"};
constexpr std::array<std::string_view, 25> kGoods = {
    "Café",   "Tea",   "Jalapeño", "Cheese",  "Bread", "Żurek", "Rice",       "Pasta", "Olives",
    "Butter", "Honey", "Müsli",    "Juice",   "Water", "Wine",  "Smørrebrød", "Soup",  "Beans",
    "Apples", "Pears", "Lemons",   "Almonds", "Salt",  "Sugar", "茶"};
constexpr std::array<std::string_view, 10> kPacks = {"50 g", "100 g", "250 g", "500 g", "1 kg",
                                                     "½ l",  "1 l",   "2 l",   "6 × 1", "12 × 1"};
constexpr std::uint32_t kProducts =
    std::uint32_t{kQualities.size()} * std::uint32_t{kGoods.size()} * std::uint32_t{kPacks.size()};

Value product(std::uint32_t k) {
  const auto pack = k % kPacks.size();
  const auto goods = k / kPacks.size() % kGoods.size();
  const auto quality = k / kPacks.size() / kGoods.size();
  return Value::of(fmt::format("{} {}, {}", kQualities[quality], kGoods[goods], kPacks[pack]));
}

Value note(std::uint32_t k) {
  constexpr std::array<std::string_view, 4> kTexts = {
      "Deliver to gate {0}, reference {1:06}",
      "Customer called about order {1}; répondre avant {0} h",
      "Leave with neighbour at no. {0} (code {1:06}), please don't ring", "{1:06}/{0}: fragile"};
  const std::uint32_t gate = k % 90 + 1;
  return Value::of(fmt::format(fmt::runtime(kTexts[k % kTexts.size()]), gate, k));
}

// A moment in the ten years, to the second.
Value delivered_at(std::uint32_t k) {
  constexpr double kSecondsADay = 86'400;
  const auto second = std::uint64_t{k} * kOrderDays * 86'400 / kDeliveries + k % 60;
  return Value::of(double(kFirstOrderDay) + double(second) / kSecondsADay);
}

std::vector<SampleColumn> columns(std::uint64_t row_count) {
  const std::uint64_t keys = std::max<std::uint64_t>(1, std::min(row_count, kMaxKeys));
  const auto key_of_row = [=](std::uint64_t row) {
    // row * keys / row_count without overflow: both factors stay below 2^44 for any real file.
    return 1 + static_cast<std::uint32_t>(row * keys / row_count);
  };
  const auto whole = [](std::int32_t first) {
    return [=](std::uint32_t k) { return Value::of(first + static_cast<std::int32_t>(k)); };
  };
  const auto one_of = [](const auto& texts) {
    return [&texts](std::uint32_t k) { return Value::of(texts[k]); };
  };
  const NumberFormat date{.type = "DATE", .format = "YYYY-MM-DD"};
  const NumberFormat timestamp{.type = "TIMESTAMP", .format = "YYYY-MM-DD hh:mm:ss"};
  const NumberFormat money{.type = "MONEY",
                           .decimals = 2,
                           .use_thousands = true,
                           .format = "#,##0.00 €",
                           .decimal_sign = ".",
                           .thousands_sign = ","};
  const std::vector<std::string> number = {"$numeric", "$integer"};
  const std::vector<std::string> day = {"$numeric", "$integer", "$timestamp", "$date"};
  std::vector<SampleColumn> all;
  all.push_back({"%SaleKey", std::uint32_t(keys), whole(100'000), key_of_row, {}, number});
  all.push_back(
      {"%CustomerKey", kCustomers, whole(1), pick_skewed(kCustomer, kCustomers), {}, number});
  all.push_back({"OrderDate", kOrderDays, whole(kFirstOrderDay),
                 pick_evenly(kOrderDate, kOrderDays), date, day});
  all.push_back({"DeliveredAt",
                 kDeliveries,
                 delivered_at,
                 or_null(kDeliveredNull, 12, pick_evenly(kDelivered, kDeliveries)),
                 timestamp,
                 {"$numeric", "$timestamp"}});
  all.push_back({"Amount",
                 kAmounts,
                 [](std::uint32_t k) { return Value::of((7.0 * k + 199) / 100); },
                 pick_skewed(kAmount, kAmounts),
                 money,
                 {"$numeric"}});
  all.push_back(
      {"Quantity", kQuantities, whole(1), pick_skewed(kQuantity, kQuantities), {}, number});
  all.push_back({"Country",
                 kCountries.size(),
                 one_of(kCountries),
                 pick_skewed(kCountry, kCountries.size()),
                 {},
                 {"$text"}});
  all.push_back({"Status",
                 kStatuses.size(),
                 one_of(kStatuses),
                 pick_skewed(kStatus, kStatuses.size()),
                 {},
                 {"$ascii", "$text"}});
  all.push_back({"Product", kProducts, product, pick_skewed(kProduct, kProducts), {}, {"$text"}});
  all.push_back(
      {"Note", kNotes, note, or_null(kNoteNull, 5, pick_evenly(kNote, kNotes)), {}, {"$text"}});
  return all;
}

}  // namespace

std::vector<SampleFile> write_sample_tree(const std::filesystem::path& dir,
                                          std::uint64_t line_count) {
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  if (error) {
    throw base::IoError(
        fmt::format("cannot make the folder {}: {}; choose one that you may write to", dir.string(),
                    error.message()));
  }
  const Sizes sizes = sizes_for(line_count);
  return {write_sample(dir / "customers.qvd", customers(sizes)),
          write_sample(dir / "products.qvd", products(sizes)),
          write_sample(dir / "orders.qvd", orders(sizes)),
          write_sample(dir / "order_lines.qvd", order_lines(sizes)),
          write_sample(dir / "calendar.qvd", calendar()),
          write_sample(dir / "Остатки на складе.qvd", stock(sizes))};
}

SampleFile write_speed_table(const std::filesystem::path& path, std::uint64_t row_count) {
  return write_sample(path,
                      {.name = "Sales", .row_count = row_count, .columns = columns(row_count)});
}

SampleFile write_wide_table(const std::filesystem::path& path, std::uint64_t row_count,
                            std::uint32_t column_count) {
  constexpr std::uint32_t kTexts = 256;
  constexpr std::uint32_t kNumbers = 65'536;
  constexpr std::uint32_t kWideDays = 3'650;
  const auto amount = [](std::uint32_t k) { return Value::of((k + 1) / 100.0); };
  const auto day = [](std::uint32_t k) { return Value::of(40'000.0 + k); };
  SampleTable table{.name = "Wide", .row_count = row_count};
  for (std::uint32_t i = 0; i < column_count; ++i) {
    const std::string name = fmt::format("FIELD{:03}", i);
    const auto text = [i](std::uint32_t k) { return Value::of(fmt::format("F{} value {}", i, k)); };
    switch (i % 10) {
      case 6:
      case 7:
        table.columns.push_back({name, kNumbers, whole(0), pick_evenly(i, kNumbers)});
        break;
      case 8:
        table.columns.push_back({name, kNumbers, amount, pick_evenly(i, kNumbers)});
        break;
      case 9:
        table.columns.push_back({name, kWideDays, day, pick_evenly(i, kWideDays), kDate});
        break;
      default:
        table.columns.push_back({name, kTexts, text, pick_evenly(i, kTexts)});
    }
  }
  return write_sample(path, table);
}

}  // namespace qvdhouse::sample
