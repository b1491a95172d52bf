// Who may ask for what: bearer tokens, which are known by their hash only, and the checks that keep
// other web pages from acting through a user's browser.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "serve/http_server.h"

namespace qvdhouse::serve {

// A new random token of 256 bits: "qvd_" and 43 letters, digits, - and _.
std::string new_token();
// "sha256:" and 64 hexadecimal digits. A token is random, so that no slow hash is needed.
std::string hash_token(std::string_view token);
// Whether `text` is what hash_token() returns.
bool is_token_hash(std::string_view text);
// Whether the request brings the token of this hash ("Authorization: Bearer …"), in constant time.
bool has_token(const HttpRequest& request, std::string_view token_hash);

bool is_loopback_address(std::string_view address);
// Throws ConfigError for an address that other machines reach when neither a token is set nor
// everybody is let in explicitly.
void check_exposure(const std::string& address, bool has_token, bool allow_anonymous);

// Whether a request that changes something comes from our own page or from no page at all, by
// Sec-Fetch-Site and Origin, which no page can forge.
bool is_own_page_or_none(const HttpRequest& request);

// Whether the Host header names this machine by address or as localhost. A page of another site
// whose name was made to point to 127.0.0.1 (DNS rebinding) names that site instead.
bool names_loopback_host(const HttpRequest& request);

}  // namespace qvdhouse::serve
