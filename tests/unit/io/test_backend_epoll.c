/* The epoll backend. */
#define BACKEND_SUITE_NAME backend_epoll
#define BACKEND            LOOP_BACKEND_EPOLL
#define BACKEND_NAME       "epoll"
#include "backend_tests.h"
