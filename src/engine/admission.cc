#include "engine/admission.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "base/ascii.h"
#include "base/encoding.h"

namespace qvdhouse::engine {
namespace {

constexpr std::string_view kRefusal =
    "Authentication failed: expected the user and password of this engine. `qvdhouse client` shows "
    "them.";
constexpr int kAuthenticationFailed = 516;  // ClickHouse's code for it

// Takes the same time wherever the texts differ.
bool is_same(std::string_view found, std::string_view secret) {
  unsigned difference = found.size() == secret.size() ? 0U : 1U;
  for (std::size_t i = 0; i != found.size(); ++i) {
    const char expected = secret.empty() ? '\0' : secret[i % secret.size()];
    difference |= static_cast<unsigned>(found[i] != expected);
  }
  return difference == 0 && !secret.empty();
}

bool is_password(std::string_view found, const Secrets& secrets) {
  const bool is_writer = is_same(found, secrets.password);
  const bool is_reader = is_same(found, secrets.reader_password);
  return is_writer || is_reader;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) {
    text.remove_suffix(1);
  }
  return text;
}

// What stands before the first `end`, which is taken away too; all of `text` when there is none.
std::string_view take_until(std::string_view& text, char end) {
  const std::size_t at = std::min(text.find(end), text.size());
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return part;
}

std::string decoded_parameter(std::string_view text) {
  std::string bytes(text);
  std::ranges::replace(bytes, '+', ' ');
  return base::decode_percent(bytes);
}

bool url_has_password(std::string_view parameters, const Secrets& secrets) {
  while (!parameters.empty()) {
    std::string_view value = take_until(parameters, '&');
    if (take_until(value, '=') != "password") continue;
    if (is_password(decoded_parameter(value), secrets)) return true;
  }
  return false;
}

bool header_has_password(std::string_view line, const Secrets& secrets) {
  const std::string name = base::to_lower(take_until(line, ':'));
  std::string_view value = trimmed(line);
  if (name == "x-clickhouse-key") return is_password(value, secrets);
  if (name != "authorization" || base::to_lower(take_until(value, ' ')) != "basic") return false;
  const std::string credentials = base::decode_base64(value).value_or("");
  std::string_view password = credentials;
  take_until(password, ':');
  return is_password(password, secrets);
}

Verdict http_answer(std::string_view status, std::string_view headers, std::string_view body) {
  std::string answer = "HTTP/1.1 ";
  answer.append(status).append("\r\nContent-Type: text/plain; charset=UTF-8\r\n").append(headers);
  answer.append("Content-Length: ").append(std::to_string(body.size()));
  answer.append("\r\nConnection: close\r\n\r\n").append(body);
  return {.kind = Verdict::Kind::kAnswer, .answer = std::move(answer)};
}

Verdict judge_http(std::string_view bytes, const Secrets& secrets) {
  // Lines are ended by CR LF or by LF alone; an empty one ends the head.
  if (bytes.find("\n\r\n") == std::string_view::npos &&
      bytes.find("\n\n") == std::string_view::npos) {
    return {};
  }
  std::string_view request = trimmed(take_until(bytes, '\n'));
  const std::string_view method = take_until(request, ' ');
  std::string_view parameters = take_until(request, ' ');
  const std::string_view path = take_until(parameters, '?');
  if (url_has_password(parameters, secrets)) return {.kind = Verdict::Kind::kAdmit, .answer = {}};
  while (!bytes.empty()) {
    const std::string_view line = trimmed(take_until(bytes, '\n'));
    if (line.empty()) break;
    if (header_has_password(line, secrets)) return {.kind = Verdict::Kind::kAdmit, .answer = {}};
  }
  if (method == "GET" && path == secrets.nonce_path)
    return http_answer("200 OK", "", secrets.nonce);
  // Health checks of ClickHouse's clients send no password.
  if ((method == "GET" || method == "HEAD") && path == "/ping")
    return http_answer("200 OK", "", "Ok.\n");
  const std::string code = std::to_string(kAuthenticationFailed);
  return http_answer(
      "403 Forbidden", "X-ClickHouse-Exception-Code: " + code + "\r\n",
      "Code: " + code + ". DB::Exception: " + std::string(kRefusal) + " (AUTHENTICATION_FAILED)\n");
}

// Reads the native protocol's packets; nothing where the bytes end too early.
class PacketReader {
 public:
  explicit PacketReader(std::string_view bytes) : rest_(bytes) {}

  std::optional<std::uint64_t> number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 63 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  }
  std::optional<std::string_view> text() {
    const auto size = number();
    if (!size || *size > rest_.size()) return std::nullopt;
    const std::string_view value = rest_.substr(0, *size);
    rest_.remove_prefix(*size);
    return value;
  }

 private:
  std::string_view rest_;
};

void append_text(std::string& packet, std::string_view text) {
  for (std::size_t size = text.size();; size >>= 7U) {
    packet += static_cast<char>((size & 0x7FU) | (size < 0x80 ? 0U : 0x80U));
    if (size < 0x80) break;
  }
  packet += text;
}

// A packet of kind "exception": code, name, text, stack trace, no cause.
Verdict native_refusal() {
  std::string packet(1, '\2');
  for (unsigned shift = 0; shift != 32; shift += 8) {
    packet += static_cast<char>((static_cast<unsigned>(kAuthenticationFailed) >> shift) & 0xFFU);
  }
  append_text(packet, "DB::Exception");
  append_text(packet, std::string("DB::Exception: ").append(kRefusal));
  append_text(packet, "");
  packet += '\0';
  return {.kind = Verdict::Kind::kAnswer, .answer = std::move(packet)};
}

// Hello: kind 0, client's name, major, minor, revision, database, user, password.
Verdict judge_native(std::string_view bytes, const Secrets& secrets) {
  if (!bytes.empty() && bytes.front() != '\0')
    return {.kind = Verdict::Kind::kAnswer, .answer = {}};
  PacketReader packet(bytes);
  constexpr int kNumbers = 3;
  if (!packet.number() || !packet.text()) return {};
  for (int i = 0; i != kNumbers; ++i) {
    if (!packet.number()) return {};
  }
  const auto database = packet.text();
  const auto user = packet.text();
  if (!database || !user) return {};
  const auto password = packet.text();
  if (!password) return {};
  const bool is_reader = !secrets.reader_user.empty() && *user == secrets.reader_user;
  if (is_same(*password, is_reader ? secrets.reader_password : secrets.password)) {
    return {.kind = Verdict::Kind::kAdmit, .answer = {}};
  }
  return native_refusal();
}

}  // namespace

Verdict judge(Protocol protocol, std::string_view bytes, const Secrets& secrets) {
  return protocol == Protocol::kHttp ? judge_http(bytes, secrets) : judge_native(bytes, secrets);
}

}  // namespace qvdhouse::engine
