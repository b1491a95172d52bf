#include "source/rclone_error.h"

#include <fmt/format.h>

#include <array>

namespace qvdhouse::source {
namespace {

struct Meaning {
  std::string_view words;  // in rclone's text
  RcloneFault fault;
  std::string_view advice;
};

constexpr std::string_view kCheckKeys =
    "check the key and the secret (doctor --source shows which ones are used)";
constexpr std::string_view kCheckUser = "check user and password";
constexpr std::string_view kCheckName = "check its name, and whether these credentials may see it";
constexpr std::string_view kCheckTls =
    "if the server's certificate comes from a CA of your own, name that with source.ca_file";
constexpr std::string_view kCheckGoogle =
    "set GOOGLE_APPLICATION_CREDENTIALS to a service account's key file, run \"gcloud auth "
    "application-default login\", or set source.anonymous for public buckets";

// The first that is found counts: the words of a cause stand before those of its consequence.
constexpr auto kMeanings = std::to_array<Meaning>({
    // any; the addresses in them may hold the digits of a status
    {"no such host", RcloneFault::kMayPass, "check the host's name"},
    {"connection refused", RcloneFault::kMayPass, "check host and port, and whether it runs"},
    // sftp
    {"knownhosts: key is unknown", RcloneFault::kRefused,
     "the server's host key is not in the known_hosts file: compare its fingerprint with the "
     "server's, then add it (ssh-keyscan -p PORT HOST)"},
    {"knownhosts: key mismatch", RcloneFault::kRefused,
     "the server shows another host key than the known_hosts file has: it was set up again, "
     "someone "
     "stands between, or the file holds only keys of another kind (ssh-keyscan -p PORT HOST)"},
    {"known_hosts_file", RcloneFault::kRefused,
     "the known_hosts file cannot be read: make it (ssh-keyscan -p PORT HOST) or name another "
     "with source.known_hosts"},
    {"ssh-agent", RcloneFault::kRefused,
     "there is no usable SSH agent: start one, or name a key with source.key_file"},
    {"failed to parse private key", RcloneFault::kRefused,
     "check source.key_file and source.key_passphrase"},
    {"failed to read private key", RcloneFault::kRefused, "check source.key_file"},
    {"unable to authenticate", RcloneFault::kRefused, "check user, password and key"},
    // TLS
    {"x509:", RcloneFault::kRefused, kCheckTls},
    {"tls:", RcloneFault::kRefused, kCheckTls},
    {"server gave HTTP response to HTTPS client", RcloneFault::kRefused,
     "the server speaks no TLS here: check scheme and port"},
    // s3
    {"WebIdentityErr", RcloneFault::kRefused,
     "check AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, and whether the role trusts this "
     "identity"},
    {"SignatureDoesNotMatch", RcloneFault::kRefused, "the secret is not that of the key"},
    {"InvalidAccessKeyId", RcloneFault::kRefused, "the server does not know this key"},
    {"ExpiredToken", RcloneFault::kRefused, "get new temporary credentials"},
    {"InvalidToken", RcloneFault::kRefused,
     "the session token does not belong to the key (AWS_SESSION_TOKEN)"},
    {"NoCredentialProviders", RcloneFault::kRefused,
     "no AWS credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or "
     "AWS_PROFILE, or source.anonymous for public buckets"},
    {"AuthorizationHeaderMalformed", RcloneFault::kRefused, "check the region (AWS_REGION)"},
    {"RequestTimeTooSkewed", RcloneFault::kRefused, "set this machine's clock"},
    {"NoSuchBucket", RcloneFault::kMissing, kCheckName},
    {"AccessDenied", RcloneFault::kRefused, kCheckKeys},
    // az
    {"ContainerNotFound", RcloneFault::kMissing, kCheckName},
    {"AuthenticationFailed", RcloneFault::kRefused, "check account and key, or the SAS"},
    {"AuthorizationFailure", RcloneFault::kRefused, "check account and key, or the SAS"},
    {"InvalidAuthenticationInfo", RcloneFault::kRefused, "check account and key, or the SAS"},
    {"illegal base64 data", RcloneFault::kRefused,
     "the account's key is not complete: copy it again"},
    {"Need account+key", RcloneFault::kRefused,
     "the credentials that were found need rclone 1.61 or newer, or there are none: set "
     "AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT_NAME and "
     "AZURE_STORAGE_ACCOUNT_KEY"},
    // gs
    {"could not find default credentials", RcloneFault::kRefused, kCheckGoogle},
    {"invalid_grant", RcloneFault::kRefused, kCheckGoogle},
    {"cannot fetch token", RcloneFault::kRefused, kCheckGoogle},
    {"private key should be a PEM", RcloneFault::kRefused, kCheckGoogle},
    {"Invalid Credentials", RcloneFault::kRefused, kCheckGoogle},
    // ftp, smb, webdav
    {"530 ", RcloneFault::kRefused, kCheckUser},
    {"550 ", RcloneFault::kMissing, kCheckName},
    {"No such directory", RcloneFault::kMissing, kCheckName},
    {"logon is invalid", RcloneFault::kRefused, kCheckUser},
    {"LOGON_FAILURE", RcloneFault::kRefused, kCheckUser},
    {"share name cannot be found", RcloneFault::kMissing, "check the name of the share"},
    {"network name cannot be found", RcloneFault::kMissing, "check the name of the share"},
    {"BAD_NETWORK_NAME", RcloneFault::kMissing, "check the name of the share"},
    {"Access is denied", RcloneFault::kRefused, kCheckUser},
    // any
    {"permission denied", RcloneFault::kRefused, "check the rights of this user"},
    {"401", RcloneFault::kRefused, kCheckUser},
    {"Unauthorized", RcloneFault::kRefused, kCheckUser},
    {"403", RcloneFault::kRefused, kCheckKeys},
    {"Forbidden", RcloneFault::kRefused, kCheckKeys},
    {"not found", RcloneFault::kMissing, kCheckName},
    {"no such file or directory", RcloneFault::kMissing, kCheckName},
    {"does not exist", RcloneFault::kMissing, kCheckName},
    {"404", RcloneFault::kMissing, kCheckName},
    {"timeout", RcloneFault::kMayPass, "check host, port and firewalls"},
});

// On one line.
std::string words_of(std::string_view text) {
  std::string words;
  for (const char c : text) {
    const bool is_blank = c == '\n' || c == '\t' || c == '\r' || c == ' ';
    if (!is_blank) {
      words += c;
    } else if (!words.ends_with(' ')) {
      words += ' ';
    }
  }
  return words;
}

// Azure's errors repeat whole requests and answers.
std::string beginning_of(const std::string& text) {
  constexpr std::size_t kMostBytes = 300;
  if (text.size() <= kMostBytes) return text;
  std::size_t end = kMostBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + " …";
}

}  // namespace

void throw_rclone_error(std::string_view doing, std::string_view said) {
  const std::string all = words_of(said);
  const std::string text = beginning_of(all);
  if (text.find("couldn't find backend") != std::string::npos) {
    throw base::ConfigError(fmt::format(
        "{}: this rclone was built without what is needed here ({}); install a full one (Debian "
        "12's package, or rclone.org's download) and name it with the setting "
        "source.rclone_binary",
        doing, text));
  }
  if (text.find("didn't find section in config file") != std::string::npos) {
    throw base::ConfigError(
        fmt::format("{}: the rclone configuration has no remote of this name (\"rclone "
                    "listremotes\" shows those that it has; source.rclone_config names another "
                    "file)",
                    doing));
  }
  for (const Meaning& meaning : kMeanings) {
    if (all.find(meaning.words) != std::string::npos) {
      throw RcloneError(fmt::format("{}: {}; {}", doing, text, meaning.advice), meaning.fault);
    }
  }
  throw RcloneError(fmt::format("{}: {}", doing, text), RcloneFault::kMayPass);
}

}  // namespace qvdhouse::source
