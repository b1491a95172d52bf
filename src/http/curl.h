// libcurl's objects with an owner, and what every client in this program sets on them the same way.
// Clients: the ClickHouse connection, the storages and their probe, and http/fetch.h for single
// requests.
#pragma once

#include <curl/curl.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qvdhouse::http {

// One libcurl easy handle with its error buffer. A handle is used by one thread at a time.
class Handle {
 public:
  // Starts libcurl at the first use. Throws IoError when libcurl does not start.
  Handle();

  CURL* get() const { return easy_.get(); }

  // Forgets all options but keeps open connections, then sets those that all clients share: no
  // signals, the user agent, the error buffer.
  void reset();

  // Runs the transfer that the options describe.
  CURLcode perform();

  // libcurl's description of what the last perform() returned.
  std::string error_text(CURLcode code) const;

  // Whether a byte of the last request left this machine.
  bool has_sent() const;

  // The status of the last answer; 0 when none came.
  long status() const;

 private:
  struct Cleanup {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  };
  std::unique_ptr<std::array<char, CURL_ERROR_SIZE>> error_;
  std::unique_ptr<CURL, Cleanup> easy_;
};

// Whether `text` can stand in a header line: it holds no line break and no NUL.
bool is_header_text(std::string_view text);

// The lines of a request's header. Must outlive the transfers that use it.
class HeaderList {
 public:
  // Appends "Name: value", "Name;" for a header with an empty value, or "Name:" to leave out a
  // header that libcurl sends by itself. The line must be is_header_text().
  void add(const std::string& line);

  const curl_slist* get() const { return list_.get(); }
  void set_on(const Handle& handle) const;

 private:
  struct Cleanup {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };
  std::unique_ptr<curl_slist, Cleanup> list_;
};

// A URL as libcurl parses it, so that what is checked is what is asked.
class Url {
 public:
  // Empty when libcurl does not accept `text`. `flags` are those of curl_url_set().
  static std::optional<Url> parse(const std::string& text, unsigned flags = 0);

  // One part; empty when the URL does not have it. `flags` are those of curl_url_get().
  std::string part(CURLUPart which, unsigned flags = 0) const;
  void set(CURLUPart which, const std::string& text);  // that libcurl accepts
  void clear(CURLUPart which);

 private:
  struct Cleanup {
    void operator()(CURLU* url) const { curl_url_cleanup(url); }
  };
  explicit Url(CURLU* url) : url_(url) {}
  std::unique_ptr<CURLU, Cleanup> url_;
};

// The first of the files that is there; empty: none is.
std::string first_file(const std::vector<std::string>& candidates);

// The PEM files of a TLS client; an empty path means libcurl's default. Where this system has no
// such file, because libcurl was built for another one, `ca_file` is where it has its own.
struct Tls {
  std::string ca_file;
  std::string client_cert;
  std::string client_key;  // empty: libcurl looks into client_cert
  bool verify = true;
};
void set_tls(const Handle& handle, const Tls& tls);

}  // namespace qvdhouse::http
