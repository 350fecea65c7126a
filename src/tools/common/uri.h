/* Server addresses as URIs: redis://[[user]:password@]host[:port][/db], rediss:// (TLS), and
 * unix://[[user]:password@]/path[?db=n]. A lone word before '@' is the password. Names and
 * passwords are percent-decoded; hosts may be [IPv6]. Any thread.
 */
#ifndef TOOLS_COMMON_URI_H
#define TOOLS_COMMON_URI_H

#include "base/assert.h"
#include <stdbool.h>
#include <stddef.h>

struct uri {
    bool is_tls;
    char *user; /* these are mem_ allocated, NULL when absent */
    char *password;
    char *host;
    char *unix_path;
    int port; /* 0 when absent */
    int db;   /* -1 when absent */
};

/* 0, or -1 and one line in `error` ("Invalid URI scheme"); `uri` is then empty. */
int uri_parse(const char *text, struct uri *uri, char *error, size_t error_size) MUST_CHECK;
/* Passwords are wiped. */
void uri_deinit(struct uri *uri);

#endif
