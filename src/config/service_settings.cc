#include "config/service_settings.h"

#include <vector>

#include "config/parts.h"

namespace qvdhouse::config {
namespace {

using observe::LineageOptions;
using observe::TraceOptions;
using serve::AgendaOptions;
using serve::AlertOptions;
using serve::HttpOptions;
using serve::LogBookOptions;
using serve::MetricsOptions;
using serve::Overlap;
using serve::ServiceOptions;
using serve::Workflow;
using Settings = std::vector<Setting>;

}  // namespace

Settings of_schedule() {
  return {
      setting("schedule", &SourceSettings::schedule, schedule(), "when a running service syncs",
              {.flag = "--schedule WHEN"}),
      setting("schedule_timezone", &SourceSettings::schedule_timezone, time_zone_or_none(),
              "the zone that the schedule is in",
              {.flag = "--schedule-timezone ZONE", .otherwise = "the machine's"}),
      setting("overlap", &AgendaOptions::overlap,
              Choice<Overlap>({{"skip", Overlap::kSkip}, {"buffer", Overlap::kBuffer}}),
              "a run that is due while one is under way: left out, or started after it"),
      setting("catch_up", &AgendaOptions::catch_up, span(),
              "how old a missed run may be that is made up for after a downtime"),
      setting("jitter", &AgendaOptions::jitter, span(),
              "starts are put off by up to this, each workflow by its own"),
      setting("run_attempts", &Workflow::run_attempts, Number(1, 100),
              "tries of a run whose source or server could not be reached"),
      setting("watch", &Workflow::is_watched, boolean(),
              "serve: a folder of this machine is watched, and a file is loaded soon after it was "
              "closed"),
      setting("run_timeout", &Workflow::run_timeout, span(),
              "a run of the service that takes longer is rolled back and has failed",
              {.otherwise = "none"}),
      setting("parallel_runs", &ServiceOptions::parallel_runs, Number(1, 64),
              "sources that the service syncs at once"),
      setting("stop_patience", &ServiceOptions::stop_patience, span(),
              "how long a service that is stopped lets open loads finish"),
  };
}

Settings of_service() {
  return {
      setting("serve.address", &HttpOptions::address, text(),
              "where the service listens; others than loopback need a token",
              {.flag = "--address ADDRESS", .is = kGuard}),
      setting("serve.port", &ServeSettings::port, port(), "its port: API and page",
              {.flag = "--port PORT", .env = "QVD_PORT"}),
      setting("serve.dashboard_port", &ServeSettings::dashboard_port, port(),
              "a second port for the same, such as 8081",
              {.env = "QVD_DASHBOARD_PORT", .otherwise = "none"}),
      setting("serve.token", &ServeSettings::token, text(),
              "what clients send as Authorization: Bearer (qvdhouse token makes one)",
              {.env = "QVD_TOKEN", .is = kSecret | kGuard}),
      setting(
          "serve.token_hash", &ServeSettings::token_hash, text(),
          "its hash: all that the service has to know of it",
          {.env = "QVD_TOKEN_HASH", .otherwise = "that of serve.token", .is = kSecret | kGuard}),
      setting("serve.metrics_token", &ServeSettings::metrics_token, text(),
              "a token that opens /metrics and nothing else, for who scrapes it",
              {.env = "QVD_METRICS_TOKEN", .otherwise = "none", .is = kSecret | kGuard}),
      setting("serve.metrics_tables", &MetricsOptions::most_tables, Number(0, 1'000'000),
              "how many tables have series of their own in /metrics",
              {.env = "QVD_METRICS_TABLES"}),
      setting("serve.allow_anonymous", &ServeSettings::allow_anonymous, boolean(),
              "let everybody in who reaches the address, without a token",
              {.flag = "--allow-anonymous", .env = "QVD_ALLOW_ANONYMOUS", .is = kGuard}),
      setting("serve.tls_certificate", &HttpOptions::tls_certificate, path(),
              "certificate (PEM) of the service, for https",
              {.env = "QVD_TLS_CERTIFICATE", .otherwise = "none: plain HTTP", .is = kGuard}),
      setting("serve.tls_key", &HttpOptions::tls_key, path(), "its private key (PEM)",
              {.env = "QVD_TLS_KEY", .is = kGuard}),
      setting("serve.tls_ca", &ServeSettings::tls_ca, path(),
              "certificates (PEM) that qvdhouse workflow checks the service against",
              {.env = "QVD_TLS_CA", .otherwise = "the system's"}),
      setting("instance_name", &ServeSettings::instance_name, text(),
              "what this service is called in its alerts",
              {.otherwise = "the name of its machine"}),
      setting("public_url", &ServeSettings::public_url, text("http(s)://HOST[:PORT]/…"),
              "where people reach its page: alerts link to it",
              {.otherwise = "its address and port"}),
  };
}

Settings of_logs() {
  return {
      setting("log_level", &Config::log_level, words({"error", "warning", "info", "debug"}),
              "minimum log level", {.flag = "--log-level LEVEL"}),
      setting("log_format", &LogBookOptions::console_is_json,
              Choice<bool>({{"text", false}, {"json", true}}),
              "how the service logs to standard error"),
      setting("log_file", &LogBookOptions::file, path(),
              "a file that the service logs to as well, one JSON object a line",
              {.otherwise = "none"}),
      setting("log_file_size", &LogBookOptions::file_bytes, Bytes(),
              "from this size on it is renamed to FILE.1 and a new one is begun"),
      setting("log_files_kept", &LogBookOptions::files_kept, Number(1, 1'000),
              "how many of the renamed ones are kept"),
  };
}

Settings of_alerts() {
  return {
      setting("alert_url", &AlertOptions::url, text("http(s)://HOST[:PORT]/…"),
              "a webhook that is told when an incident begins and when it is over",
              {.otherwise = "none", .is = kSecret}),
      setting("alert_format", &AlertOptions::form, words({"auto", "json", "slack"}),
              "what it is sent", {.otherwise = "slack for hooks.slack.com, else json"}),
      setting("alert_on_schema_change", &AlertOptions::on_schema_change, boolean(),
              "it is also told after a run that changed columns of tables in use"),
      setting("alert_grouping", &AlertOptions::grouping, span(),
              "from a new cause until it is told; causes that begin meanwhile are one alert"),
      setting("alert_reminder", &AlertOptions::reminder, span(),
              "incidents that last are told again after each such time", {.otherwise = "never"}),
      setting("alert_attempts", &AlertOptions::attempts, Number(1, 100), "tries of one alert"),
      setting("alert_stale_after", &Workflow::stale_after, span(),
              "tables whose source was not looked at for so long are stale",
              {.otherwise = "twice the time between runs"}),
  };
}

Settings of_observation() {
  return {
      setting(
          "otlp_endpoint", &TraceOptions::endpoint, endpoint(),
          "a collector of OpenTelemetry that gets the traces of runs by HTTP; /v1/traces is added",
          {.fallback = "OTEL_EXPORTER_OTLP_ENDPOINT"}),
      setting("otlp_traces_endpoint", &TraceOptions::traces_endpoint, endpoint(),
              "the same URL in full; the stronger one",
              {.fallback = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"}),
      setting("otlp_headers", &TraceOptions::headers, header_pairs(),
              "headers that the collector asks for",
              {.fallback = "OTEL_EXPORTER_OTLP_TRACES_HEADERS, OTEL_EXPORTER_OTLP_HEADERS",
               .shape = Shape::kList,
               .is = kSecret}),
      setting("otlp_service_name", &TraceOptions::service_name, text(),
              "service.name of the traces",
              {.fallback = "OTEL_SERVICE_NAME", .otherwise = "qvdhouse"}),
      setting("otlp_resource_attributes", &TraceOptions::resource, attributes(),
              "more attributes of all traces, such as deployment.environment=prod",
              {.fallback = "OTEL_RESOURCE_ATTRIBUTES", .shape = Shape::kList}),
      setting("otlp_disabled", &TraceOptions::is_off, boolean(), "true: no traces are sent",
              {.fallback = "OTEL_SDK_DISABLED"}),
      setting("openlineage_url", &LineageOptions::url, lineage_url(),
              "a receiver of OpenLineage events, or file:///PATH for one event a line",
              {.fallback = "OPENLINEAGE_URL"}),
      setting("openlineage_endpoint", &LineageOptions::endpoint,
              text("a path such as api/v1/lineage"), "the path behind openlineage_url",
              {.fallback = "OPENLINEAGE_ENDPOINT"}),
      setting("openlineage_api_key", &LineageOptions::api_key, text(),
              "sent as Authorization: Bearer", {.fallback = "OPENLINEAGE_API_KEY", .is = kSecret}),
      setting("openlineage_namespace", &LineageOptions::job_namespace, text(),
              "the namespace of our jobs", {.fallback = "OPENLINEAGE_NAMESPACE"}),
      setting("openlineage_disabled", &LineageOptions::is_off, boolean(),
              "true: no events are sent", {.fallback = "OPENLINEAGE_DISABLED"}),
  };
}

}  // namespace qvdhouse::config
