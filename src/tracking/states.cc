#include "tracking/states.h"

#include "base/error.h"

namespace qvdhouse::tracking {
namespace {

template <class Error>
bool is(const std::exception& error) {
  return dynamic_cast<const Error*>(&error) != nullptr;
}

}  // namespace

ErrorClass class_of(const std::exception& error) {
  if (is<base::Cancelled>(error)) return ErrorClass::kCancelled;
  if (is<base::TimedOut>(error)) return ErrorClass::kTimeout;
  if (is<base::InputError>(error)) return ErrorClass::kInput;
  if (is<base::SchemaError>(error)) return ErrorClass::kSchema;
  if (is<base::ServerError>(error)) return ErrorClass::kServer;
  if (is<base::ConfigError>(error)) return ErrorClass::kConfig;
  if (is<base::VerifyError>(error)) return ErrorClass::kVerify;
  return ErrorClass::kIo;
}

}  // namespace qvdhouse::tracking
