// Column types that a server was seen to make exactly as the DDL names them. A setting of its users
// may have it make others (data_type_default_nullable), so the first table of each type is looked
// at; the next ones need not be.
#pragma once

#include <mutex>
#include <set>
#include <span>
#include <string>

#include "load/column_values.h"

namespace qvdhouse::load {

// Threads may share it.
class MadeTypes {
 public:
  bool has_all(std::span<const ColumnValues> columns) const;
  void add(std::span<const ColumnValues> columns);

 private:
  mutable std::mutex mutex_;
  std::set<std::string> names_;
};

}  // namespace qvdhouse::load
