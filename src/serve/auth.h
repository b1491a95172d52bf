// Who may ask for what: bearer tokens, which are known by their hash only, and the checks that keep
// other web pages from acting through a user's browser.
#pragma once

#include <cstddef>
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

// The least number of characters of a token, and of a secret that the log masks: what is shorter is
// guessed, and masking it wherever its letters stand would tell it.
inline constexpr std::size_t kShortestSecret = 16;
// Throws ConfigError for a token that is shorter than that; `token` is not empty. `key` is its
// setting.
void check_token(std::string_view token, std::string_view key = "serve.token");

// Throws ConfigError for an address that other machines reach when neither a token is set nor
// everybody is let in explicitly.
void check_exposure(const std::string& address, bool has_token, bool allow_anonymous);

// Whether a browser sends the request for the page of another site (or of another port or name of
// this one), by Sec-Fetch-Site, which no page can forge. False for a client that is not a browser.
bool is_from_another_site(const HttpRequest& request);
// Whether it is a user who follows a link to here: the browser leaves the other site's page.
bool follows_a_link(const HttpRequest& request);

// Whether a request that changes something comes from our own page or from no page at all, by
// Sec-Fetch-Site and Origin, which no page can forge.
bool is_own_page_or_none(const HttpRequest& request);

// Whether the Host header names this machine by address or as localhost. A page of another site
// whose name was made to point to 127.0.0.1 (DNS rebinding) names that site instead.
bool names_loopback_host(const HttpRequest& request);

}  // namespace qvdhouse::serve
