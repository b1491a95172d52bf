// qvdhouse-engine LIBRARY LOCK_FILE LINGER_FILE GATE_FILE ARGUMENT...
//
// A genuine ClickHouse server out of libchdb, for as long as another process holds a shared lock on
// LOCK_FILE, and for the seconds that LINGER_FILE says after the last one. GATE_FILE says which
// connections reach it: a line each of HTTP port, native port (0: none), password, path of the
// nonce, nonce, and of the reader its name and password (an older program writes none).
// clickhouse/engine.h says how it is used, docs/clickhouse.md what of libchdb we rely on.
#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/file_lock.h"
#include "engine/gate.h"
#include "engine/interposed.h"

namespace {

using qvdhouse::base::FileLock;
using qvdhouse::engine::Gate;
using qvdhouse::engine::GateSettings;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr int kExitUsage = 2;
constexpr int kExitNoLibrary = 3;
constexpr int kExitEngineEnded = 4;

struct Library {
  void (*set_signal_handlers_enabled)(int) = nullptr;
  void* (*query_cmdline)(int, char**) = nullptr;
  const char* (*result_error)(void*) = nullptr;
};

template <class Function>
bool find_symbol(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (function == nullptr) {
    std::fprintf(stderr,
                 "the engine library has no %s: expected npm package "
                 "@chdb/lib-linux-x64-gnu 26.7.3-stable.1 (the default tag is too old)\n",
                 name);
  }
  return function != nullptr;
}

// Never closed again: libchdb does not survive dlclose.
bool load(const char* path, Library& library) {
  void* handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    std::fprintf(stderr, "the engine library cannot be loaded: %s\n", dlerror());
    return false;
  }
  return find_symbol(handle, "chdb_set_signal_handlers_enabled",
                     library.set_signal_handlers_enabled) &&
         find_symbol(handle, "chdb_query_cmdline", library.query_cmdline) &&
         find_symbol(handle, "chdb_result_error", library.result_error);
}

// What LINGER_FILE says now. Each user writes it, so that its time tells that one has come.
struct Linger {
  seconds time{0};  // 0: the file is not there, or says no number
  timespec said_at{};
};

Linger read_linger(const char* path) {
  Linger linger;
  struct stat facts {};
  if (stat(path, &facts) != 0) return linger;
  linger.said_at = facts.st_mtim;
  seconds::rep time = 0;
  if (std::ifstream(path) >> time) linger.time = seconds(time);
  return linger;
}

bool is_same(const timespec& one, const timespec& other) {
  return one.tv_sec == other.tv_sec && one.tv_nsec == other.tv_nsec;
}

// Returns, holding the lock alone, once nobody has used the engine for the time that the last user
// said, or nobody uses it and its folder was removed or moved.
void wait_until_unused(FileLock& lock, const char* linger_file) {
  constexpr milliseconds kLook{50};
  lock.lock();
  Linger linger = read_linger(linger_file);
  auto unused_since = steady_clock::now();
  while (steady_clock::now() - unused_since < linger.time && lock.is_in_place()) {
    lock.unlock();
    std::this_thread::sleep_for(kLook);
    const bool is_used = !lock.try_lock();
    if (is_used) lock.lock();
    const Linger found = read_linger(linger_file);
    if (is_used || !is_same(found.said_at, linger.said_at)) unused_since = steady_clock::now();
    linger = found;
  }
}

// Ends this process once the last user is gone, however it died: the kernel then drops its lock.
// What was acknowledged is in files already, so nothing is left to do.
void end_when_unused(FileLock& lock, const char* linger_file) {
  try {
    wait_until_unused(lock, linger_file);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "the lock that keeps the engine alive failed: %s\n", error.what());
  }
  _exit(0);
}

bool read_gate(const char* path, GateSettings& gate) {
  std::ifstream file(path);
  file >> gate.http_port >> gate.native_port;
  file.ignore();  // the end of the second line
  auto& secrets = gate.secrets;
  if (std::getline(file, secrets.password) && std::getline(file, secrets.nonce_path) &&
      std::getline(file, secrets.nonce) && !secrets.password.empty()) {
    std::getline(file, secrets.reader_user);
    std::getline(file, secrets.reader_password);
    return true;
  }
  std::fprintf(stderr, "%s: expected two ports, password, path and nonce, a line each\n", path);
  return false;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 6) {
    std::fprintf(stderr,
                 "qvdhouse starts this program itself: %s LIBRARY LOCK_FILE LINGER_FILE "
                 "GATE_FILE ARGUMENT...\n",
                 argv[0]);
    return kExitUsage;
  }
  // What the engine makes is for its owner alone, whatever the folder above allows.
  umask(077);
  // A client that goes away in midst of an answer must not end the server.
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);

  // Never closed: the thread that waits for it uses it to the very end.
  static std::optional<FileLock>& lock =
      *new std::optional<FileLock>(FileLock::of_existing(argv[2]));
  if (!lock) {
    std::fprintf(stderr, "%s: %s\n", argv[2], std::strerror(errno));
    return kExitUsage;
  }
  std::thread([linger_file = argv[3]] { end_when_unused(*lock, linger_file); }).detach();
  GateSettings settings;
  if (!read_gate(argv[4], settings)) return kExitUsage;
  // Never freed: the library's threads use it to the very end.
  static Gate& gate = *new Gate(std::move(settings));
  qvdhouse::engine::put_in_charge(gate);
  std::thread([] { gate.run(); }).detach();

  Library library;
  if (!load(argv[1], library)) return kExitNoLibrary;
  library.set_signal_handlers_enabled(0);
  std::vector<char*> arguments{argv[0]};
  arguments.insert(arguments.end(), argv + 5, argv + argc);
  void* result = library.query_cmdline(static_cast<int>(arguments.size()), arguments.data());
  // Only a start that fails comes back; the last query of the arguments never ends.
  const char* error = result == nullptr ? nullptr : library.result_error(result);
  std::fprintf(stderr, "the engine ended: %s\n", error == nullptr ? "no reason given" : error);
  std::fflush(nullptr);
  _exit(kExitEngineEnded);
} catch (const std::exception& error) {
  std::fprintf(stderr, "the engine cannot be started: %s\n", error.what());
  return kExitUsage;
}
