// A running `rclone rcd`: a child process that serves its remote control on loopback and ends with
// us, however we end.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <future>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "source/access.h"

namespace qvdhouse::source {

struct RcloneCommand {
  std::string binary;                  // a path
  std::vector<std::string> arguments;  // behind the binary's name; anyone on the machine sees them
  std::vector<std::string> environment;  // "NAME=value", all that the child gets
  std::chrono::milliseconds start_limit{20'000};
  std::function<void(std::string_view)> log;  // lines of its stderr, from another thread; or empty
};

class RcloneProcess {
 public:
  // Returns when the remote control answers. Throws IoError, with what rclone said, when it does
  // not within the limit.
  explicit RcloneProcess(RcloneCommand command);
  ~RcloneProcess();  // kills the child
  RcloneProcess(const RcloneProcess&) = delete;
  RcloneProcess& operator=(const RcloneProcess&) = delete;

  const std::string& base_url() const { return base_url_; }  // "http://127.0.0.1:PORT/"
  bool is_running() const;

 private:
  void run();
  void start();
  void read_log();
  void take_line(std::string_view line);
  void kill_child();

  RcloneCommand command_;
  std::string base_url_;
  std::promise<std::string> started_;  // base_url_; an exception when it ended before
  bool is_started_ = false;            // of the thread's own
  std::string said_;                   // by the child before it was up; the thread's own
  int log_fd_ = -1;                    // the thread's own
  mutable std::mutex mutex_;
  pid_t pid_ = -1;  // -1: not started, or reaped
  std::thread thread_;
};

// Path of the rclone that is to be used: `binary`, or "rclone" on PATH. Throws ConfigError, with
// what to install, when there is none that can be run. `needed_for` is a scheme.
std::string find_rclone(const std::string& binary, std::string_view needed_for);

// What the rclone child gets to see of our environment.

// `ours` is "NAME=value" of this process; `password` is for the remote control, whose user is
// kRcloneUser.
//
// Which credentials a remote uses is said in its parameters (remote.h); only s3, gs and az remotes
// that are told to look for themselves read variables, each those of its own maker. The rest of the
// environment goes along, because a credential_process or an SSH agent needs what its user has set,
// without what belongs to the database, and without rclone's own variables, which would change what
// our remotes mean. A child with the user's own configuration keeps those.
std::vector<std::string> rclone_environment(const std::vector<std::string>& ours,
                                            const Access& access, const std::string& password,
                                            bool own_configuration);

inline constexpr const char* kRcloneUser = "qvdhouse";

}  // namespace qvdhouse::source
