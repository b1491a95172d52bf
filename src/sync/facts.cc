#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "base/error.h"
#include "sync/decide.h"
#include "sync/unfinished.h"

namespace qvdhouse::sync {

Facts gather_facts(const Options& options, std::vector<tracking::FileRecord> tracked,
                   std::optional<std::set<std::string>> tables) {
  return {.tracked = std::move(tracked),
          .tables = std::move(tables),
          .now_us = now_us(),
          .settle = options.settle,
          .full = options.full,
          .policy = options.load.policy,
          .settings_hash = settings_hash(options.load),
          .missing = [](const source::FileEntry& file) -> std::string {
            try {
              return missing_part(*source::open_file(file));
            } catch (const base::ChangedError& error) {
              return error.what();
            } catch (const base::IoError&) {
              return "";  // loading it says why, and tries again
            }
          },
          .is_another_file =
              [](const std::string& path, const std::string& other) {
                std::error_code error;
                return std::filesystem::exists(path, error) &&
                       !std::filesystem::equivalent(path, other, error) && !error;
              }};
}

std::vector<Decision> decide(const Options& options,
                             const std::vector<tracking::FileRecord>& tracked,
                             const std::optional<std::set<std::string>>& tables) {
  return decide_files(source::list_files(options.source, options.selection),
                      gather_facts(options, tracked, tables));
}

}  // namespace qvdhouse::sync
