// The settings that hold for all tables; what is said of single ones is in config_tables.cc.
#include <array>
#include <chrono>
#include <string>
#include <utility>

#include "cli/setting_values.h"
#include "cli/settings_table.h"

namespace qvdhouse::cli {
namespace {

constexpr std::string_view kWait = "a time such as 10m or 90s, or 0 for none";

std::string take_wait(const RawValue& value, std::chrono::seconds& out) {
  std::chrono::milliseconds time{0};
  const std::string wrong = value.text == "0" ? "" : take_duration(value, time);
  if (!wrong.empty() || time % std::chrono::seconds(1) != std::chrono::milliseconds(0)) {
    return std::string(kWait) + ", in whole seconds";
  }
  out = std::chrono::duration_cast<std::chrono::seconds>(time);
  return "";
}

constexpr std::array<std::pair<std::string_view, load::ZeroTail>, 2> kZeroTail = {
    {{"warn", load::ZeroTail::kWarn}, {"error", load::ZeroTail::kError}}};

const std::array kTableSettings = {
    Setting{.key = "drift",
            .env = "QVD_DRIFT",
            .flag = "--drift",
            .value_name = "POLICY",
            .default_text = "evolve",
            .allowed = "evolve, freeze or discard",
            .help = "files with other columns than their table: it follows, they fail, or what is "
                    "new is left out",
            .parse = [](const RawValue& v, Config& c) { return take_drift(v, c.drift); }},
    Setting{.key = "vanished",
            .env = "QVD_VANISHED",
            .flag = "--vanished",
            .value_name = "POLICY",
            .default_text = "keep",
            .allowed = "keep or delete",
            .help = "what becomes of the rows of files that are not there any more",
            .parse = [](const RawValue& v, Config& c) { return take_vanished(v, c.vanished); }},
    Setting{.key = "max_file_partitions",
            .env = "QVD_MAX_FILE_PARTITIONS",
            .flag = "",
            .value_name = "",
            .default_text = "1000",
            .allowed = "0 to 100000",
            .help = "a table of more files than this is not partitioned by file",
            .parse =
                [](const RawValue& v, Config& c) {
                  return take_number(v, c.max_file_partitions, 0U, 100'000U,
                                     "a whole number, 0 to 100000");
                }},
    Setting{.key = "claim_wait",
            .env = "QVD_CLAIM_WAIT",
            .flag = "--claim-wait",
            .value_name = "TIME",
            .default_text = "10m",
            .allowed = kWait,
            .help = "how long to wait for another pipeline that writes the same tables of a server",
            .parse = [](const RawValue& v, Config& c) { return take_wait(v, c.claim_wait); }},
    Setting{.key = "min_age",
            .env = "QVD_MIN_AGE",
            .flag = "",
            .value_name = "",
            .default_text = "0s: complete files load at once",
            .allowed = kSpan,
            .help = "a file waits until nothing was written to it for so long",
            .parse = [](const RawValue& v, Config& c) { return take_span(v, c.min_age); }},
    Setting{.key = "zero_tail",
            .env = "QVD_ZERO_TAIL",
            .flag = "",
            .value_name = "",
            .default_text = "warn",
            .allowed = "warn or error",
            .help = "files with rows that were probably never written: loaded with a warning that "
                    "counts them, or refused",
            .parse = [](const RawValue& v,
                        Config& c) { return take_choice(v, c.zero_tail, kZeroTail); }},
};

}  // namespace

std::span<const Setting> table_settings() { return kTableSettings; }

}  // namespace qvdhouse::cli
