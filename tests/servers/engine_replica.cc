// engine-replica LIBRARY INTERSERVER_HOST INTERSERVER_PORT ARGUMENT...
//
// For tests only: libchdb as one node of a replicated ClickHouse cluster. The library has all code
// of a server, but runs as clickhouse-local, which does not set up what replicas need. This program
// sets it up in memory, in the one build of the library that it knows. The first <listen_host> of
// the configuration then speaks the protocol between servers: INTERSERVER_HOST, with the HTTP port
// as INTERSERVER_PORT. ARGUMENTs are those of clickhouse-local.
//
// For another build of the library: kBuildId, and each Place below. Disassembled code that refers
// to a message is how they were found; the comments name the message that stands for each.
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace std::string_view_literals;

constexpr int kExitUsage = 2;
constexpr int kExitNoLibrary = 3;
constexpr int kExitEngineEnded = 4;
constexpr int kExitOtherLibrary = 5;

// @chdb/lib-linux-x64-gnu 26.7.3-stable.1
constexpr std::string_view kBuildId = "d3d8f5517577ad52775b52318a193784b2fb5317";

struct OtherLibrary : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// --- What is known of the library ---------------------------------------------------------------

// A place in the library: an offset from where it is loaded, and the bytes that must be there.
struct Place {
  std::string_view name;
  std::size_t offset;
  std::string_view bytes;
};

// What is replaced, and why.
// "Parameter 'interserver_http(s)_port' required for replication is not specified in configuration"
constexpr Place kInterserverAddress{"Context::getInterserverIOAddress", 0x1417c9c0,
                                    "\x41\x56\x53\x48\x83\xec\x48\x4c\x8b\x36\x49\x0f"sv};
// "Unsupported scheme in URI"
constexpr Place kInterserverScheme{"Context::getInterserverScheme", 0x1417cac0,
                                   "\x48\x8b\x06\x80\xb8\x87\x01\x00\x00\x00\x78\x1a"sv};
// No message: a fetch ends the process, which has none.
constexpr Place kInterserverCredentials{"Context::getInterserverCredentials", 0x1417c940,
                                        "\x41\x57\x41\x56\x53\x4c\x8b\x3f\x49\x8d\x9f\x88"sv};
// "DDL background thread is not initialized"
constexpr Place kDdlWorker{"Context::getDDLWorker", 0x14179480,
                           "\x55\x41\x57\x41\x56\x53\x48\x81\xec\x88\x00\x00"sv};
// "Replicated DDL queries are disabled"
constexpr Place kMayReplicateDdl{"DatabaseCatalog::canPerformReplicatedDDLQueries", 0x142891c0,
                                 "\x0f\xb6\x87\x10\x09\x00\x00\xc3\xcc\xcc\xcc\xcc"sv};
// "CreateTablesThreadPool is not initialized"
constexpr Place kThreadPool{"StaticThreadPool::get", 0xf1cd380,
                            "\x41\x56\x53\x48\x83\xec\x48\x48\x8b\x47\x30\x48"sv};
// No message: any exception that leaves a connection (a client that goes away within an answer)
// ends a process that has set no handler for it. Of the three kinds of exceptions.
constexpr Place kHandleError{"Poco::ErrorHandler::handle(Poco::Exception)", 0x1c8f99c0,
                             "\x53\x48\x83\xec\x10\x48\x89\xfb\x48\x8d\x35\xe1"sv};
constexpr Place kHandleStdError{"Poco::ErrorHandler::handle(std::exception)", 0x1c8f9a40,
                                "\x53\x48\x83\xec\x10\x48\x89\xfb\x48\x8d\x35\x61"sv};
constexpr Place kHandleOtherError{"Poco::ErrorHandler::handle()", 0x1c8f9ac0,
                                  "\x53\x48\x83\xec\x10\x48\x8d\x35\xe4\xdc\x06\x06"sv};
// "supports only TCP and HTTP listeners": SYSTEM START LISTEN INTERSERVER HTTP is refused.
// These are whole instructions, none of them relative, since they are run from another place.
constexpr Place kHandlerFactory{
    "createHandlerFactory", 0x18395cc0,
    "\x55\x41\x57\x41\x56\x41\x55\x41\x54\x53\x48\x81\xec\x98\x00\x00\x00"sv};

// What is called, to make what is missing.
constexpr Place kThreadPoolInitialize{"StaticThreadPool::initialize", 0xf1cd280,
                                      "\x48\x83\xec\x48\x48\x89\x74\x24\x10\x48\x89\x54"sv};
constexpr Place kDdlWorkerConstructor{"DDLWorker::DDLWorker", 0x14243400,
                                      "\x55\x41\x57\x41\x56\x41\x55\x41\x54\x53\x48\x81"sv};
constexpr Place kDdlWorkerStartup{"DDLWorker::startup", 0x14245300,
                                  "\x41\x57\x41\x56\x53\x48\x83\xec\x20\x48\x89\xfb"sv};

// What is written to: 16 bytes that nothing has set. Nodes of one id end each other's sessions:
// "Session was killed".
constexpr Place kServerUuid{"ServerUUID", 0x228a3a48, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"sv};

// Larger than a DDLWorker, whose members the constructor sets.
constexpr std::size_t kDdlWorkerBytes = 8192;
// Where a StaticThreadPool holds its pool.
constexpr std::size_t kPoolMember = 0x30;
// In IServer's table of virtual functions.
constexpr std::size_t kContextFunction = 2;

// --- The library's types ------------------------------------------------------------------------

// libc++'s std::string (alternate layout), short: one that the library may destroy.
struct alignas(8) ShortString {
  std::array<char, 23> text{};
  signed char size = 0;

  ShortString() = default;
  explicit ShortString(std::string_view value) : size(static_cast<signed char>(value.size())) {
    if (value.size() >= text.size()) throw std::length_error(std::string(value));
    std::memcpy(text.data(), value.data(), value.size());
  }
};

// The same, long: one that is lent to the library, which reads it.
struct LentString {
  const char* text;
  std::size_t size;
  std::size_t capacity;

  explicit LentString(std::string_view value)
      : text(value.data()), size(value.size()), capacity(value.size() | kIsLong) {}
  static constexpr std::size_t kIsLong = std::size_t{1} << 63U;
};
static_assert(sizeof(ShortString) == 24 && sizeof(LentString) == 24);

// libc++'s std::shared_ptr, which is returned in registers; without `owners` it counts nothing.
struct Shared {
  void* object;
  void* owners;
};

// std::pair<std::string, UInt16>
struct HostAndPort {
  ShortString host;
  std::uint16_t port = 0;
};
static_assert(sizeof(HostAndPort) == 32);

// InterserverCredentials: who we are, and a vector of pairs of users and passwords that we let in.
struct Credentials {
  ShortString user;
  ShortString password;
  const void* users_begin;
  const void* users_end;
  const void* users_capacity;
  std::array<char, 64> more{};
};

// --- What it gets instead -----------------------------------------------------------------------

HostAndPort own_address;
char* library_base = nullptr;
std::atomic<void*> ddl_worker = nullptr;
Shared (*original_handler_factory)(void*, void*, void*, void*, void*) = nullptr;

template <class Function>
Function function_at(const Place& place) {
  return reinterpret_cast<Function>(library_base + place.offset);
}

HostAndPort* interserver_address(HostAndPort* result, const void* /*context*/) {
  return new (result) HostAndPort(own_address);
}

ShortString* interserver_scheme(ShortString* result, const void* /*context*/) {
  return new (result) ShortString("http");
}

// Everybody, as a server without <interserver_http_credentials> does.
Shared interserver_credentials(const void* /*context*/) {
  static const std::array<ShortString, 2> nobody{};
  static Credentials credentials{.user = ShortString(),
                                 .password = ShortString(),
                                 .users_begin = nobody.data(),
                                 .users_end = nobody.data() + nobody.size(),
                                 .users_capacity = nobody.data() + nobody.size()};
  return {&credentials, nullptr};
}

void* get_ddl_worker(const void* /*context*/) { return ddl_worker; }

bool may_replicate_ddl(const void* /*catalog*/) { return true; }

// As a server does it, but for the line in its log.
void handle_error() {}

// CreateTablesThreadPool among others, which clickhouse-local does not initialize.
void* get_thread_pool(char* pool) {
  static std::mutex mutex;
  const std::scoped_lock lock(mutex);
  void*& held = *reinterpret_cast<void**>(pool + kPoolMember);
  if (held == nullptr) {
    constexpr std::size_t kThreads = 4;
    constexpr std::size_t kFreeThreads = 0;
    constexpr std::size_t kQueue = 10'000;
    function_at<void (*)(void*, std::size_t, std::size_t, std::size_t)>(kThreadPoolInitialize)(
        pool, kThreads, kFreeThreads, kQueue);
  }
  return held;
}

// What runs queries ON CLUSTER.
void start_ddl_worker(void* server) {
  void** functions = *static_cast<void***>(server);
  const auto get_context = reinterpret_cast<Shared (*)(void*)>(functions[kContextFunction]);
  static const LentString queue("/clickhouse/task_queue/ddl");
  static const LentString replicas("/clickhouse/task_queue/replicas");
  static const LentString no_prefix("");
  static const LentString keeper("default");
  static const LentString name("DDLWorker");
  void* worker = std::calloc(1, kDdlWorkerBytes);
  constexpr int kThreads = 1;
  function_at<void (*)(void*, int, const void*, const void*, Shared, const void*, const void*,
                       const void*, const void*, const void*, const void*)>(kDdlWorkerConstructor)(
      worker, kThreads, &queue, &replicas, get_context(server), nullptr, &no_prefix, &keeper, &name,
      nullptr, nullptr);
  ddl_worker = worker;  // its threads ask for it
  function_at<void (*)(void*)>(kDdlWorkerStartup)(worker);
}

// Makes the handlers of one address; called for each <listen_host> in turn.
Shared handler_factory(void* server, void* config, void* metrics, void* name, void* prefix) {
  static LentString interserver("InterserverIOHTTPHandler-factory");
  static int calls = 0;
  ++calls;
  if (calls == 1) start_ddl_worker(server);
  return original_handler_factory(server, config, metrics, calls == 1 ? &interserver : name,
                                  prefix);
}

// --- Putting it in ------------------------------------------------------------------------------

std::string build_id_of(const dl_phdr_info& library) {
  for (int i = 0; i < library.dlpi_phnum; ++i) {
    const auto& header = library.dlpi_phdr[i];
    if (header.p_type != PT_NOTE) continue;
    const auto* note = reinterpret_cast<const ElfW(Nhdr)*>(library.dlpi_addr + header.p_vaddr);
    if (note->n_type != NT_GNU_BUILD_ID) continue;
    const auto* bytes = reinterpret_cast<const unsigned char*>(note + 1) + note->n_namesz;
    std::string hex;
    for (std::size_t at = 0; at < note->n_descsz; ++at) {
      hex += "0123456789abcdef"[bytes[at] >> 4U];
      hex += "0123456789abcdef"[bytes[at] & 15U];
    }
    return hex;
  }
  return "none";
}

// Where the library is that holds `address`. Throws OtherLibrary unless it is the one that we know.
char* base_of_known_library(const void* address) {
  struct Search {
    const void* start;
    std::string build_id;
  };
  Dl_info found{};
  if (dladdr(address, &found) == 0) throw OtherLibrary("the library is not found in memory");
  Search search{.start = found.dli_fbase, .build_id = {}};
  dl_iterate_phdr(
      [](dl_phdr_info* library, std::size_t, void* data) {
        auto& wanted = *static_cast<Search*>(data);
        if (reinterpret_cast<const void*>(library->dlpi_addr) != wanted.start) return 0;
        wanted.build_id = build_id_of(*library);
        return 1;
      },
      &search);
  if (search.build_id != kBuildId) {
    throw OtherLibrary("build id " + search.build_id + ", expected " + std::string(kBuildId));
  }
  return static_cast<char*>(found.dli_fbase);
}

void check_bytes() {
  for (const Place* place :
       {&kInterserverAddress, &kInterserverScheme, &kInterserverCredentials, &kDdlWorker,
        &kMayReplicateDdl, &kThreadPool, &kHandleError, &kHandleStdError, &kHandleOtherError,
        &kHandlerFactory, &kThreadPoolInitialize, &kDdlWorkerConstructor, &kDdlWorkerStartup,
        &kServerUuid}) {
    if (std::memcmp(library_base + place->offset, place->bytes.data(), place->bytes.size()) != 0) {
      throw OtherLibrary("other bytes at " + std::string(place->name));
    }
  }
}

// mov rax, target; jmp rax
std::array<unsigned char, 12> jump_to(const void* target) {
  std::array<unsigned char, 12> code{0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xe0};
  std::memcpy(code.data() + 2, &target, sizeof target);
  return code;
}

void protect(char* begin, std::size_t size, int protection) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto at = reinterpret_cast<std::uintptr_t>(begin);
  const std::uintptr_t first = at / page * page;
  if (mprotect(reinterpret_cast<void*>(first), at + size - first, protection) != 0) {
    throw std::runtime_error(std::string("mprotect failed: ") + std::strerror(errno));
  }
}

template <class Function>
void replace(const Place& place, Function* function) {
  const auto code = jump_to(reinterpret_cast<const void*>(function));
  char* at = library_base + place.offset;
  protect(at, code.size(), PROT_READ | PROT_WRITE | PROT_EXEC);
  std::memcpy(at, code.data(), code.size());
  protect(at, code.size(), PROT_READ | PROT_EXEC);
}

// Code that does what the function did before it was replaced: its first instructions, and a jump
// to those behind them.
void* copy_of_start(const Place& place) {
  constexpr std::size_t kBytes = 4096;
  void* mapped = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::runtime_error("no memory for code");
  auto* at = static_cast<char*>(mapped);
  const auto back = jump_to(library_base + place.offset + place.bytes.size());
  std::memcpy(at, place.bytes.data(), place.bytes.size());
  std::memcpy(at + place.bytes.size(), back.data(), back.size());
  protect(at, kBytes, PROT_READ | PROT_EXEC);
  return mapped;
}

// One for each node, the same after a restart.
void set_server_uuid(std::uint16_t node) {
  const std::array<std::uint64_t, 2> uuid{0x7176'6468'6f75'4173, 0x8000'0000'0000'0000 + node};
  std::memcpy(library_base + kServerUuid.offset, uuid.data(), sizeof uuid);
}

void make_replica() {
  check_bytes();
  original_handler_factory =
      reinterpret_cast<decltype(original_handler_factory)>(copy_of_start(kHandlerFactory));
  replace(kHandlerFactory, handler_factory);
  replace(kInterserverAddress, interserver_address);
  replace(kInterserverScheme, interserver_scheme);
  replace(kInterserverCredentials, interserver_credentials);
  replace(kDdlWorker, get_ddl_worker);
  replace(kMayReplicateDdl, may_replicate_ddl);
  replace(kThreadPool, get_thread_pool);
  for (const Place& place : {kHandleError, kHandleStdError, kHandleOtherError}) {
    replace(place, handle_error);
  }
  set_server_uuid(own_address.port);
}

template <class Function>
Function symbol(void* library, const char* name) {
  void* found = dlsym(library, name);
  if (found == nullptr) throw OtherLibrary(std::string("no function ") + name);
  return reinterpret_cast<Function>(found);
}

HostAndPort parse_address(std::string_view host, std::string_view port) {
  HostAndPort address{.host = ShortString(host)};
  const auto [end, error] = std::from_chars(port.begin(), port.end(), address.port);
  if (error != std::errc() || end != port.end()) throw std::invalid_argument("not a port");
  return address;
}

// Comes back only when the start fails.
int run(char** argv, int argc) {
  void* library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    std::fprintf(stderr, "engine-replica: the library cannot be loaded: %s\n", dlerror());
    return kExitNoLibrary;
  }
  const auto query = symbol<void* (*)(int, char**)>(library, "chdb_query_cmdline");
  library_base = base_of_known_library(reinterpret_cast<const void*>(query));
  make_replica();
  symbol<void (*)(int)>(library, "chdb_set_signal_handlers_enabled")(0);
  std::vector<char*> arguments{argv[0]};
  arguments.insert(arguments.end(), argv + 4, argv + argc);
  void* result = query(static_cast<int>(arguments.size()), arguments.data());
  const char* error = result == nullptr
                          ? nullptr
                          : symbol<const char* (*)(void*)>(library, "chdb_result_error")(result);
  std::fprintf(stderr, "engine-replica: the engine ended: %s\n",
               error == nullptr ? "no reason given" : error);
  return kExitEngineEnded;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 5) {
    std::fprintf(stderr, "%s LIBRARY INTERSERVER_HOST INTERSERVER_PORT ARGUMENT...\n", argv[0]);
    return kExitUsage;
  }
  // A client that goes away in midst of an answer must not end the server.
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
  own_address = parse_address(argv[2], argv[3]);
  const int status = run(argv, argc);
  std::fflush(nullptr);
  _exit(status);  // the library's threads do not survive exit()
} catch (const OtherLibrary& other) {
  std::fprintf(stderr,
               "engine-replica: this is another libchdb than the one it is made for (npm package "
               "@chdb/lib-linux-x64-gnu 26.7.3-stable.1): %s\n",
               other.what());
  std::fflush(nullptr);
  _exit(kExitOtherLibrary);
} catch (const std::exception& error) {
  std::fprintf(stderr, "engine-replica: %s\n", error.what());
  std::fflush(nullptr);
  _exit(kExitUsage);
}
