// The settings of `qvdhouse serve`: when workflows run, and what the service listens to, logs and
// reports (docs/service.md).
#include <array>
#include <string>
#include <utility>

#include "cli/setting_values.h"
#include "cli/settings_table.h"
#include "serve/schedule.h"

namespace qvdhouse::cli {
namespace {

using serve::Overlap;

constexpr std::array<std::pair<std::string_view, Overlap>, 2> kOverlaps = {
    {{"skip", Overlap::kSkip}, {"buffer", Overlap::kBuffer}}};
constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kLogFormats = {
    {{"text", "text"}, {"json", "json"}}};
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kAlertFormats = {
    {{"auto", "auto"}, {"json", "json"}, {"slack", "slack"}}};

template <std::size_t N>
std::string take_word(const RawValue& value, std::string& out,
                      const std::array<std::pair<std::string_view, std::string_view>, N>& words) {
  std::string_view word;
  std::string error = take_choice(value, word, words);
  out = word;
  return error;
}

std::string take_zone(const RawValue& value, std::string& out) {
  const std::string error = serve::time_zone_error(value.text);
  if (!error.empty()) return "a time zone name such as Europe/Berlin (" + error + ")";
  out = value.text;
  return "";
}

const std::array kServeSettings = {
    Setting{.key = "schedule",
            .env = "QVD_SCHEDULE",
            .flag = "--schedule",
            .value_name = "WHEN",
            .default_text = "@daily",
            .allowed = "a cron line, @daily and the like, or 5m",
            .help = "when a running service syncs",
            .parse = [](const RawValue& v,
                        Config& c) { return take_schedule(v, c.workflow.schedule); }},
    Setting{
        .key = "schedule_timezone",
        .env = "QVD_SCHEDULE_TIMEZONE",
        .flag = "--schedule-timezone",
        .value_name = "ZONE",
        .default_text = "the machine's",
        .allowed = "a time zone name",
        .help = "the zone that the schedule is in",
        .parse = [](const RawValue& v, Config& c) { return take_zone(v, c.workflow.timezone); }},
    Setting{.key = "overlap",
            .env = "QVD_OVERLAP",
            .flag = "",
            .value_name = "",
            .default_text = "skip",
            .allowed = "skip or buffer",
            .help = "a run that is due while one is under way: left out, or started after it",
            .parse = [](const RawValue& v,
                        Config& c) { return take_choice(v, c.workflow.overlap, kOverlaps); }},
    Setting{
        .key = "catch_up",
        .env = "QVD_CATCH_UP",
        .flag = "",
        .value_name = "",
        .default_text = "24h",
        .allowed = kSpan,
        .help = "how old a missed run may be that is made up for after a downtime",
        .parse = [](const RawValue& v, Config& c) { return take_span(v, c.workflow.catch_up); }},
    Setting{.key = "jitter",
            .env = "QVD_JITTER",
            .flag = "",
            .value_name = "",
            .default_text = "0s",
            .allowed = kSpan,
            .help = "starts are put off by up to this, each workflow by its own",
            .parse = [](const RawValue& v, Config& c) { return take_span(v, c.workflow.jitter); }},
    Setting{.key = "run_attempts",
            .env = "QVD_RUN_ATTEMPTS",
            .flag = "",
            .value_name = "",
            .default_text = "3",
            .allowed = "1 to 100",
            .help = "tries of a run whose source or server could not be reached",
            .parse =
                [](const RawValue& v, Config& c) {
                  return take_number(v, c.workflow.run_attempts, 1U, 100U,
                                     "a whole number, 1 to 100");
                }},
    Setting{
        .key = "run_timeout",
        .env = "QVD_RUN_TIMEOUT",
        .flag = "",
        .value_name = "",
        .default_text = "0s: none",
        .allowed = kSpan,
        .help = "a run of the service that takes longer is rolled back and has failed",
        .parse = [](const RawValue& v, Config& c) { return take_span(v, c.workflow.run_timeout); }},
    Setting{.key = "parallel_runs",
            .env = "QVD_PARALLEL_RUNS",
            .flag = "",
            .value_name = "",
            .default_text = "1",
            .allowed = "1 to 64",
            .help = "sources that the service syncs at once",
            .parse =
                [](const RawValue& v, Config& c) {
                  return take_number(v, c.serve.parallel_runs, 1U, 64U, "a whole number, 1 to 64");
                }},
    Setting{
        .key = "stop_patience",
        .env = "QVD_STOP_PATIENCE",
        .flag = "",
        .value_name = "",
        .default_text = "30s",
        .allowed = kSpan,
        .help = "how long a service that is stopped lets open loads finish",
        .parse = [](const RawValue& v, Config& c) { return take_span(v, c.serve.stop_patience); }},
    Setting{.key = "serve.address",
            .env = "QVD_SERVE_ADDRESS",
            .flag = "--address",
            .value_name = "ADDRESS",
            .default_text = "127.0.0.1",
            .allowed = kNotEmpty,
            .help = "where the service listens; others than loopback need a token",
            .guards_service = true,
            .parse = [](const RawValue& v, Config& c) { return take_text(v, c.serve.address); }},
    Setting{.key = "serve.port",
            .env = "QVD_PORT",
            .flag = "--port",
            .value_name = "PORT",
            .default_text = "4000",
            .allowed = kPort,
            .help = "its port: API and page",
            .parse =
                [](const RawValue& v, Config& c) {
                  return take_number(v, c.serve.port, std::uint16_t{1}, std::uint16_t{65535},
                                     kPort);
                }},
    Setting{.key = "serve.dashboard_port",
            .env = "QVD_DASHBOARD_PORT",
            .flag = "",
            .value_name = "",
            .default_text = "none",
            .allowed = kPort,
            .help = "a second port for the same, such as 8081",
            .parse =
                [](const RawValue& v, Config& c) {
                  return take_number(v, c.serve.dashboard_port, std::uint16_t{1},
                                     std::uint16_t{65535}, kPort);
                }},
    Setting{.key = "serve.token",
            .env = "QVD_TOKEN",
            .flag = "",
            .value_name = "",
            .default_text = "",
            .allowed = kNotEmpty,
            .help = "what clients send as Authorization: Bearer (qvdhouse token makes one)",
            .is_secret = true,
            .guards_service = true,
            .parse = [](const RawValue& v, Config& c) { return take_text(v, c.serve.token); }},
    Setting{.key = "serve.token_hash",
            .env = "QVD_TOKEN_HASH",
            .flag = "",
            .value_name = "",
            .default_text = "that of serve.token",
            .allowed = kNotEmpty,
            .help = "its hash: all that the service has to know of it",
            .is_secret = true,
            .guards_service = true,
            .parse = [](const RawValue& v, Config& c) { return take_text(v, c.serve.token_hash); }},
    Setting{.key = "serve.allow_anonymous",
            .env = "QVD_ALLOW_ANONYMOUS",
            .flag = "--allow-anonymous",
            .value_name = "",
            .default_text = "false",
            .allowed = kTruth,
            .help = "let everybody in who reaches the address, without a token",
            .is_switch = true,
            .guards_service = true,
            .parse = [](const RawValue& v,
                        Config& c) { return take_truth(v, c.serve.allow_anonymous); }},
    Setting{.key = "serve.tls_certificate",
            .env = "QVD_TLS_CERTIFICATE",
            .flag = "",
            .value_name = "",
            .default_text = "none: plain HTTP",
            .allowed = kPath,
            .help = "certificate (PEM) of the service, for https",
            .guards_service = true,
            .parse = [](const RawValue& v,
                        Config& c) { return take_text(v, c.serve.tls_certificate); }},
    Setting{.key = "serve.tls_key",
            .env = "QVD_TLS_KEY",
            .flag = "",
            .value_name = "",
            .default_text = "",
            .allowed = kPath,
            .help = "its private key (PEM)",
            .guards_service = true,
            .parse = [](const RawValue& v, Config& c) { return take_text(v, c.serve.tls_key); }},
    Setting{.key = "serve.tls_ca",
            .env = "QVD_TLS_CA",
            .flag = "",
            .value_name = "",
            .default_text = "the system's",
            .allowed = kPath,
            .help = "certificates (PEM) that qvdhouse workflow checks the service against",
            .parse = [](const RawValue& v, Config& c) { return take_text(v, c.serve.tls_ca); }},
    Setting{.key = "log_format",
            .env = "QVD_LOG_FORMAT",
            .flag = "",
            .value_name = "",
            .default_text = "text",
            .allowed = "text or json",
            .help = "how the service logs to standard error",
            .parse = [](const RawValue& v,
                        Config& c) { return take_word(v, c.serve.log_format, kLogFormats); }},
    Setting{.key = "log_file",
            .env = "QVD_LOG_FILE",
            .flag = "",
            .value_name = "",
            .default_text = "none",
            .allowed = kPath,
            .help = "a file that the service logs to as well, one JSON object a line",
            .parse = [](const RawValue& v, Config& c) { return take_path(v, c.serve.log_file); }},
    Setting{.key = "log_file_size",
            .env = "QVD_LOG_FILE_SIZE",
            .flag = "",
            .value_name = "",
            .default_text = "10MiB",
            .allowed = kBytes,
            .help = "from this size on it is renamed to FILE.1 and a new one is begun",
            .parse = [](const RawValue& v,
                        Config& c) { return take_bytes(v, c.serve.log_file_bytes); }},
    Setting{.key = "log_files_kept",
            .env = "QVD_LOG_FILES_KEPT",
            .flag = "",
            .value_name = "",
            .default_text = "5",
            .allowed = "1 to 1000",
            .help = "how many of the renamed ones are kept",
            .parse =
                [](const RawValue& v, Config& c) {
                  return take_number(v, c.serve.log_files_kept, 1U, 1'000U,
                                     "a whole number, 1 to 1000");
                }},
    Setting{.key = "alert_url",
            .env = "QVD_ALERT_URL",
            .flag = "",
            .value_name = "",
            .default_text = "none",
            .allowed = "http(s)://HOST[:PORT]/…",
            .help = "a webhook that is told when a workflow fails, recovers or is stale",
            .is_secret = true,
            .parse = [](const RawValue& v, Config& c) { return take_text(v, c.serve.alert_url); }},
    Setting{.key = "alert_format",
            .env = "QVD_ALERT_FORMAT",
            .flag = "",
            .value_name = "",
            .default_text = "auto: slack for hooks.slack.com, else json",
            .allowed = "auto, json or slack",
            .help = "what it is sent",
            .parse = [](const RawValue& v,
                        Config& c) { return take_word(v, c.serve.alert_format, kAlertFormats); }},
    Setting{.key = "alert_attempts",
            .env = "QVD_ALERT_ATTEMPTS",
            .flag = "",
            .value_name = "",
            .default_text = "6",
            .allowed = "1 to 100",
            .help = "tries of one alert",
            .parse =
                [](const RawValue& v, Config& c) {
                  return take_number(v, c.serve.alert_attempts, 1U, 100U,
                                     "a whole number, 1 to 100");
                }},
    Setting{
        .key = "alert_stale_after",
        .env = "QVD_ALERT_STALE_AFTER",
        .flag = "",
        .value_name = "",
        .default_text = "0s: twice the time between runs",
        .allowed = kSpan,
        .help = "a workflow that had no good run for so long is stale",
        .parse = [](const RawValue& v, Config& c) { return take_span(v, c.workflow.stale_after); }},
};

}  // namespace

std::span<const Setting> serve_settings() { return kServeSettings; }

}  // namespace qvdhouse::cli
