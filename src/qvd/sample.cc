// The folder of small related tables.
#include "qvd/sample.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <string_view>

#include "base/error.h"
#include "qvd/sample_stream.h"

namespace qvdhouse::qvd {
namespace {

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

}  // namespace qvdhouse::qvd
