/* INFO threads and INFO tls: the I/O threads' counters, summed or one by one. Main thread. */
#ifndef SERVER_THREADS_INFO_H
#define SERVER_THREADS_INFO_H

#include "base/info_section.h"

/* The context of both is the struct server. */
extern const struct info_section threads_info_section;
extern const struct info_section tls_info_section;

#endif
