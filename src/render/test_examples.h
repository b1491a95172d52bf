// For tests: rows that differ, as text.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "render/diff.h"

namespace qvdhouse::render {

// "-Id=1 Text=a", "+…", "~Id=1 Text=a>b"
inline std::vector<std::string> examples(const Diff& diff) {
  std::vector<std::string> texts;
  for (const RowExample& example : diff.examples) {
    std::string& text = texts.emplace_back(1, "-+~"[static_cast<std::size_t>(example.kind)]);
    const bool is_second = example.kind == RowExample::Kind::kSecondOnly;
    for (const RowExample::Cell& cell : example.cells) {
      text += text.size() > 1 ? " " : "";
      text += cell.column + "=" + (is_second ? cell.second : cell.first).value_or("NULL");
      if (example.kind == RowExample::Kind::kChanged && cell.first != cell.second) {
        text += ">" + cell.second.value_or("NULL");
      }
    }
  }
  return texts;
}

}  // namespace qvdhouse::render
