// What is needed to reach remote storages: the settings of [source]. Each storage is given only
// what is its own (docs/storage.md has the table). What is empty here is looked for where the
// storage's own tools look: the usual environment variables and files.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace qvdhouse::source {

struct Access {
  // s3
  std::string aws_key;
  std::string aws_secret;
  std::string aws_session_token;
  std::string aws_profile;
  std::string aws_region;
  std::string aws_endpoint;
  bool anonymous = false;  // s3, gs, az: no credentials at all
  // http(s), webdav, ftp, sftp, smb: what the URL itself does not say
  std::string user;
  std::string password;
  std::string bearer_token;          // http(s), webdav
  std::vector<std::string> headers;  // http(s): "Name: value"
  std::string key_file;              // sftp
  std::string key_passphrase;        // sftp
  std::string known_hosts;           // sftp; empty: ~/.ssh/known_hosts
  std::string domain;                // smb
  // TLS, of every scheme that has it
  std::string ca_file;      // instead of the system's
  std::string client_cert;  // PEM
  std::string client_key;   // PEM
  bool verify_tls = true;
  // Time and tries
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds stall_timeout{60'000};  // without a byte
  unsigned attempts = 5;                            // of one request, in which nothing came
  std::chrono::milliseconds first_delay{250};       // before the second; doubles, with jitter
  std::stop_token stop{};  // when asked for, ends what waits for a server with Cancelled
  // rclone
  std::string rclone_binary;  // empty: "rclone" on PATH
  std::string rclone_config;  // for rclone://; empty: rclone's own default

  // Where bytes that have to be unpacked are kept while they are read; empty: the system's own
  // folder for temporary files.
  std::filesystem::path unpack_folder;

  // Warnings and debug lines, without secrets; may be empty.
  std::function<void(std::string_view)> warn;
  std::function<void(std::string_view)> debug;
};

}  // namespace qvdhouse::source
