// Pure facts for tests of deciding: files and what tracking says of them, as values.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "decide/decide.h"

namespace qvdhouse::decide {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kNow = 1'783'851'300 * kSecond;  // 2026-07-12 10:15:00
constexpr std::int64_t kLongAgo = kNow - 3'600 * kSecond;

inline source::FileEntry file_at(const std::string& path) {
  return {
      .path = path, .name = path.substr(path.rfind('/') + 1), .size = 100, .mtime_us = kLongAgo};
}

// A source /data with files of a table each, and sets of two modes.
struct DecideFixture {
  DecideFixture() {
    schema::TableRules sales;
    sales.match = "Sales_*.qvd";
    sales.name = "Sales";
    sales.where = "qvdhouse.toml:3";
    schema::TableRules log;
    log.match = "log_{day}.qvd";
    log.name = "Log";
    log.mode = schema::LoadMode::kAppend;
    log.where = "qvdhouse.toml:9";
    facts.rules = {sales, log};
    facts.tables = std::set<std::string>{"QvdItem", "Sales", "Log"};
    facts.now_us = kNow;
    facts.settings_hash = "today";
    facts.missing = [](const source::FileEntry&) { return ""; };
    facts.is_another_file = [this](const std::string& path, const std::string&) {
      return elsewhere.contains(path);
    };
    facts.fingerprint = [this](const source::FileEntry& file) {
      const auto content = contents.find(file.path);
      return content == contents.end() ? "of " + file.path : content->second;
    };
    facts.content_hash = [this](const source::FileEntry& file) {
      const auto whole = wholes.find(file.path);
      return whole == wholes.end() ? facts.fingerprint(file) : whole->second;
    };
    facts.is_gone = [](const std::string& path) { return path.starts_with("/data/"); };
  }
  DecideFixture(const DecideFixture&) = delete;
  DecideFixture& operator=(const DecideFixture&) = delete;

  // What tracking says after a load of the file as it is.
  tracking::FileRecord loaded(const source::FileEntry& file) const {
    const Placement placement = place_file(file.path, facts.rules, facts.policy);
    return {.file_path = file.path,
            .file_name = file.name,
            .table_name = placement.table,
            .file_size = file.size,
            .file_mtime_us = file.mtime_us,
            .file_etag = file.etag,
            .processed_at_us = kNow - 60 * kSecond,
            .status = tracking::FileState::kCompleted,
            .version = 1,
            .settings_hash = settings_hash(facts.settings_hash, placement),
            .fingerprint = facts.fingerprint(file),
            .content_hash = facts.content_hash(file)};
  }
  void track(const std::string& path) { facts.tracked.push_back(loaded(file_at(path))); }
  tracking::FileRecord& record(std::size_t index) { return facts.tracked[index]; }

  std::vector<Decision> decide(const std::vector<std::string>& paths) const {
    std::vector<source::FileEntry> files;
    for (const std::string& path : paths) files.push_back(file_at(path));
    return decide_files(files, facts);
  }
  // Path → code, with the action where that is not plain from the code.
  std::map<std::string, std::string> codes(const std::vector<std::string>& paths) const {
    std::map<std::string, std::string> codes;
    for (const Decision& decision : decide(paths)) {
      codes[decision.file.path] = base::to_string(decision.reason_code);
    }
    return codes;
  }

  std::set<std::string> elsewhere;              // files of other sources that exist
  std::map<std::string, std::string> contents;  // fingerprints; "of PATH" where not said
  std::map<std::string, std::string> wholes;    // content hashes; the fingerprint where not said
  Facts facts;
};

}  // namespace qvdhouse::decide
