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
#include "decide/anomaly.h"
#include "load/doubtful_rows.h"
#include "qvd/header.h"
#include "source/archive_name.h"
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
  if (const std::string place = source::outer_place(url); place != url) {
    if (is_vanished(place, &storage)) return false;
  }
  try {
    const source::Selection everything{.pattern = "*", .include = {}, .exclude = {}};
    const auto files = storage.list(source::folder_of_file(url), everything);
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

// The folder that the source is, or that its one file lies in.
std::string marker_folder(const Options& options, const std::vector<source::FileEntry>& files) {
  const source::Scope scope(options.source);
  const std::string& folder = scope.folder();
  const bool is_file = files.size() == 1 && scope.is_source(files.front().path);
  return is_file ? source::folder_of_file(folder) : folder;
}

// What is found in a file; nothing where it cannot be read: loading it says why.
template <class Value, class Look>
Value if_readable(const Look& look) {
  try {
    return look();
  } catch (const base::InputError&) {
    return {};
  } catch (const base::IoError&) {
    return {};
  }
}

// What the listing of a remote storage, or of an archive that is there, does not name is not there.
// More is known about this machine's files: a link may have come to lead somewhere else, or a
// folder may have become unreadable.
bool is_gone(const std::string& path) {
  const std::string place = source::outer_place(path);
  if (source::is_url(place)) return true;
  std::error_code error;
  const std::filesystem::file_type found = std::filesystem::status(place, error).type();
  const bool is_member = place != path;
  return found == std::filesystem::file_type::not_found ||
         (is_member && found == std::filesystem::file_type::regular);
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

Listing list_all(const Options& options, source::Storage& storage) {
  Listing listing{.files = storage.list(options.source, options.selection), .markers = {}};
  if (!options.is_batch_awaited) return listing;
  std::set<std::string> names(options.wait_for.begin(), options.wait_for.end());
  for (const schema::TableRules& rule : options.tables) {
    names.insert(rule.wait_for.begin(), rule.wait_for.end());
  }
  std::erase_if(names, [](const std::string& name) { return decide::is_name_of_qvd(name); });
  if (names.empty()) return listing;
  const source::Scope scope(options.source);
  const std::string& pattern =
      scope.pattern().empty() ? options.selection.pattern : scope.pattern();
  const bool is_deep = pattern.find('/') != std::string::npos;
  const std::string folder = marker_folder(options, listing.files);
  for (const std::string& name : names) {
    const source::Selection selection{
        .pattern = (is_deep ? "**/" : "") + name, .include = {}, .exclude = {}};
    for (source::FileEntry& file : storage.list(folder, selection)) {
      if (file.skip_code.empty()) listing.markers.push_back(std::move(file));
    }
  }
  return listing;
}

decide::Facts gather_facts(const Options& options, source::Storage& storage,
                           std::vector<tracking::FileRecord> tracked,
                           std::optional<std::set<std::string>> tables, const Listing& listing,
                           const std::stop_token& stop) {
  std::vector<schema::TableRules> rules = options.tables;
  if (!options.is_batch_awaited) {
    for (schema::TableRules& rule : rules) rule.wait_for.clear();
  }
  auto reach = std::make_shared<const source::Reach>(options.source, options.selection);
  return {
      .tracked = std::move(tracked),
      .tables = std::move(tables),
      .now_us = options.clock(),
      .settle = options.settle,
      .min_age = options.min_age,
      .full = options.full,
      .retry_failed = options.retry_failed,
      .reload_changed_settings = options.settings_changed == SettingsChanged::kReload,
      .policy = options.load.policy,
      .settings_hash = decide::settings_hash(options.load),
      .rules = std::move(rules),
      .source = options.whole_source.empty() ? options.source : options.whole_source,
      .choice = options.choice,
      .wait_for = options.is_batch_awaited ? options.wait_for : std::vector<std::string>(),
      .markers = listing.markers,
      .folder = marker_folder(options, listing.files),
      .created =
          [&storage](const source::FileEntry& file) {
            return if_readable<std::string>(
                [&] { return qvd::read_header(*storage.open(file)).created_at; });
          },
      .row_count = [&storage](const source::FileEntry& file) -> std::optional<std::uint64_t> {
        if (source::is_packed(file.path)) return std::nullopt;  // it would be unpacked for this
        return if_readable<std::optional<std::uint64_t>>(
            [&] { return qvd::read_header(*storage.open(file)).record_count; });
      },
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
        } catch (const base::InputError& error) {
          return error.what();  // what is compressed has no end yet
        }
      },
      .is_another_file =
          [&storage](const std::string& path, const std::string& other) {
            return is_another_file(storage, path, other);
          },
      .fingerprint =
          [&storage](const source::FileEntry& file) {
            return if_readable<std::string>([&] { return fingerprint_of(*storage.open(file)); });
          },
      .content_hash =
          [&storage, stop](const source::FileEntry& file) {
            return if_readable<std::string>(
                [&] { return content_hash_of(*storage.open(file), stop); });
          },
      .is_gone = [reach = std::move(reach)](
                     const std::string& path) { return reach->takes(path) && is_gone(path); }};
}

std::vector<Decision> decide(const Options& options, source::Storage& storage,
                             const std::vector<tracking::FileRecord>& tracked,
                             const std::optional<std::set<std::string>>& tables,
                             std::string* source_error, const tracking::PastLoads& past) {
  const Listing listing = list_all(options, storage);
  const std::vector<source::FileEntry>& files = listing.files;
  const decide::Facts facts = gather_facts(options, storage, tracked, tables, listing);
  if (source_error != nullptr) *source_error = decide::why_source_is_lost(files, facts);
  std::vector<Decision> decisions = decide::decide_and_tell_kept(files, facts);
  decide::find_anomalies(decisions, facts, past);
  decide::take_turns(decisions, options.choice);
  return decisions;
}

}  // namespace qvdhouse::sync
