// What a claim is on: a table, or one file of a table of many files. Both have a name, a unit: that
// of a file is its table's name, a NUL, which no table's name has, and the file's key.
//
// A claim on a table is on all of its files, too, and is the only one that allows to change the
// table's columns or to rebuild it.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace qvdhouse::claim {

std::string file_unit(std::string_view table, std::string_view file_key);
// Not to be held: what a run waits for that can do with any file of the table.
std::string any_file_of(std::string_view table);
std::string_view table_of(std::string_view unit);

// "QvdItem, 3 files of Sales": at most five tables, and how many more.
std::string said_of(const std::set<std::string>& units);

// Claims of several runs, to be asked whether another claim can stand beside them.
class UnitSet {
 public:
  void add(std::string_view unit);
  bool blocks(std::string_view unit) const;

 private:
  struct Held {
    bool is_whole = false;
    std::set<std::string, std::less<>> files;  // units
  };
  std::map<std::string, Held, std::less<>> tables_;
};

}  // namespace qvdhouse::claim
