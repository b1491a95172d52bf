// The quarantine table of a table: rows of files that break its rules, as text, with the reason
// (docs/validation.md).
//
// Its rows and the table's are two commits. The new ones come first, beside those of the file's
// last load; then the table's rows are committed; then the old ones go. Whatever dies in between,
// each row of the file is in the table or here, and the next load of the file makes it exact.
#pragma once

#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "clickhouse/connection.h"
#include "load/load.h"
#include "load/row_rules.h"
#include "qvd/rows.h"

namespace qvdhouse::load {

// The rows that a load of a file replaces: in kAppend those of one version, in kReplace all.
struct QuarantineOf {
  std::string table;  // the quarantine table
  schema::LoadMode mode = schema::LoadMode::kReplace;
  std::string file_key;
  std::uint64_t version = 0;  // kAppend; else 0
};
QuarantineOf quarantine_of(const Target& target, const std::string& table);

// What a load puts there, as numbers that the table must agree with.
struct QuarantineSums {
  std::uint64_t row_count = 0;
  std::uint64_t hash_sum = 0;  // of each row's texts, modulo 2^64
  bool operator==(const QuarantineSums&) const = default;
};

// Encodes and sums rows; `connection` null: they are summed only.
class QuarantineWriter final : public QuarantineSink {
 public:
  // References must outlive it; `file` with its symbols. Nothing is sent before the table is
  // `created`, whose error is thrown by then.
  QuarantineWriter(QuarantineOf of, const PreparedFile& file, const RowRules& rules,
                   const qvd::RowDecoder& decoder, clickhouse::HashFunction function,
                   clickhouse::Connection* connection, std::shared_future<void> created,
                   std::string run_id, std::int64_t at_us);
  ~QuarantineWriter() override;

  // Sends what has come together. Throws ServerError, IoError, Cancelled.
  void add(const std::byte* record, std::uint64_t row, std::size_t check) override;
  // Sends the rest.
  QuarantineSums finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The rows of one load in the quarantine table: taken away with this object, unless the table's
// rows may have been committed by then.
class Quarantine {
 public:
  Quarantine(clickhouse::Endpoint endpoint, QuarantineOf of, std::string run_id,
             std::int64_t at_us);
  ~Quarantine();
  Quarantine(const Quarantine&) = delete;
  Quarantine& operator=(const Quarantine&) = delete;

  // Creates the table where it is absent. Throws SchemaError for one that is not ours.
  void create(clickhouse::Connection& connection, const std::string& of_table);
  // See QuarantineWriter.
  std::unique_ptr<QuarantineWriter> writer(clickhouse::Connection& connection,
                                           std::shared_future<void> created,
                                           const PreparedFile& file, const RowRules& rules,
                                           const qvd::RowDecoder& decoder) const;
  // Throws VerifyError when the table has not exactly these rows of this load.
  void verify(clickhouse::Connection& connection, const QuarantineSums& expected);

  // The commit of the table's rows begins: from now on the new rows stay; or was not made.
  void commit_begins() { stays_ = true; }
  void not_committed() { stays_ = false; }
  // It is done: what earlier loads left of the file goes. Throws ServerError, IoError.
  void settle(clickhouse::Connection& connection) const;

 private:
  std::string of_this_load() const;  // SQL

  clickhouse::Endpoint endpoint_;
  QuarantineOf of_;
  std::string run_id_;
  std::int64_t at_us_;
  bool is_there_ = false;    // rows may be
  bool is_settled_ = false;  // verify() found no others of the file
  bool stays_ = false;
};

// All of the file (or version, or table, as the mode says). Zero where there is no such table.
QuarantineSums quarantine_sums(clickhouse::Connection& connection, const QuarantineOf& of);
// Rows of a file go. Nothing happens where there is no such table, or none of them.
void remove_quarantined(clickhouse::Connection& connection, const std::string& quarantine,
                        const std::string& file_key);
// What a quarantine table has of one load, and these rows taken away.
struct QuarantinedLoad {
  std::string file_key;
  std::uint64_t version = 0;
  std::string run_id;
};
std::vector<QuarantinedLoad> quarantined_loads(clickhouse::Connection& connection,
                                               const std::string& quarantine);
void remove_quarantined(clickhouse::Connection& connection, const std::string& quarantine,
                        const QuarantinedLoad& load);
// For tables that go, or get another name.
void drop_quarantine(clickhouse::Connection& connection, const std::string& table);
void rename_quarantine(clickhouse::Connection& connection, const std::string& from,
                       const std::string& to);

}  // namespace qvdhouse::load
