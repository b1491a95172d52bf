#include "sync/facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/limits.h"
#include "base/quantity.h"
#include "load/doubtful_rows.h"
#include "qvd/header.h"
#include "source/scope.h"
#include "source/url.h"
#include "sync/content.h"

namespace qvdhouse::sync {
namespace {

constexpr std::string_view kHeaderEnd = "</QvdTableHeader";

// The text up to the first NUL byte, which ends the header; all that is there without one.
struct Text {
  std::string bytes;
  bool is_ended = false;
};

Text read_text(const base::ByteSource& source) {
  Text text;
  std::vector<std::byte> block(64 << 10);
  const std::uint64_t end = std::min(source.size(), base::kMaxHeaderBytes + 1);
  for (std::uint64_t offset = 0; offset < end; offset += block.size()) {
    block.resize(std::min<std::uint64_t>(block.size(), end - offset));
    source.read_at(offset, block);
    const auto nul = std::ranges::find(block, std::byte{0});
    text.bytes.append(reinterpret_cast<const char*>(block.data()),
                      static_cast<std::size_t>(nul - block.begin()));
    text.is_ended = nul != block.end();
    if (text.is_ended) break;
  }
  return text;
}

// Whether the byte is zero, and so are enough of those behind it for that to be no accident.
bool is_zero_from(const base::ByteSource& source, std::uint64_t offset) {
  constexpr std::size_t kEnough = 64;
  if (source.size() - offset < kEnough) return false;
  std::vector<std::byte> bytes(kEnough);
  source.read_at(offset, bytes);
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

// What is missing of the body of a file that is as long as it is to be.
std::string missing_of_body(const base::ByteSource& source, const qvd::TableHeader& header) {
  const auto holes = source.holes(header.body_offset, header.expected_file_bytes());
  if (!holes.empty()) {
    return fmt::format("nothing was written yet from byte {} to {}", holes.front().begin,
                       holes.front().end);
  }
  return load::text_of(load::find_doubtful_rows(source, header), header);
}

bool begins_like_header(const base::ByteSource& source) {
  constexpr std::string_view kBlankOrMark = " \t\r\n\xEF\xBB\xBF";
  std::string start(std::min<std::uint64_t>(source.size(), 64), ' ');
  source.read_at(0, std::as_writable_bytes(std::span(start)));
  const std::size_t first = start.find_first_not_of(kBlankOrMark);
  return first == std::string::npos || start[first] == '<';
}

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

std::string missing_part(const base::ByteSource& source) {
  if (source.size() == 0) return "it is empty";
  if (is_zero_from(source, 0)) return "it begins with zero bytes";
  if (!begins_like_header(source)) return "";
  const Text text = read_text(source);
  if (!text.is_ended) {
    if (source.size() > base::kMaxHeaderBytes) return "";
    return fmt::format("its header does not end within what is there ({})",
                       base::format_quantity(source.size(), "byte"));
  }
  try {
    const qvd::TableHeader header = qvd::read_header(source);
    if (source.size() >= header.expected_file_bytes()) return missing_of_body(source, header);
    return fmt::format("{} of {} bytes are there", source.size(), header.expected_file_bytes());
  } catch (const base::InputError&) {
    if (text.bytes.find(kHeaderEnd) != std::string::npos) return "";
    if (!is_zero_from(source, text.bytes.size())) return "";
    return fmt::format("its header is followed by zero bytes before it ends, from byte {} on",
                       text.bytes.size());
  }
}

bool is_vanished(const std::string& path, source::Storage* storage) {
  if (source::is_url(path)) return storage != nullptr && !may_exist(*storage, path);
  std::error_code error;
  return is_gone(path) &&
         std::filesystem::is_directory(std::filesystem::path(path).parent_path(), error);
}

decide::Facts gather_facts(const Options& options, source::Storage& storage,
                           std::vector<tracking::FileRecord> tracked,
                           std::optional<std::set<std::string>> tables,
                           const std::stop_token& stop) {
  auto reach = std::make_shared<const source::Reach>(options.source, options.selection);
  return {.tracked = std::move(tracked),
          .tables = std::move(tables),
          .now_us = now_us(),
          .settle = options.settle,
          .min_age = options.min_age,
          .full = options.full,
          .retry_failed = options.retry_failed,
          .reload_changed_settings = options.settings_changed == SettingsChanged::kReload,
          .policy = options.load.policy,
          .settings_hash = decide::settings_hash(options.load),
          .rules = options.tables,
          .source = options.whole_source.empty() ? options.source : options.whole_source,
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
  const decide::Facts facts = gather_facts(options, storage, tracked, tables);
  if (source_error != nullptr) *source_error = decide::why_source_is_lost(files, facts);
  return decide::decide_and_tell_kept(files, facts);
}

}  // namespace qvdhouse::sync
