#include "source/zip.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <span>
#include <string_view>

#include "base/error.h"
#include "base/limits.h"

namespace qvdhouse::source {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::uint32_t kEndSignature = 0x06054b50;
constexpr std::uint32_t kEnd64Signature = 0x06064b50;
constexpr std::uint32_t kLocator64Signature = 0x07064b50;
constexpr std::uint32_t kEntrySignature = 0x02014b50;
constexpr std::uint32_t kLocalSignature = 0x04034b50;
constexpr std::size_t kEndBytes = 22;
constexpr std::size_t kEnd64Bytes = 56;
constexpr std::size_t kLocator64Bytes = 20;
constexpr std::size_t kEntryBytes = 46;
constexpr std::size_t kLocalBytes = 30;
constexpr std::uint64_t kNot32 = 0xFFFFFFFF;  // the number stands elsewhere, in 64 bits

// The caller has seen to it that they are there.
std::uint64_t number_at(Bytes bytes, std::size_t at, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    value |= std::to_integer<std::uint64_t>(bytes[at + i]) << (8 * i);
  }
  return value;
}
std::uint16_t u16(Bytes bytes, std::size_t at) {
  return static_cast<std::uint16_t>(number_at(bytes, at, 2));
}
std::uint32_t u32(Bytes bytes, std::size_t at) {
  return static_cast<std::uint32_t>(number_at(bytes, at, 4));
}
std::uint64_t u64(Bytes bytes, std::size_t at) { return number_at(bytes, at, 8); }

[[noreturn]] void fail(const base::ByteSource& zip, std::uint64_t at, const std::string& found) {
  throw base::InputError(
      fmt::format("{}: {}; it is not a zip archive, is damaged, or was cut while it "
                  "was copied: make or copy it again",
                  zip.name(), found),
      {.field = {}, .byte_offset = at});
}

std::vector<std::byte> read_range(const base::ByteSource& zip, std::uint64_t begin,
                                  std::uint64_t count) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(count));
  zip.read_at(begin, bytes);
  return bytes;
}

// Where the directory is.
struct Directory {
  std::uint64_t begin = 0;  // byte of the file
  std::uint64_t size = 0;
  std::uint64_t members = 0;
  std::uint64_t shift = 0;  // what stands before the archive in the file
};

// The end record may be followed by a comment of its own.
std::size_t find_end(Bytes tail) {
  for (std::size_t at = tail.size() < kEndBytes ? 0 : tail.size() - kEndBytes + 1; at-- > 0;) {
    if (u32(tail, at) == kEndSignature && u16(tail, at + 20) <= tail.size() - at - kEndBytes) {
      return at;
    }
  }
  return tail.size();
}

void read_end64(const base::ByteSource& zip, std::uint64_t locator, Directory& directory,
                std::uint64_t& end) {
  const std::vector<std::byte> link = read_range(zip, locator, kLocator64Bytes);
  // Right before its locator, if nothing says more of it than we know; else where that says.
  std::uint64_t at = u64(link, 8);
  const auto is_there = [&](std::uint64_t place) {
    return place <= locator && locator - place >= kEnd64Bytes &&
           u32(read_range(zip, place, 4), 0) == kEnd64Signature;
  };
  if (!is_there(at) && locator >= kEnd64Bytes) at = locator - kEnd64Bytes;
  if (!is_there(at)) {
    fail(zip, locator,
         fmt::format("expected the end record of 64 bits at byte {}, found none", u64(link, 8)));
  }
  const std::vector<std::byte> record = read_range(zip, at, kEnd64Bytes);
  directory.members = u64(record, 32);
  directory.size = u64(record, 40);
  directory.begin = u64(record, 48);
  end = at;
}

Directory find_directory(const base::ByteSource& zip) {
  constexpr std::uint64_t kShortTail = 64 * 1024;          // one short read of a remote file
  constexpr std::uint64_t kLongTail = kEndBytes + 0xFFFF;  // with the longest comment
  std::vector<std::byte> tail;
  std::size_t at = 0;
  for (const std::uint64_t wanted : {kShortTail, kLongTail}) {
    const std::uint64_t count = std::min(wanted, zip.size());
    if (count == tail.size()) break;
    tail = read_range(zip, zip.size() - count, count);
    at = find_end(tail);
    if (at < tail.size()) break;
  }
  if (at == tail.size()) {
    fail(zip, zip.size(),
         fmt::format("expected the directory of a zip archive at the end of its {} bytes, found "
                     "none",
                     zip.size()));
  }
  std::uint64_t end = zip.size() - tail.size() + at;
  const Bytes record = Bytes(tail).subspan(at, kEndBytes);
  Directory directory{
      .begin = u32(record, 16), .size = u32(record, 12), .members = u16(record, 10)};
  const bool is_64 = end >= kLocator64Bytes &&
                     u32(read_range(zip, end - kLocator64Bytes, 4), 0) == kLocator64Signature;
  if (is_64) {
    read_end64(zip, end - kLocator64Bytes, directory, end);
  } else if (u16(record, 4) != u16(record, 6) || u16(record, 8) != u16(record, 10)) {
    fail(zip, end,
         "expected one file, found the last part of an archive that is split into several");
  }
  if (directory.size > end || directory.begin > end - directory.size) {
    fail(zip, end,
         fmt::format("expected its directory before byte {}, found {} bytes of it at byte {}", end,
                     directory.size, directory.begin));
  }
  directory.shift = end - directory.size - directory.begin;
  directory.begin += directory.shift;
  if (directory.size > base::kMaxZipDirectoryBytes ||
      directory.members > base::kMaxArchiveMembers ||
      directory.members > directory.size / kEntryBytes) {
    fail(zip, directory.begin,
         fmt::format("expected a directory of at most {} members in {} bytes, found {} in {}",
                     base::kMaxArchiveMembers, base::kMaxZipDirectoryBytes, directory.members,
                     directory.size));
  }
  return directory;
}

// Calendar fields of MS-DOS, in steps of two seconds; 0 where they are no date.
std::int64_t time_of_dos(std::uint16_t date, std::uint16_t time) {
  namespace chr = std::chrono;
  const chr::year_month_day day{chr::year(1980 + (date >> 9)), chr::month((date >> 5) & 15),
                                chr::day(date & 31)};
  if (!day.ok()) return 0;
  const auto seconds = chr::sys_days(day).time_since_epoch() + chr::hours(time >> 11) +
                       chr::minutes((time >> 5) & 63) + chr::seconds((time & 31) * 2);
  return chr::microseconds(seconds).count();
}

// What the extra fields of a directory's entry say, in place of what is said before them.
struct Numbers {
  std::uint64_t size;
  std::uint64_t packed;
  std::uint64_t offset;
  std::int64_t mtime_us;
};

void read_64(Bytes field, Numbers& numbers) {
  std::size_t at = 0;
  for (std::uint64_t* number : {&numbers.size, &numbers.packed, &numbers.offset}) {
    if (*number != kNot32 || field.size() - at < 8) continue;
    *number = u64(field, at);
    at += 8;
  }
}

void read_extra(Bytes extra, Numbers& numbers) {
  constexpr std::int64_t kSecond = 1'000'000;
  constexpr std::int64_t kFrom1601 = 11'644'473'600;  // seconds up to 1970
  while (extra.size() >= 4) {
    const std::uint16_t tag = u16(extra, 0);
    const std::size_t length = u16(extra, 2);
    if (length > extra.size() - 4) return;
    const Bytes field = extra.subspan(4, length);
    if (tag == 0x0001) read_64(field, numbers);
    if (tag == 0x5455 && length >= 5 && (std::to_integer<int>(field[0]) & 1) != 0) {
      numbers.mtime_us = static_cast<std::int32_t>(u32(field, 1)) * kSecond;
    }
    if (tag == 0x000a && length >= 32 && u16(field, 4) == 1) {
      numbers.mtime_us = static_cast<std::int64_t>(u64(field, 8) / 10) - kFrom1601 * kSecond;
    }
    extra = extra.subspan(4 + length);
  }
}

std::string obstacle_of(std::uint16_t flags, std::uint16_t method) {
  if ((flags & 0x2041) != 0) {
    return "it is encrypted, and no password can be given: write the archive without one";
  }
  if (method == 0 || method == 8 || method == 93) return {};
  return fmt::format(
      "expected it stored or compressed by deflate or zstd (methods 0, 8 and 93), found method {}: "
      "write the archive with one of these",
      method);
}

bool is_file(std::uint16_t made_by, std::uint32_t attributes, std::string_view name) {
  if (name.ends_with('/')) return false;
  constexpr std::uint32_t kUnix = 3;
  const std::uint32_t type = (attributes >> 16) & S_IFMT;
  return (made_by >> 8) != kUnix || type == 0 || type == S_IFREG;
}

// Reads one entry and takes it off `left`. False: it is not a file.
bool read_entry(const base::ByteSource& zip, const Directory& directory, Bytes& left,
                Member& member) {
  const std::uint64_t at = directory.begin + directory.size - left.size();
  const auto cut = [&] {
    fail(zip, at,
         fmt::format("expected a member's entry of its directory at byte {}, found none", at));
  };
  if (left.size() < kEntryBytes || u32(left, 0) != kEntrySignature) cut();
  const std::size_t name_bytes = u16(left, 28);
  const std::size_t extra_bytes = u16(left, 30);
  const std::size_t comment_bytes = u16(left, 32);
  if (left.size() - kEntryBytes < name_bytes + extra_bytes + comment_bytes) cut();
  const Bytes entry = left.first(kEntryBytes);
  const Bytes name_field = left.subspan(kEntryBytes, name_bytes);
  Numbers numbers{.size = u32(entry, 24),
                  .packed = u32(entry, 20),
                  .offset = u32(entry, 42),
                  .mtime_us = time_of_dos(u16(entry, 14), u16(entry, 12))};
  read_extra(left.subspan(kEntryBytes + name_bytes, extra_bytes), numbers);
  left = left.subspan(kEntryBytes + name_bytes + extra_bytes + comment_bytes);

  std::string name(reinterpret_cast<const char*>(name_field.data()), name_field.size());
  // Programs of Windows write backslashes, where no name of a file can have one.
  const std::uint16_t made_by = u16(entry, 4);
  const std::uint32_t host = made_by >> 8;
  if (host == 0 || host == 10 || host == 11) std::ranges::replace(name, '\\', '/');
  if (!is_file(made_by, u32(entry, 38), name)) return false;
  const std::uint16_t method = u16(entry, 10);
  member = {.path = member_path(name),
            .size = numbers.size,
            .mtime_us = numbers.mtime_us,
            .crc = u32(entry, 16),
            .packing = method == 8 ? Packing::kDeflate
                                   : (method == 93 ? Packing::kZstd : Packing::kStored),
            .range = {.begin = numbers.offset + directory.shift,
                      .end = numbers.offset + directory.shift + numbers.packed},
            .obstacle = obstacle_of(u16(entry, 8), method)};
  const bool is_within = numbers.offset <= directory.begin && numbers.packed <= directory.begin;
  if (member.obstacle.empty() && !is_within) {
    member.obstacle = fmt::format(
        "expected its {} bytes before the directory at byte {}, found that they begin at byte {}: "
        "the archive is damaged; make or copy it again",
        numbers.packed, directory.begin, numbers.offset);
  }
  return true;
}

}  // namespace

std::vector<Member> read_zip(const base::ByteSource& zip) {
  const Directory directory = find_directory(zip);
  const std::vector<std::byte> bytes = read_range(zip, directory.begin, directory.size);
  Bytes left(bytes);
  std::vector<Member> members;
  for (std::uint64_t i = 0; i < directory.members; ++i) {
    Member member;
    if (read_entry(zip, directory, left, member)) members.push_back(std::move(member));
  }
  return members;
}

base::ByteRange packed_range(const base::ByteSource& zip, const Member& member) {
  const std::uint64_t at = member.range.begin;
  const auto fail_member = [&](const std::string& found) {
    fail(zip, at, fmt::format("member {}: {}", member.path, found));
  };
  if (at > zip.size() || zip.size() - at < kLocalBytes) {
    fail_member(
        fmt::format("expected its header at byte {}, found the end at byte {}", at, zip.size()));
  }
  const std::vector<std::byte> header = read_range(zip, at, kLocalBytes);
  if (u32(header, 0) != kLocalSignature) {
    fail_member(fmt::format("expected its header at byte {}, found other bytes", at));
  }
  const std::uint64_t begin = at + kLocalBytes + u16(header, 26) + u16(header, 28);
  const std::uint64_t packed = member.range.end - member.range.begin;
  if (begin > zip.size() || packed > zip.size() - begin) {
    fail_member(fmt::format("expected {} bytes at byte {}, found the end at byte {}", packed, begin,
                            zip.size()));
  }
  if (member.packing == Packing::kStored && packed != member.size) {
    fail_member(fmt::format("expected {} bytes that are stored as they are, found {}", member.size,
                            packed));
  }
  return {.begin = begin, .end = begin + packed};
}

}  // namespace qvdhouse::source
