// The settings of how a ClickHouse server is reached: TLS and compression.
#include <array>
#include <optional>
#include <utility>

#include "cli/setting_values.h"
#include "cli/settings_table.h"

namespace qvdhouse::cli {
namespace {

using clickhouse::Compression;

constexpr std::string_view kCompressions = "auto, none, gzip, lz4 or zstd";

std::string take_compression(const RawValue& value, std::optional<Compression>& out) {
  constexpr std::array<std::pair<std::string_view, Compression>, 4> kNames = {
      {{"none", Compression::kNone},
       {"gzip", Compression::kGzip},
       {"lz4", Compression::kLz4},
       {"zstd", Compression::kZstd}}};
  out.reset();
  if (value.text == "auto") return "";
  for (const auto& [name, compression] : kNames) {
    if (value.text == name) out = compression;
  }
  return out ? "" : std::string(kCompressions);
}

const std::array kServerSettings = {
    Setting{.key = "clickhouse.ca_file",
            .env = "CLICKHOUSE_CA_FILE",
            .flag = "--clickhouse-ca-file",
            .value_name = "FILE",
            .default_text = "the system's authorities",
            .allowed = kPath,
            .help = "certificates (PEM) that sign the server's, for https",
            .parse = [](const RawValue& v, Config& c) { return take_text(v, c.server.ca_file); }},
    Setting{
        .key = "clickhouse.client_cert",
        .env = "CLICKHOUSE_CLIENT_CERT",
        .flag = "",
        .value_name = "",
        .default_text = "",
        .allowed = kPath,
        .help = "a certificate (PEM) to log in with",
        .parse = [](const RawValue& v, Config& c) { return take_text(v, c.server.client_cert); }},
    Setting{
        .key = "clickhouse.client_key",
        .env = "CLICKHOUSE_CLIENT_KEY",
        .flag = "",
        .value_name = "",
        .default_text = "",
        .allowed = kPath,
        .help = "its private key (PEM)",
        .parse = [](const RawValue& v, Config& c) { return take_text(v, c.server.client_key); }},
    Setting{
        .key = "clickhouse.verify_tls",
        .env = "CLICKHOUSE_VERIFY_TLS",
        .flag = "",
        .value_name = "",
        .default_text = "true",
        .allowed = kTruth,
        .help = "false: the server is not checked, with a warning each run",
        .parse = [](const RawValue& v, Config& c) { return take_truth(v, c.server.verify_tls); }},
    Setting{.key = "clickhouse.compression",
            .env = "CLICKHOUSE_COMPRESSION",
            .flag = "--clickhouse-compression",
            .value_name = "METHOD",
            .default_text = "auto: none on loopback, else the best that the server takes",
            .allowed = kCompressions,
            .help = "how rows are compressed on their way to the server",
            .parse = [](const RawValue& v,
                        Config& c) { return take_compression(v, c.server.compression); }},
};

}  // namespace

std::span<const Setting> server_settings() { return kServerSettings; }

}  // namespace qvdhouse::cli
