#include "http/curl.h"

#include <filesystem>
#include <new>

#include "base/error.h"

namespace qvdhouse::http {
namespace {

// Debian and SUSE, Red Hat, Alpine and others.
std::string system_ca_file() {
  const char* built_in = curl_version_info(CURLVERSION_NOW)->cainfo;
  return first_file({built_in == nullptr ? "" : built_in, "/etc/ssl/certs/ca-certificates.crt",
                     "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
                     "/etc/ssl/cert.pem"});
}

}  // namespace

std::string first_file(const std::vector<std::string>& candidates) {
  for (const std::string& path : candidates) {
    std::error_code ignored;
    if (std::filesystem::is_regular_file(path, ignored)) return path;
  }
  return "";
}

Handle::Handle() : error_(std::make_unique<std::array<char, CURL_ERROR_SIZE>>()) {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (started != CURLE_OK) throw base::IoError("libcurl does not start");
  easy_.reset(curl_easy_init());
  if (!easy_) throw std::bad_alloc();
  reset();
}

void Handle::reset() {
  curl_easy_reset(get());
  curl_easy_setopt(get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(get(), CURLOPT_USERAGENT, "qvdhouse");
  curl_easy_setopt(get(), CURLOPT_ERRORBUFFER, error_->data());
}

CURLcode Handle::perform() {
  error_->front() = '\0';
  return curl_easy_perform(get());
}

std::string Handle::error_text(CURLcode code) const {
  return error_->front() != '\0' ? error_->data() : curl_easy_strerror(code);
}

bool Handle::has_sent() const {
  long bytes = 0;
  curl_easy_getinfo(get(), CURLINFO_REQUEST_SIZE, &bytes);
  return bytes != 0;
}

long Handle::status() const {
  long status = 0;
  curl_easy_getinfo(get(), CURLINFO_RESPONSE_CODE, &status);
  return status;
}

bool is_header_text(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

void HeaderList::add(const std::string& line) {
  curl_slist* longer = curl_slist_append(list_.get(), line.c_str());
  if (longer == nullptr) throw std::bad_alloc();
  static_cast<void>(list_.release());
  list_.reset(longer);
}

void HeaderList::set_on(const Handle& handle) const {
  curl_easy_setopt(handle.get(), CURLOPT_HTTPHEADER, list_.get());
}

std::optional<Url> Url::parse(const std::string& text, unsigned flags) {
  Url url(curl_url());
  if (!url.url_) throw std::bad_alloc();
  if (curl_url_set(url.url_.get(), CURLUPART_URL, text.c_str(), flags) != CURLUE_OK) return {};
  return url;
}

std::string Url::part(CURLUPart which, unsigned flags) const {
  char* text = nullptr;
  if (curl_url_get(url_.get(), which, &text, flags) != CURLUE_OK || text == nullptr) return {};
  const std::unique_ptr<char, decltype(&curl_free)> owner(text, &curl_free);
  return text;
}

void Url::set(CURLUPart which, const std::string& text) {
  curl_url_set(url_.get(), which, text.c_str(), 0);
}

void Url::clear(CURLUPart which) { curl_url_set(url_.get(), which, nullptr, 0); }

void set_tls(const Handle& handle, const Tls& tls) {
  const auto set_file = [&](CURLoption option, const std::string& path) {
    if (!path.empty()) curl_easy_setopt(handle.get(), option, path.c_str());
  };
  set_file(CURLOPT_CAINFO, tls.ca_file.empty() ? system_ca_file() : tls.ca_file);
  set_file(CURLOPT_SSLCERT, tls.client_cert);
  set_file(CURLOPT_SSLKEY, tls.client_key);
  curl_easy_setopt(handle.get(), CURLOPT_SSL_VERIFYPEER, tls.verify ? 1L : 0L);
  curl_easy_setopt(handle.get(), CURLOPT_SSL_VERIFYHOST, tls.verify ? 2L : 0L);
}

}  // namespace qvdhouse::http
