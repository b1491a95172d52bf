// Files of the user, written whole or not at all, and small ones, read whole.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/file_trust.h"

namespace qvdhouse::base {

// What becomes of a file that has the name already.
enum class Existing { kReplace, kKeep };

// A file that a command writes for its user: it appears under its name whole, or not at all.
//
// Written aside in the same folder and named at the end, so that a kill or a full disk leaves what
// was there. Where the file system can keep a file without a name, a kill leaves nothing else
// behind; elsewhere the file aside has a name that nobody can foresee. No link is ever followed, in
// the file's own name or aside (O_EXCL, O_NOFOLLOW): one that another user has planted leads
// nowhere.
class OutputFile {
 public:
  // Makes its folder where that is absent. Throws IoError, also where `path` is a symbolic link or
  // not a regular file, and, with Existing::kKeep, where it is anything.
  OutputFile(std::filesystem::path path, Existing existing);
  ~OutputFile();  // without a finish() that succeeded, nothing is left of it
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // Throw IoError.
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }

  // Waits until the disk has all that was written, so that a loss of power after finish() loses
  // none of it. Throws IoError.
  void sync();

  // Gives the file its name, and the permissions of the one that it replaces. Returns its size in
  // bytes. Throws IoError, also where, with Existing::kKeep, something has the name by now.
  std::uint64_t finish();

 private:
  [[noreturn]] void fail(int error) const;
  [[noreturn]] void fail(std::string_view why) const;
  void look_at_existing();
  void sync_folder() const;
  void make_aside();
  bool make_nameless();
  template <class Make>
  void name_aside(Make make);

  std::filesystem::path path_;
  std::filesystem::path aside_;  // empty: the file has no name yet
  Existing existing_;
  std::optional<mode_t> mode_;  // of the file that is replaced
  int descriptor_ = -1;
  std::uint64_t written_ = 0;
  bool finished_ = false;
  bool is_synced_ = false;
};

// Like rename(), but what has the new name stays (errno: EEXIST).
int rename_to_new(const char* from, const char* to);

// All bytes of `path`; nothing when it cannot be opened or read, as a folder, or a file of /proc
// whose process has ended meanwhile (errno says why).
std::optional<std::string> read_text(const std::filesystem::path& path);

// The same, with who owns the very file that was read and who may write to it.
struct TextFile {
  std::string text;
  FileAccess access;
};
std::optional<TextFile> read_text_file(const std::filesystem::path& path);

// Makes `path` hold exactly `text`, and its folder where that is absent, as OutputFile does. Throws
// IoError.
void write_text(const std::filesystem::path& path, std::string_view text,
                Existing existing = Existing::kReplace);

}  // namespace qvdhouse::base
