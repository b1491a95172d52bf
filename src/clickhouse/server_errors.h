// What is known of a server's error by its code; is_retryable() is in connection.h.
#pragma once

#include <string_view>

namespace qvdhouse::clickhouse {

// Whether repeating the statement after a moment may help (is_retryable() means a whole load).
bool is_soon_over(int server_code);

// What the user can do about it, a clause; empty when the server's text says it all.
std::string_view advice(int server_code);

}  // namespace qvdhouse::clickhouse
