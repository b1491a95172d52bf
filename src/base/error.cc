#include "base/error.h"

#include <new>

namespace qvdhouse::base {
namespace {

// "field "Amount", byte 1834: expected …": the place first, so that a list of failures lines up.
std::string with_place(const std::string& message, const InputPlace& place) {
  std::string text;
  if (!place.field.empty()) text += "field \"" + place.field + "\"";
  if (place.byte_offset) {
    if (!text.empty()) text += ", ";
    text += "byte " + std::to_string(*place.byte_offset);
  }
  return text.empty() ? message : text + ": " + message;
}

}  // namespace

InputError::InputError(const std::string& message, InputPlace place)
    : Error(with_place(message, place)), place_(std::move(place)) {}

TimedOut::TimedOut(std::chrono::seconds limit)
    : Error("it took longer than file_timeout allows (" + std::to_string(limit.count()) + " s)") {}

bool is_out_of_memory(const std::exception& error) {
  return dynamic_cast<const std::bad_alloc*>(&error) != nullptr ||
         dynamic_cast<const std::length_error*>(&error) != nullptr;
}

std::string message_of(const std::exception& error) {
  if (!is_out_of_memory(error)) return error.what();
  return "there is not enough memory: a file's symbol tables are held in it whole, those of up to "
         "parallel_files files at once; set parallel_files to 1, leave out fields by exclude, end "
         "other programs, or raise the limit (ulimit -v, or the container's)";
}

}  // namespace qvdhouse::base
