#include "source/archive_name.h"

#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <utility>

#include "base/ascii.h"
#include "base/error.h"
#include "source/url.h"

namespace qvdhouse::source {
namespace {

constexpr std::string_view kChain = "::";

bool ends_like(std::string_view name, std::string_view ending) {
  return name.size() > ending.size() &&
         base::equal_ignoring_case(name.substr(name.size() - ending.size()), ending);
}

std::string_view scheme_of_chain(std::string_view text) {
  for (const std::string_view scheme : {"zip", "tar"}) {
    if (text.substr(0, scheme.size() + 3).ends_with("://") &&
        base::equal_ignoring_case(text.substr(0, scheme.size()), scheme)) {
      return scheme;
    }
  }
  return {};
}

// The path of a URL, or the text.
std::string path_of(const std::string& text) {
  try {
    const std::optional<Url> url = parse_url(text);
    return url ? url->path : text;
  } catch (const base::ConfigError&) {
    return {};
  }
}

bool is_local_folder(const std::string& text, const std::string& path) {
  std::error_code error;
  const bool is_local = !is_url(text) || text.starts_with("file:");
  return is_local && std::filesystem::is_directory(path, error);
}

}  // namespace

std::optional<ArchivePlace> chained_place(std::string_view text) {
  const std::string_view scheme = scheme_of_chain(text);
  if (scheme.empty()) return std::nullopt;
  const std::string_view rest = text.substr(scheme.size() + 3);
  const std::size_t chain = rest.find(kChain);
  if (chain == std::string_view::npos || chain + kChain.size() == rest.size()) {
    throw base::ConfigError(fmt::format(
        "source: expected {0}://MEMBER::PLACE, such as {0}://**/*.qvd::/data/all.{0} (MEMBER may "
        "be empty), found no place of the archive behind \"::\"",
        scheme));
  }
  ArchivePlace archive{.scheme = std::string(scheme),
                       .member = std::string(rest.substr(0, chain)),
                       .place = std::string(rest.substr(chain + kChain.size()))};
  if (!scheme_of_chain(archive.place).empty()) {
    throw base::ConfigError(fmt::format(
        "source: expected the path or URL of an archive behind \"::\" of {}://, found a member of "
        "another archive; an archive in an archive has to be unpacked first",
        scheme));
  }
  while (archive.member.starts_with('/')) archive.member.erase(0, 1);
  return archive;
}

bool is_archive_name(std::string_view name, std::string_view scheme) {
  if (scheme == "zip") return ends_like(name, ".zip");
  return ends_like(name, ".tar") || ends_like(name, ".tar.gz") || ends_like(name, ".tgz") ||
         ends_like(name, ".tar.zst");
}

std::string archive_pattern(std::string_view scheme) {
  if (scheme == "zip") return "*.[zZ][iI][pP]";
  return "*.{[tT][aA][rR],[tT][aA][rR].[gG][zZ],[tT][gG][zZ],[tT][aA][rR].[zZ][sS][tT]}";
}

std::optional<ArchivePlace> archive_place(const std::string& source) {
  if (auto archive = chained_place(source)) return archive;
  const std::string path = path_of(source);
  for (const char* scheme : {"zip", "tar"}) {
    if (!is_archive_name(path, scheme)) continue;
    if (is_local_folder(source, path)) return std::nullopt;
    return ArchivePlace{.scheme = scheme, .member = {}, .place = source};
  }
  return std::nullopt;
}

std::string chained_text(const ArchivePlace& archive) {
  return fmt::format("{}://{}{}{}", archive.scheme, archive.member, kChain, archive.place);
}

std::string outer_place(const std::string& text) {
  try {
    const std::optional<ArchivePlace> archive = chained_place(text);
    return archive ? archive->place : text;
  } catch (const base::ConfigError&) {
    return text;
  }
}

Compression compression_of(std::string_view name) {
  if (ends_like(name, ".qvd.gz")) return Compression::kGzip;
  return ends_like(name, ".qvd.zst") ? Compression::kZstd : Compression::kNone;
}

bool is_packed(const std::string& identity) {
  return compression_of(identity) != Compression::kNone || outer_place(identity) != identity;
}

std::string_view plain_name(std::string_view name) {
  if (compression_of(name) == Compression::kNone) return name;
  return name.substr(0, name.rfind('.'));
}

std::string name_of_file(std::string_view identity) {
  std::string path(identity);
  try {
    if (const std::optional<ArchivePlace> archive = chained_place(identity)) path = archive->member;
  } catch (const base::ConfigError&) {
    // Not an identity: whatever it is, its last part is its name.
  }
  return std::string(plain_name(std::string_view(path).substr(path.rfind('/') + 1)));
}

std::string folder_of_file(const std::string& identity) {
  std::optional<ArchivePlace> archive = chained_place(identity);
  if (!archive) return identity.substr(0, identity.rfind('/'));
  const std::size_t slash = archive->member.rfind('/');
  archive->member.erase(slash == std::string::npos ? 0 : slash);
  return chained_text(*archive);
}

}  // namespace qvdhouse::source
