// Tells what is written into a folder of this machine, by the kernel (inotify). It sees what
// programs of this machine do: a folder that another machine writes to over a network is not told
// of.
#pragma once

#include <sys/inotify.h>

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace qvdhouse::source {

class FolderWatch {
 public:
  // `is_deep`: with the folders below it, also those that come later; hidden ones are left out.
  // Throws IoError, also when the kernel has no watch left.
  FolderWatch(const std::string& folder, bool is_deep);
  ~FolderWatch();
  FolderWatch(const FolderWatch&) = delete;
  FolderWatch& operator=(const FolderWatch&) = delete;

  // Readable (poll) when there is something to be read.
  int descriptor() const { return descriptor_; }

  struct Changes {
    std::vector<std::string> files;  // paths: closed after they were written to, or moved here
    bool is_unsure = false;          // more may have come in: a new folder, or too many events
    bool is_over = false;            // the folder is gone: nothing is told any more
  };
  // What happened since the last call; does not wait. Throws IoError as the constructor, when a
  // new folder cannot be watched.
  Changes read();

 private:
  void add(const std::filesystem::path& folder);
  void note(const inotify_event& event, std::string_view name, Changes& changes);

  bool is_deep_;
  int descriptor_;
  std::map<int, std::filesystem::path> folders_;  // by the kernel's number
};

}  // namespace qvdhouse::source
