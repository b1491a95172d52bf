#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "base/error.h"
#include "source/scope.h"
#include "source/url.h"
#include "sync/content_hash.h"
#include "sync/decide.h"
#include "sync/fingerprint.h"
#include "sync/unfinished.h"

namespace qvdhouse::sync {

namespace {

// Looks into the folder, because storages differ in what they say of one file that is not there. A
// folder that cannot be listed may have it: whoever knows better can forget the file.
bool may_exist(source::Storage& storage, const std::string& url) {
  try {
    const source::Selection everything{.pattern = "*", .include = {}, .exclude = {}};
    const auto files = storage.list(url.substr(0, url.rfind('/')), everything);
    return std::any_of(files.begin(), files.end(),
                       [&](const source::FileEntry& file) { return file.path == url; });
  } catch (const base::Error&) {
    return true;
  }
}

bool is_another_file(source::Storage& storage, const std::string& path, const std::string& other) {
  if (source::is_url(path)) return path != other && may_exist(storage, path);
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return false;
  return source::is_url(other) || (!std::filesystem::equivalent(path, other, error) && !error);
}

// What the listing of a remote storage does not name is not there. Of this machine's files more is
// known: a link may have come to lead somewhere else, or a folder may have become unreadable.
bool is_gone(const std::string& path) {
  if (source::is_url(path)) return true;
  std::error_code error;
  return std::filesystem::status(path, error).type() == std::filesystem::file_type::not_found;
}

}  // namespace

Facts Facts::without_tracked() const {
  return {.tracked = {},
          .tables = std::nullopt,
          .now_us = sync::now_us(),
          .settle = settle,
          .min_age = min_age,
          .full = false,
          .policy = policy,
          .settings_hash = settings_hash,
          .rules = rules,
          .missing = missing,
          .is_another_file = is_another_file,
          .fingerprint = fingerprint,
          .content_hash = content_hash,
          .is_gone = is_gone};
}

Facts gather_facts(const Options& options, source::Storage& storage,
                   std::vector<tracking::FileRecord> tracked,
                   std::optional<std::set<std::string>> tables, const std::stop_token& stop) {
  auto reach = std::make_shared<const source::Reach>(options.source, options.selection);
  return {.tracked = std::move(tracked),
          .tables = std::move(tables),
          .now_us = now_us(),
          .settle = options.settle,
          .min_age = options.min_age,
          .full = options.full,
          .retry_failed = options.retry_failed,
          .policy = options.load.policy,
          .settings_hash = settings_hash(options.load),
          .rules = options.tables,
          .missing = [&storage](const source::FileEntry& file) -> std::string {
            try {
              const auto source = storage.open(file);
              std::string missing = missing_part(*source);
              if (missing.empty()) source->check_unchanged();
              return missing;
            } catch (const base::ChangedError& error) {
              return error.what();
            } catch (const base::IoError&) {
              return "";  // loading it says why, and tries again
            }
          },
          .is_another_file =
              [&storage](const std::string& path, const std::string& other) {
                return is_another_file(storage, path, other);
              },
          .fingerprint = [&storage](const source::FileEntry& file) -> std::string {
            try {
              return fingerprint_of(*storage.open(file));
            } catch (const base::IoError&) {
              return "";  // loading it says why
            }
          },
          .content_hash = [&storage, stop](const source::FileEntry& file) -> std::string {
            try {
              return content_hash_of(*storage.open(file), stop);
            } catch (const base::IoError&) {
              return "";
            }
          },
          .is_gone = [reach = std::move(reach)](
                         const std::string& path) { return reach->takes(path) && is_gone(path); }};
}

std::vector<Decision> decide(const Options& options, source::Storage& storage,
                             const std::vector<tracking::FileRecord>& tracked,
                             const std::optional<std::set<std::string>>& tables,
                             std::string* source_error) {
  const std::vector<source::FileEntry> files = storage.list(options.source, options.selection);
  const Facts facts = gather_facts(options, storage, tracked, tables);
  if (source_error != nullptr) *source_error = why_source_is_lost(files, facts);
  return decide_and_tell_kept(files, facts);
}

}  // namespace qvdhouse::sync
