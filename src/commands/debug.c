/* DEBUG: what test suites use. Guarded by enable-debug-command. */
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/server_control.h"
#include "base/text.h"
#include "commands/all.h"
#include "commands/debug_internal.h"
#include "config/config_table.h"
#include "dispatch/call.h"
#include "keyspace/keyspace.h"
#include <string.h>
#include <time.h>

static bool is_allowed(struct call *call)
{
    if (config_allows(call->services->config, "enable-debug-command",
                      client_is_local(call->client)))
        return true;
    reply_errorf(call->reply,
                 "DEBUG command not allowed. If the enable-debug-command option is set to "
                 "\"local\", you can "
                 "run it from a local connection, otherwise you need to set this option in the "
                 "configuration file, and then restart the server.");
    return false;
}

static void sleep_debug(struct call *call)
{
    double seconds;
    if (!call_double(call, 2, &seconds, NULL))
        return;
    if (seconds > 0 && seconds < 3600) {
        struct timespec time = {.tv_sec = (time_t)seconds,
                                .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
        nanosleep(&time, NULL);
    }
    reply_ok(call->reply);
}

static void set_active_expire_debug(struct call *call)
{
    const struct server_control *control = call->services->control;
    control->set_active_expire(control->server, !call_is(call, 2, "0"));
    reply_ok(call->reply);
}

static void stringmatch_len_debug(struct call *call)
{
    int64_t size;
    if (!call_integer_in(call, 2, 0, 1024 * 1024 * 64, &size, NULL))
        return;
    char *text = mem_alloc((size_t)size + 1);
    memset(text, 'x', (size_t)size);
    (void)text_glob_match(call->argv[3], bytes_of(text, (size_t)size), false);
    mem_free(text);
    reply_ok(call->reply);
}

static void log_debug_line(struct call *call)
{
    char text[1024];
    size_t size = call->argv[2].size < sizeof(text) - 1 ? call->argv[2].size : sizeof(text) - 1;
    memcpy(text, call->argv[2].data, size);
    text[size] = '\0';
    log_warning("DEBUG LOG: %s", text);
    reply_ok(call->reply);
}

static void error_debug(struct call *call)
{
    char text[1024];
    size_t size = call->argv[2].size < sizeof(text) - 1 ? call->argv[2].size : sizeof(text) - 1;
    memcpy(text, call->argv[2].data, size);
    text[size] = '\0';
    reply_error(call->reply, text);
}

/* -- DEBUG PROTOCOL: one sample of each type -- */

static void sample_collection(struct call *call, char type)
{
    struct reply *reply = call->reply;
    if (type == 'm')
        reply_map(reply, 3);
    else if (type == 's')
        reply_set(reply, 3);
    else
        reply_array(reply, 3);
    for (int i = 0; i < 3; i++) {
        reply_integer(reply, i);
        if (type == 'm')
            reply_bool(reply, i == 1);
    }
}

static void attribute_sample(struct reply *reply)
{
    if (reply->protocol == 3) {
        reply_attribute(reply, 1);
        reply_bulk_text(reply, "key-popularity");
        reply_array(reply, 2);
        reply_bulk_text(reply, "key:123");
        reply_integer(reply, 90);
    }
    reply_bulk_text(reply, "Some real reply following the attribute");
}

static void push_sample(struct call *call)
{
    if (call->reply->protocol == 2) {
        reply_errorf(call->reply, "RESP2 is not supported by this command");
        return;
    }
    reply_push(call->reply, 2);
    reply_bulk_text(call->reply, "server-cpu-usage");
    reply_integer(call->reply, 42);
    /* A push answers nothing: the command is answered besides. */
    reply_bulk_text(call->reply, "Some real reply following the push reply");
}

static void protocol_debug(struct call *call)
{
    struct reply *reply = call->reply;
    if (call_is(call, 2, "string"))
        reply_bulk_text(reply, "Hello World");
    else if (call_is(call, 2, "integer"))
        reply_integer(reply, 12345);
    else if (call_is(call, 2, "double"))
        reply_double(reply, 3.141);
    else if (call_is(call, 2, "null"))
        reply_null(reply);
    else if (call_is(call, 2, "array"))
        sample_collection(call, 'a');
    else if (call_is(call, 2, "set"))
        sample_collection(call, 's');
    else if (call_is(call, 2, "map"))
        sample_collection(call, 'm');
    else if (call_is(call, 2, "attrib"))
        attribute_sample(reply);
    else if (call_is(call, 2, "push"))
        push_sample(call);
    else if (call_is(call, 2, "verbatim"))
        reply_verbatim(reply, "txt", "This is a verbatim\nstring", 25);
    else if (call_is(call, 2, "true"))
        reply_bool(reply, true);
    else if (call_is(call, 2, "false"))
        reply_bool(reply, false);
    else if (call_is(call, 2, "bignum"))
        reply_big_number(reply, "1234567999999999999999999999999999999");
    else
        reply_errorf(reply,
                     "Wrong protocol type name. Please use one of the following: "
                     "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|"
                     "false");
}

static const char *const help_lines[] = {
    "ASSERT",
    "    Crash by a failed assertion.",
    "CHANGE-REPL-ID",
    "    No effect: there are no replicas.",
    "CLIENT-ENFORCE-REPLY-LIST <0|1>",
    "    No effect: replies are lists of chunks anyway.",
    "CLIENT-EVICTION",
    "    Show how much the clients that maxmemory-clients may close hold.",
    "CONFIG-REWRITE-FORCE-ALL",
    "    Like CONFIG REWRITE, but write all options, also those that have their defaults.",
    "DICT-RESIZING <0|1>",
    "    Whether tables may be resized.",
    "DIGEST",
    "    Return a fingerprint of all data.",
    "DIGEST-VALUE <key> [<key> ...]",
    "    Return the fingerprint of each key's value.",
    "ERROR <string>",
    "    Return a Redis protocol error with <string> as message.",
    "HTSTATS <dbid> [full]",
    "    Return figures of the table of a database.",
    "HTSTATS-KEY <key> [full]",
    "    Return figures of the table that is the value of <key>.",
    "JMAP",
    "    No effect.",
    "LEAK <string>",
    "    Create a memory leak of the size of <string>.",
    "LISTPACK <key>",
    "    Print the listpack that is the value of <key> to the standard output.",
    "LISTPACK-ENTRIES <key>",
    "    Return the entries of the listpack that is the value of <key>.",
    "LOG <message>",
    "    Write <message> to the server log.",
    "MALLCTL <name> [<value>]",
    "    Get or set an integer of the allocator.",
    "MALLCTL-STR <name> [<value>]",
    "    Get or set a text of the allocator.",
    "OBJECT <key> [FAST]",
    "    Show how the value of <key> is kept.",
    "OOM",
    "    Crash because memory is short.",
    "PANIC",
    "    Crash the server.",
    "PAUSE-CRON <0|1>",
    "    Setting it to 1 stops what the server does at regular intervals.",
    "POPULATE <count> [<prefix>] [<size>]",
    "    Create <count> string keys named <prefix>:<num>.",
    "PROTOCOL <type>",
    "    Reply with a test value of the specified type.",
    "QUICKLIST <key> [<0|1>]",
    "    Print the nodes of a list to the standard output; with 1 their elements, too.",
    "QUICKLIST-PACKED-THRESHOLD <size>",
    "    Elements of this size and more get a node to themselves; 0 is the default.",
    "RELOAD [MERGE] [NOFLUSH] [NOSAVE]",
    "    Write every value as a snapshot does, and read it again. No files are involved.",
    "REPLICATE <argument> [...]",
    "    No effect: there are no replicas. The same holds for AOF-FLUSH-SLEEP,",
    "    DELAY-RDB-CLIENT-FREE-SECOND, REPL-PAUSE, DROP-CLUSTER-PACKET-FILTER and",
    "    CLOSE-CLUSTER-LINK-ON-PACKET-DROP.",
    "REPLYBUFFER <PEAK-RESET-TIME|RESIZING> <value>",
    "    No effect: a client has no reply buffer of its own. Replies are written into the room",
    "    of their requests and into chunks, which go when they have been sent.",
    "SDSLEN <key>",
    "    Show the sizes of a string key.",
    "SEGFAULT",
    "    Crash the server with signal SEGV.",
    "SET-ACTIVE-EXPIRE <0|1>",
    "    Setting it to 0 disables expiring keys in background when they are not accessed.",
    "SET-DISABLE-DENY-SCRIPTS <0|1>",
    "    No effect: there are no scripts.",
    "SET-SKIP-CHECKSUM-VALIDATION <0|1>",
    "    Setting it to 1 lets RESTORE take payloads whatever their checksum.",
    "SLEEP <seconds>",
    "    Stop the server for <seconds>. Decimals allowed.",
    "STRINGMATCH-LEN <pattern> <size>",
    "    Match the pattern against a string of that size.",
    "STRINGMATCH-TEST",
    "    Match random patterns against random strings.",
    "STRUCTSIZE",
    "    Return the sizes of central structures.",
    NULL};

static void help_debug(struct call *call)
{
    reply_help(call->reply, "DEBUG", help_lines);
}

static void pause_cron_debug(struct call *call)
{
    const struct server_control *control = call->services->control;
    control->pause_cron(control->server, !call_is(call, 2, "0"));
    reply_ok(call->reply);
}

/* Reply buffers do not change their size by themselves: nothing to be done. */
static void replybuffer_debug(struct call *call)
{
    int64_t ms;
    bool is_peak = call_is(call, 2, "peak-reset-time");
    if (is_peak && !call_is(call, 3, "never") && !call_is(call, 3, "reset") &&
        !call_integer(call, 3, &ms, NULL))
        return;
    if (is_peak || call_is(call, 2, "resizing"))
        reply_ok(call->reply);
    else
        call_unknown_subcommand(call);
}

/* No replicas, no files, no cluster, no scripts, replies that are lists anyway: nothing to be done.
 */
static void nothing_debug(struct call *call)
{
    reply_ok(call->reply);
}

/* Nothing to be matched is left to the end of the text: it crashes, or it does not. */
static void stringmatch_test_debug(struct call *call)
{
    enum { ROUNDS = 100000, SIZE_MAX_ = 32 };
    static const char letters[] = "ab*?[]^-\\";
    char pattern[SIZE_MAX_];
    char text[SIZE_MAX_];
    for (int i = 0; i < ROUNDS; i++) {
        size_t pattern_size = random_below(SIZE_MAX_ + 1);
        size_t size = random_below(SIZE_MAX_ + 1);
        for (size_t k = 0; k < pattern_size; k++)
            pattern[k] = letters[random_below(sizeof(letters) - 1)];
        for (size_t k = 0; k < size; k++)
            text[k] = letters[random_below(2)];
        (void)text_glob_match(bytes_of(pattern, pattern_size), bytes_of(text, size), i & 1);
    }
    reply_simple(call->reply, "Apparently Redis did not crash: test passed");
}

static void clusterlink_debug(struct call *call)
{
    reply_error(call->reply, "ERR Debug option only available for cluster mode enabled setup!");
}

enum { ANY = INT32_MAX };

static const struct debug_row rows[] = {
    {"sleep", 3, 3, sleep_debug},
    {"set-active-expire", 3, 3, set_active_expire_debug},
    {"stringmatch-len", 4, 4, stringmatch_len_debug},
    {"log", 3, 3, log_debug_line},
    {"error", 3, 3, error_debug},
    {"jmap", 2, 2, nothing_debug},
    {"change-repl-id", 2, 2, nothing_debug},
    {"client-enforce-reply-list", 3, 3, nothing_debug},
    {"replybuffer", 4, 4, replybuffer_debug},
    {"pause-cron", 3, 3, pause_cron_debug},
    {"set-disable-deny-scripts", 3, 3, nothing_debug},
    {"replicate", 3, ANY, nothing_debug},
    {"aof-flush-sleep", 3, 3, nothing_debug},
    {"delay-rdb-client-free-second", 3, 3, nothing_debug},
    {"repl-pause", 3, 3, nothing_debug},
    {"drop-cluster-packet-filter", 3, 3, nothing_debug},
    {"close-cluster-link-on-packet-drop", 3, 3, nothing_debug},
    {"clusterlink", 5, 5, clusterlink_debug},
    {"stringmatch-test", 2, 2, stringmatch_test_debug},
    {"protocol", 3, 3, protocol_debug},
    {"help", 2, 2, help_debug},
    {NULL, 0, 0, NULL},
};

/* True when the row was found and has run. */
static bool run_row(struct call *call, const struct debug_row *row)
{
    for (; row->name; row++)
        if (call_is(call, 1, row->name) && call->argc >= row->argc_min &&
            call->argc <= row->argc_max) {
            row->run(call);
            return true;
        }
    return false;
}

static void debug_command(struct call *call)
{
    if (!is_allowed(call))
        return;
    if (!run_row(call, rows) && !run_row(call, debug_key_rows) &&
        !run_row(call, debug_process_rows))
        call_unknown_subcommand(call);
}

const struct command_spec debug_commands[] = {
    {.name = "debug",
     .handler = debug_command,
     .arity = -2,
     .flags =
         COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE | COMMAND_PROTECTED},
    {0},
};
