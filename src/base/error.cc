#include "base/error.h"

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

}  // namespace qvdhouse::base
