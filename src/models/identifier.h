// Names of files and fields as identifiers of a language: letters, digits and underscores of the
// name stay, anything else parts words. What would be a keyword, or mean something else where
// models are declared, gets an underscore at its end.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "models/literal.h"

namespace qvdhouse::models {

// One scope of identifiers, each given once: the second of two equal ones becomes name_2.
class Identifiers {
 public:
  enum class Scope {
    kPythonModule,  // classes and variables
    kPythonClass,   // fields of a Pydantic model
    kCppNamespace,  // structs
    kCppStruct,     // members: in snake_case, so that none is a macro
  };
  explicit Identifiers(Scope scope) : scope_(scope) {}

  // `fallback`: for a name without any letter, digit or underscore that counts.
  std::string add(std::string_view name, std::string_view fallback);
  // Nothing that is added later is called so, but for what has that very name.
  void reserve(std::string name) { reserved_.insert(std::move(name)); }
  // Nothing at all.
  void forbid(std::string identifier) { used_.insert(std::move(identifier)); }

 private:
  bool take(const std::string& identifier, std::string_view name);
  Scope scope_;
  std::set<std::string> used_;
  std::set<std::string> reserved_;
};

}  // namespace qvdhouse::models
