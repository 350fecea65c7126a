/* Runs commands without a server: services with a keyspace, an internal client, and a command table
 * of the tables that a test names. Main thread of a test. */
#ifndef COMMAND_FIXTURE_H
#define COMMAND_FIXTURE_H

#include "base/background.h"
#include "client/client.h"
#include "client/client_options.h"
#include "dispatch/call.h"
#include "keyspace/keyspace.h"
#include "types/type_options.h"

enum { FIXTURE_PROPAGATED_MAX = 16 };

struct command_fixture {
    struct keyspace_settings settings;
    struct client_settings client_settings;
    struct type_settings types; /* Redis's defaults */
    struct services services;
    struct keyspace *keyspace;
    struct client *client;
    struct request *request; /* given to the next commands; NULL as a rule */
    char *text;              /* of the last reply */
    uint64_t dirty;          /* of the last command */
    /* What the last command propagated in its own place, "SET k v"; "" when as it is. */
    char propagated[512];
    /* Keyspace events since the last command: "set:key del:other". */
    char events[1024];
};

/* With the tables (ended by NULL) of commands; sixteen databases. */
struct command_fixture *fixture_create(const struct command_spec *const *tables);
void fixture_destroy(struct command_fixture *fixture);

/* Runs a line (quoted as in redis-cli) and returns the reply as on the wire, with each CR LF but
 * the last as a space: "+OK", "$3 bar", "*2 $1 a $-1"; a NUL shows as '@'. Valid until the next
 * call. */
const char *fixture_run(struct command_fixture *fixture, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The same with an argument vector. */
const char *fixture_run_argv(struct command_fixture *fixture, int argc, const struct bytes *argv);

/* Waits until the wall clock is past `ms` more milliseconds, and refreshes the cached clock. */
void fixture_pass_time(int64_t ms);

/* cr_assert that the line's reply is as expected. */
#define expect_reply(fixture, expected, ...)                                                       \
    do {                                                                                           \
        const char *reply_ = fixture_run(fixture, __VA_ARGS__);                                    \
        cr_assert_str_eq(reply_, expected, "got \"%s\" for %s", reply_, #__VA_ARGS__);             \
    } while (0)

#endif
