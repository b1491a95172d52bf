#include <fmt/format.h>

#include "source/remote_families.h"
#include "source/url.h"

namespace qvdhouse::source {

Remote google_remote(const Url& url, const Access& access, const Environment& environment) {
  Remote remote{.type = "gcs",
                // Access lists of single objects are no business of a reader.
                .parameters = {{"bucket_policy_only", "true"}},
                .own_name = {},
                .root = url.host,
                .path = below_root(url.path),
                .source_type = "gs",
                .credentials = {},
                .public_root = {}};
  std::string emulator = value_of(environment, "STORAGE_EMULATOR_HOST");
  if (!emulator.empty()) {
    if (!is_url(emulator)) emulator = "http://" + emulator;
    while (emulator.ends_with('/')) emulator.pop_back();
    remote.parameters["endpoint"] = emulator + "/storage/v1/";
  }
  const std::string file = value_of(environment, "GOOGLE_APPLICATION_CREDENTIALS");
  if (access.anonymous) {
    remote.parameters["anonymous"] = "true";
    remote.credentials = "anonymous (source.anonymous)";
  } else if (!file.empty()) {
    // Without a parameter rclone goes Google's own way, which begins with this variable.
    remote.credentials = fmt::format("the file {} (GOOGLE_APPLICATION_CREDENTIALS)", file);
  } else if (!emulator.empty()) {
    remote.parameters["anonymous"] = "true";
    remote.credentials = "anonymous, as emulators want it (STORAGE_EMULATOR_HOST)";
  } else {
    remote.credentials =
        "Google's own search: gcloud's application default credentials, else the machine's "
        "service account";
  }
  return remote;
}

}  // namespace qvdhouse::source
