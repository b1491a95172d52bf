#include "serve/owners.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "clickhouse/quote.h"

namespace qvdhouse::serve {

Owners::Owners(std::shared_ptr<const Configuration> configuration)
    : configuration_(std::move(configuration)) {
  for (const Workflow& workflow : configuration_->workflows) {
    Owner owner{&workflow, source::Scope(workflow.options.source), std::nullopt};
    try {
      owner.reach.emplace(workflow.options.source, workflow.options.selection);
    } catch (const base::ConfigError&) {
      // Its runs say what is wrong; nothing is taken until then.
    }
    owners_.push_back(std::move(owner));
  }
  std::stable_sort(owners_.begin(), owners_.end(), [](const Owner& a, const Owner& b) {
    return a.scope.folder().size() > b.scope.folder().size();
  });
}

const Workflow* Owners::taking(const std::string& path) const {
  for (const Owner& owner : owners_) {
    if (owner.reach && owner.reach->takes(path)) return owner.workflow;
  }
  return nullptr;
}

const Workflow* Owners::of(const std::string& path) const {
  if (const Workflow* workflow = taking(path)) return workflow;
  for (const Owner& owner : owners_) {
    if (owner.scope.covers(path)) return owner.workflow;
  }
  return nullptr;
}

std::string Owners::name_of(const std::string& path) const {
  const Workflow* workflow = of(path);
  return workflow == nullptr ? "" : workflow->name;
}

std::string Owners::condition(const std::string& workflow) const {
  for (const Owner& owner : owners_) {
    if (owner.workflow->name == workflow && owner.reach) {
      return owner.reach->condition("file_path", &clickhouse::quote_literal);
    }
  }
  return "0";
}

}  // namespace qvdhouse::serve
