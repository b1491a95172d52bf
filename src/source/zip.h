// Zip archives (APPNOTE.TXT of PKWARE, version 6.3.10), with those of more than 4 GiB and those
// that follow a program (self-extracting). Only the directory at the end is read.
//
// No library of Debian 12 does it: libarchive tells neither the CRC-32 of a member, by which one
// that changed is known, nor where its bytes are; minizip 1.1 reads no member of 4 GiB and has no
// upstream.
#pragma once

#include <string>
#include <vector>

#include "base/byte_source.h"
#include "source/archive_member.h"

namespace qvdhouse::source {

// The files in it, in the order of its directory; folders and links are left out. Throws InputError
// when the directory is absent, damaged, or speaks of other files (a split archive).
//
// Times are in UTC where the archive says so (the extra fields of Info-ZIP and of NTFS), else those
// of a clock whose zone nobody knows: they are taken as UTC.
std::vector<Member> read_zip(const base::ByteSource& zip);

// Where its packed bytes are, which only the header before them says. Throws InputError when that
// is not there or says something else than the directory.
base::ByteRange packed_range(const base::ByteSource& zip, const Member& member);

}  // namespace qvdhouse::source
