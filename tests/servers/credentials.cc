#include "tests/servers/credentials.h"

#include <fmt/format.h>
#include <unistd.h>

#include "tests/servers/programs.h"

namespace qvdhouse::tests {
namespace fs = std::filesystem;
namespace {

std::string hash(const char* method) {
  std::string line = output_of(machine_program("openssl"), {"passwd", method, kPassword});
  line.pop_back();  // the line's end
  return line;
}

}  // namespace

void write_htpasswd(const fs::path& work) {
  write_file(work / "htpasswd", fmt::format("{}:{}\n", kUser, hash("-apr1")));
}

void write_certificates(const fs::path& work) {
  const auto openssl = machine_program("openssl");
  const auto made = [&](const std::string& name, std::vector<std::string> rest) {
    std::vector<std::string> words{"req",
                                   "-x509",
                                   "-newkey",
                                   "ec",
                                   "-pkeyopt",
                                   "ec_paramgen_curve:P-256",
                                   "-nodes",
                                   "-days",
                                   "2",
                                   "-keyout",
                                   work / (name + ".key"),
                                   "-out",
                                   work / (name + ".crt")};
    words.insert(words.end(), rest.begin(), rest.end());
    output_of(openssl, words);
  };
  made("ca", {"-subj", "/CN=qvdhouse test CA"});
  made("server",
       {"-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext",
        "basicConstraints=critical,CA:FALSE", "-CA", work / "ca.crt", "-CAkey", work / "ca.key"});
}

Environment own_user_database(const fs::path& work) {
  const auto ids = fmt::format("{}:{}", ::geteuid(), ::getegid());
  write_file(work / "passwd",
             fmt::format("root:x:0:0:root:/:/bin/sh\nsshd:x:65533:65534::/:/bin/false\n"
                         "nobody:x:65534:65534:nobody:/:/bin/false\n{}:x:{}::{}:/bin/sh\n",
                         kUser, ids, work.string()));
  write_file(work / "shadow", fmt::format("{}:{}:19000:0:99999:7:::\n", kUser, hash("-6")));
  write_file(work / "group",
             fmt::format("root:x:0:\nnogroup:x:65534:\n{}:x:{}:\n", kUser, ::getegid()));
  Environment environment = unpacked_environment();
  environment.insert(environment.end(), {{"LD_PRELOAD", "libnss_wrapper.so"},
                                         {"NSS_WRAPPER_PASSWD", work / "passwd"},
                                         {"NSS_WRAPPER_SHADOW", work / "shadow"},
                                         {"NSS_WRAPPER_GROUP", work / "group"}});
  return environment;
}

}  // namespace qvdhouse::tests
