#include "clickhouse/dictionary.h"
