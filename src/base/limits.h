// Every size that a file may claim is bounded here, and checked before anything is allocated for
// it. docs/operations.md lists these numbers for users.
#pragma once

#include <cstdint>

namespace qvdhouse::base {

inline constexpr std::uint64_t kMiB = 1024 * 1024;

// The XML header is read up to its NUL byte; no header in 333 real files exceeds 85 KB, but the
// lineage of a file may be long.
inline constexpr std::uint64_t kMaxHeaderBytes = 64 * kMiB;

// Elements may nest only a few levels (QvdTableHeader/Fields/QvdFieldHeader/Tags/String is 5).
inline constexpr std::uint64_t kMaxXmlDepth = 32;

// Tags in a header, so that a tree of it can't take many times its size in memory: 40 for each of
// kMaxFields fields (a field that Qlik writes has 34 and 2 for each of its tags).
inline constexpr std::uint64_t kMaxXmlTags = 4'000'000;

// Fields of one table. ClickHouse itself grows slow far below this.
inline constexpr std::uint64_t kMaxFields = 100'000;

// Qlik's own limit of distinct values in one field.
inline constexpr std::uint64_t kMaxSymbols = std::uint64_t{1} << 31;

// Bytes of one record; 121 is the largest seen, hundreds of 32-bit fields are possible.
inline constexpr std::uint64_t kMaxRecordBytes = 1 * kMiB;

// Bits of one field's index within a record: 64 is what an index can mean.
inline constexpr std::uint64_t kMaxFieldBits = 64;

// The directory of a zip archive, which has 100 bytes or so for each member.
inline constexpr std::uint64_t kMaxZipDirectoryBytes = 256 * kMiB;

// Members of one archive.
inline constexpr std::uint64_t kMaxArchiveMembers = 2'000'000;

}  // namespace qvdhouse::base
