/* The TLS flags that redis-cli and redis-benchmark share: --tls --sni --cacert --cacertdir
 * --insecure
 * --cert --key --tls-ciphers --tls-ciphersuites --tls-groups. Tool's main thread; the result is
 * read only afterwards, so any thread may create a context of its own from it.
 */
#ifndef TOOLS_COMMON_TLS_FLAGS_H
#define TOOLS_COMMON_TLS_FLAGS_H

#include "io/tls_context.h"
#include <stdbool.h>
#include <stddef.h>

struct tls_flags {
    bool is_enabled;                     /* --tls, or set by the caller for rediss:// */
    const char *server_name;             /* --sni; argv's memory */
    struct tls_client_settings settings; /* argv's memory */
};

/* Looks at argv[index]: 0 when it is no TLS flag, else how many arguments it takes (1 or 2), which
 * were taken; -1 when its value is missing. */
int tls_flags_take(struct tls_flags *flags, int argc, char **argv, int index);
/* The name to send (SNI): --sni, else `host` unless that is an address; NULL for none. */
const char *tls_flags_server_name(const struct tls_flags *flags, const char *host);
/* A context for the calling thread's connections (tls_library_init is called before). NULL and one
 * line in `error`. */
struct tls_context *tls_flags_create_context(const struct tls_flags *flags, char *error,
                                             size_t error_size) MUST_CHECK;
/* The flags' part of --help, two columns as redis-cli prints them, ends with a newline. */
const char *tls_flags_help(void);

#endif
