/* The io_uring backend. */
#define BACKEND_SUITE_NAME backend_uring
#define BACKEND            LOOP_BACKEND_URING
#define BACKEND_NAME       "io_uring"
#include "backend_tests.h"
