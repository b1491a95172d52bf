#include "qvd/header.h"
