// The table that speed and memory are measured with.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "qvd/sample.h"
#include "qvd/sample_stream.h"

namespace qvdhouse::qvd {
namespace {

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

SampleFile write_speed_table(const std::filesystem::path& path, std::uint64_t row_count) {
  return write_sample(path,
                      {.name = "Sales", .row_count = row_count, .columns = columns(row_count)});
}

}  // namespace qvdhouse::qvd
