// Which workflow a file belongs to, by source::Reach of each workflow's source.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "serve/service.h"
#include "source/scope.h"

namespace qvdhouse::serve {

// The owners under one configuration, which it keeps. Paths are identities (source/scope.h).
class Owners {
 public:
  explicit Owners(std::shared_ptr<const Configuration> configuration);

  // The workflow whose source takes the file, the nearest folder first; null: a listing of none
  // takes it. Only of such a file may contents be shown, and only such a file may be asked for.
  const Workflow* taking(const std::string& path) const;
  // The same for a record: that of a file which no listing takes any more still belongs to the
  // workflow whose source it lies below. Null: it lies below none.
  const Workflow* of(const std::string& path) const;
  // Its name; empty: there is none.
  std::string name_of(const std::string& path) const;
  // A condition of SQL on `file_path`, for the files of the workflow of this name; "0" if there is
  // none.
  std::string condition(const std::string& workflow) const;

  const std::shared_ptr<const Configuration>& configuration() const { return configuration_; }

 private:
  struct Owner {
    const Workflow* workflow;
    source::Scope scope;
    std::optional<source::Reach> reach;  // none: its pattern cannot be understood
  };
  std::shared_ptr<const Configuration> configuration_;
  std::vector<Owner> owners_;  // the longest folder first
};

}  // namespace qvdhouse::serve
