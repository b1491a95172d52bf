// Values as text, byte for byte as ClickHouse's own conversion to String writes them: what a file
// brings into a column that an ALTER has turned into text equals what the ALTER made of it.
#pragma once

#include <string>

#include "clickhouse/dictionary.h"

namespace qvdhouse::schema {

// The value in a slot that is not NULL.
std::string value_text(const clickhouse::Dictionary& values, std::size_t slot);

// All slots as `text_type`, a String; NULL stays NULL.
clickhouse::Dictionary texts_of(const clickhouse::Dictionary& values,
                                const clickhouse::ColumnType& text_type);

}  // namespace qvdhouse::schema
