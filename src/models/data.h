// The one document that every template is fed with: docs/models.md describes it key by key.
#pragma once

#include "models/table.h"
#include "models/types.h"

namespace qvdhouse::models {

// Each name comes as text and, so that no template has to quote anything, as identifier and as
// literal of each language.
Json data_of(const Document& document);

}  // namespace qvdhouse::models
