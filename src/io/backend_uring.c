#include "io/loop_internal.h"
const struct backend_ops backend_uring_ops = {.name = "io_uring"};
