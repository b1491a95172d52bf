// For tests: files in memory, as a request names them.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "base/byte_source.h"
#include "load/test_source.h"
#include "qvd/writer.h"
#include "render/files.h"

namespace qvdhouse::render {

class MadeFiles {
 public:
  File& add(std::vector<std::byte> bytes, const std::string& name = "T.qvd") {
    const std::vector<std::byte>& kept = bytes_.emplace_back(std::move(bytes));
    files.push_back({.name = name,
                     .open = [&kept] { return std::make_unique<base::MemorySource>(kept); },
                     .options = {},
                     .target = {}});
    return files.back();
  }
  File& add(const qvd::TableData& table, const std::string& name = "T.qvd") {
    return add(qvd::write_qvd(table), name);
  }

  // From now on the files that are there are read as remote ones are.
  void make_remote() {
    auto bytes = bytes_.begin();
    for (File& file : files) {
      file.open = [&kept = *bytes++] { return std::make_unique<load::MaybeRemote>(kept, true); };
    }
  }

  std::vector<File> files;

 private:
  std::list<std::vector<std::byte>> bytes_;  // never moved
};

}  // namespace qvdhouse::render
