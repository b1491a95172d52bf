// Names of what is inside of other files: members of archives (zip, tar), in the chained form that
// fsspec has, and QVD files that are compressed on their own (X.qvd.gz, X.qvd.zst).
//
// The identity of a member is zip://MEMBER::PLACE or tar://MEMBER::PLACE: its path in the archive
// as the archive has it, nothing escaped, and the archive's own identity. A member has no "::" in
// its path, so the first one ends it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace qvdhouse::source {

struct ArchivePlace {
  std::string scheme;  // zip, or tar for every kind of tar
  std::string member;  // a path, a glob, or empty: the whole archive
  std::string place;   // path or URL of the archive; a folder or a glob of several
};

// The parts of "zip://MEMBER::PLACE"; nothing for any other text. Throws ConfigError when it begins
// so and goes on in another way, or when PLACE is a member itself.
std::optional<ArchivePlace> chained_place(std::string_view text);

// The same for a source, which may also be the archive itself: a path or URL that ends like one
// (.zip, .tar, .tar.gz, .tgz, .tar.zst in any case) and is not a folder of this machine.
std::optional<ArchivePlace> archive_place(const std::string& source);

// Whether the name of a file ends like that of an archive of this scheme.
bool is_archive_name(std::string_view name, std::string_view scheme);

// The glob that takes the archives in a folder.
std::string archive_pattern(std::string_view scheme);

// zip://MEMBER::PLACE.
std::string chained_text(const ArchivePlace& archive);

// The path or URL of the storage that a source or an identity lies in: the archive's own of a
// chained one, the text itself of all others. Never throws.
std::string outer_place(const std::string& text);

// How a file is compressed on its own, by its name.
enum class Compression { kNone, kGzip, kZstd };
Compression compression_of(std::string_view name);

// Whether the file of this identity is so, or is in an archive.
bool is_packed(const std::string& identity);

// The name or path of the QVD file within: "X.qvd" of "X.qvd.gz" and "X.qvd.zst", else the same.
std::string_view plain_name(std::string_view name);

// The name that a file of this identity has: the last part of its path, without what says that it
// is compressed.
std::string name_of_file(std::string_view identity);

// The identity of the folder that a file lies in; that of a member is a folder of its archive.
std::string folder_of_file(const std::string& identity);

}  // namespace qvdhouse::source
