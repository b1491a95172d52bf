// What the libstdc++ and libgcc of Debian 12 take from a glibc newer than 2.34, for programs that
// link them statically (packaging/static-libraries) and run on RHEL 9 and Ubuntu 22.04 too. The
// linker takes these in place of glibc's; packaging/check_needs fails when there is another one.
#include <dlfcn.h>
#include <link.h>
#include <sys/random.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace {

// glibc gives addresses as numbers.
void* pointer_to(std::uintptr_t address) {
  return reinterpret_cast<void*>(address);  // NOLINT(performance-no-int-to-ptr)
}

struct Search {
  std::uintptr_t pc;
  dl_find_object* found;
};

// For dl_iterate_phdr: 1 when `info` is the object that holds the address.
int take_object(dl_phdr_info* info, std::size_t, void* data) {
  const Search& search = *static_cast<Search*>(data);
  bool holds_it = false;
  dl_find_object result{};
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& header = info->dlpi_phdr[i];
    const std::uintptr_t start = info->dlpi_addr + header.p_vaddr;
    const std::uintptr_t end = start + header.p_memsz;
    if (header.p_type == PT_LOAD && search.pc >= start && search.pc < end) {
      holds_it = true;
      result.dlfo_map_start = pointer_to(start);
      result.dlfo_map_end = pointer_to(end);
    }
    if (header.p_type == PT_GNU_EH_FRAME) {
      result.dlfo_eh_frame = pointer_to(start);
    }
  }
  if (!holds_it || result.dlfo_eh_frame == nullptr) return 0;
  *search.found = result;
  return 1;
}

}  // namespace

extern "C" {

// Where the unwinding tables of the code at `address` are; libgcc asks when an exception is thrown.
// Since glibc 2.35.
int _dl_find_object(void* address, dl_find_object* result) noexcept {
  Search search{reinterpret_cast<std::uintptr_t>(address), result};
  return dl_iterate_phdr(&take_object, &search) == 1 ? 0 : -1;
}

// std::random_device asks it. Since glibc 2.36.
std::uint32_t arc4random() noexcept {
  std::uint32_t number = 0;
  if (getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number)) std::abort();
  return number;
}

}  // extern "C"
