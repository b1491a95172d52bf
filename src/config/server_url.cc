#include <charconv>
#include <optional>

#include "config/parts.h"
#include "http/curl.h"

namespace qvdhouse::config {
namespace {

// Fills `out` and returns what is wrong; empty when nothing is.
std::string take_apart(std::string_view text, ServerUrl& out) {
  const std::string form(kServerUrlForm);
  const std::optional<http::Url> url =
      http::Url::parse(std::string(text), CURLU_NON_SUPPORT_SCHEME);
  if (!url) return form;
  const auto part = [&](CURLUPart which) { return url->part(which, CURLU_URLDECODE); };

  out.scheme = part(CURLUPART_SCHEME);
  if (out.scheme != "http" && out.scheme != "https") {
    return form + " (of the server's interfaces HTTP is used, port 8123, or 8443 for https)";
  }
  out.host = part(CURLUPART_HOST);
  out.user = part(CURLUPART_USER);
  out.password = part(CURLUPART_PASSWORD);
  const std::string port = part(CURLUPART_PORT);
  std::from_chars(port.data(), port.data() + port.size(), out.port);

  out.database = part(CURLUPART_PATH);
  while (out.database.starts_with('/')) out.database.erase(0, 1);
  while (out.database.ends_with('/')) out.database.pop_back();
  const std::string query = part(CURLUPART_QUERY);
  if (query.empty()) return "";
  constexpr std::string_view kDatabase = "database=";
  if (!query.starts_with(kDatabase) || query.find('&') != std::string::npos) {
    return form + "; of parameters only ?database=NAME is known";
  }
  out.database = query.substr(kDatabase.size());
  return "";
}

}  // namespace

std::string server_url_error(std::string_view text) {
  ServerUrl url;
  return take_apart(text, url);
}

ServerUrl parse_server_url(std::string_view text) {
  ServerUrl url;
  take_apart(text, url);
  return url;
}

std::string masked_url(std::string_view text) {
  std::string out(text);
  const std::size_t scheme_end = text.find("://");
  const std::size_t start = scheme_end == std::string_view::npos ? 0 : scheme_end + 3;
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos || at < start) return out;
  const std::size_t colon = text.find(':', start);
  if (colon == std::string_view::npos || colon > at) return out;
  return out.replace(colon + 1, at - colon - 1, "********");
}

}  // namespace qvdhouse::config
