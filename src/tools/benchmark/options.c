/* See options.h. The flags are those of Redis 8.0's redis-benchmark: two tables (flags that are
 * alone, flags with a number) and a few with a meaning of their own. */
#include "tools/benchmark/options.h"

#include "base/bytes.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/version.h"
#include "tools/common/tls_flags.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct switch_flag {
    const char *name;
    size_t offset; /* of a bool in struct options */
    bool value;
};

struct number_flag {
    const char *name;
    size_t offset; /* of an int64_t in struct options */
    int64_t min;
    int64_t max;
};

struct text_flag {
    const char *name;
    size_t offset; /* of a const char * in struct options */
};

#define AT(field) offsetof(struct options, field)

static const struct switch_flag switch_flags[] = {
    {"-3", AT(is_resp3), true},
    {"-q", AT(is_quiet), true},
    {"--csv", AT(is_csv), true},
    {"-l", AT(is_looping), true},
    {"-I", AT(is_idle), true},
    {"-x", AT(reads_stdin), true},
    {"--enable-tracking", AT(has_tracking), true},
    {"--show-server-errors", AT(shows_errors), true},
};

static const struct number_flag number_flags[] = {
    {"-p", AT(port), 1, UINT16_MAX},
    {"-c", AT(clients), 1, 1000000},
    {"-n", AT(requests), 1, INT64_MAX / 2},
    {"-d", AT(data_size), 1, BENCHMARK_DATA_SIZE_MAX},
    {"-P", AT(pipeline), 1, 1000000},
    {"-r", AT(key_space), 0, INT64_MAX},
    {"--dbnum", AT(db), 0, INT32_MAX},
    {"--threads", AT(threads), 1, INT32_MAX},
    {"--precision", AT(precision), 0, INT32_MAX},
    {"--seed", AT(seed), INT64_MIN, INT64_MAX},
};

static const struct text_flag text_flags[] = {
    {"-h", AT(host)},     {"-s", AT(socket_path)}, {"-a", AT(password)},
    {"--user", AT(user)}, {"-t", AT(tests)},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void print_examples(FILE *out)
{
    fputs(" --help             Output this help and exit.\n"
          " --version          Output version and exit.\n"
          "\n"
          "Examples:\n"
          "\n"
          " Run the benchmark with the default configuration against 127.0.0.1:6379:\n"
          "   $ redis-benchmark\n"
          "\n"
          " Use 20 parallel clients, for a total of 100k requests, against 192.168.1.1:\n"
          "   $ redis-benchmark -h 192.168.1.1 -p 6379 -n 100000 -c 20\n"
          "\n"
          " Fill 127.0.0.1:6379 with about 1 million keys only using the SET test:\n"
          "   $ redis-benchmark -t set -n 1000000 -r 100000000\n"
          "\n"
          " Benchmark 127.0.0.1:6379 for a few commands producing CSV output:\n"
          "   $ redis-benchmark -t ping,set,get -n 100000 --csv\n"
          "\n"
          " Benchmark a specific command line:\n"
          "   $ redis-benchmark -r 10000 -n 10000 eval 'return redis.call(\"ping\")' 0\n"
          "\n"
          " Fill a list with 10000 random elements:\n"
          "   $ redis-benchmark -r 10000 -n 10000 lpush mylist __rand_int__\n"
          "\n"
          " On user specified command lines __rand_int__ is replaced with a random integer\n"
          " with a range of values selected by the -r option.\n",
          out);
}

static void print_help(FILE *out)
{
    fputs("Usage: redis-benchmark [OPTIONS] [COMMAND ARGS...]\n"
          "\n"
          "Options:\n"
          " -h <hostname>      Server hostname (default 127.0.0.1)\n"
          " -p <port>          Server port (default 6379)\n"
          " -s <socket>        Server socket (overrides host and port)\n"
          " -a <password>      Password for Redis Auth\n"
          " --user <username>  Used to send ACL style 'AUTH username pass'. Needs -a.\n"
          " -u <uri>           Server URI on format redis://user:password@host:port/dbnum\n"
          "                    User, password and dbnum are optional. For authentication\n"
          "                    without a username, use username 'default'. For TLS, use\n"
          "                    the scheme 'rediss'.\n"
          " -c <clients>       Number of parallel connections (default 50).\n"
          " -n <requests>      Total number of requests (default 100000)\n"
          " -d <size>          Data size of SET/GET value in bytes (default 3)\n"
          " --dbnum <db>       SELECT the specified db number (default 0)\n"
          " -3                 Start session in RESP3 protocol mode.\n"
          " --threads <num>    Number of threads that send requests (default 1).\n"
          " --cluster          Cluster mode (not supported yet).\n"
          " --enable-tracking  Send CLIENT TRACKING on before starting benchmark.\n"
          " -k <boolean>       1=keep alive 0=reconnect (default 1). When reconnecting, the\n"
          "                    latency includes connecting and the TLS handshake.\n"
          " -r <keyspacelen>   Use random keys for SET/GET/INCR, random values for SADD,\n"
          "                    random members and scores for ZADD.\n"
          "                    Using this option the benchmark will expand the string\n"
          "                    __rand_int__ inside an argument with a 12 digits number in\n"
          "                    the specified range from 0 to keyspacelen-1. The\n"
          "                    substitution changes every time a command is executed.\n"
          "                    Default tests use this to hit random keys in the specified\n"
          "                    range.\n"
          "                    Note: If -r is omitted, all commands in a benchmark will\n"
          "                    use the same key.\n"
          " -P <numreq>        Pipeline <numreq> requests. Default 1 (no pipeline).\n"
          " -q                 Quiet. Just show query/sec values\n"
          " --precision        Number of decimal places to display in latency output "
          "(default 3)\n"
          " --csv              Output in CSV format\n"
          " -l                 Loop. Run the tests forever\n"
          " -t <tests>         Only run the comma separated list of tests. The test\n"
          "                    names are the same as the ones produced as output.\n"
          "                    The -t option is ignored if a specific command is supplied\n"
          "                    on the command line.\n"
          " -I                 Idle mode. Just open N idle connections and wait.\n"
          " -x                 Read last argument from STDIN.\n"
          " --seed <num>       Set the seed for random number generator. Default seed is\n"
          "                    based on time.\n"
          " --show-server-errors Go on when the server replies with errors, and show them\n"
          "                    (at most one a second); without it the first one ends the\n"
          "                    benchmark.\n",
          out);
    fputs(tls_flags_help(), out);
    print_examples(out);
}

__attribute__((noreturn)) static void refuse(const char *argument)
{
    printf("Invalid option \"%s\" or option argument missing\n\n", argument);
    print_help(stdout);
    exit(1);
}

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

/* -- one flag: each returns how many arguments it took, 0 when it is another's -- */

static int take_switch(struct options *options, const char *name)
{
    for (size_t i = 0; i < COUNT(switch_flags); i++) {
        if (strcmp(name, switch_flags[i].name) != 0)
            continue;
        memcpy((char *)options + switch_flags[i].offset, &switch_flags[i].value, sizeof(bool));
        return 1;
    }
    return 0;
}

static int take_number(struct options *options, const char *name, const char *value)
{
    for (size_t i = 0; i < COUNT(number_flags); i++) {
        const struct number_flag *flag = &number_flags[i];
        if (strcmp(name, flag->name) != 0)
            continue;
        int64_t number;
        if (!value)
            refuse(name);
        if (!number_parse_i64(bytes_of_text(value), &number))
            die("%s: \"%s\" is not a number", name, value);
        if (number < flag->min || number > flag->max)
            die("%s: %lld is out of range (%lld to %lld)", name, (long long)number,
                (long long)flag->min, (long long)flag->max);
        memcpy((char *)options + flag->offset, &number, sizeof(number));
        options->has_random_keys |= flag->offset == AT(key_space);
        return 2;
    }
    return 0;
}

static int take_text(struct options *options, const char *name, const char *value)
{
    for (size_t i = 0; i < COUNT(text_flags); i++) {
        if (strcmp(name, text_flags[i].name) != 0)
            continue;
        if (!value)
            refuse(name);
        memcpy((char *)options + text_flags[i].offset, &value, sizeof(value));
        return 2;
    }
    return 0;
}

static int take_uri(struct options *options, const char *name, const char *value)
{
    if (strcmp(name, "-u") != 0)
        return 0;
    if (!value)
        refuse(name);
    char error[128];
    uri_deinit(&options->uri);
    if (uri_parse(value, &options->uri, error, sizeof(error)) != 0)
        die("%s", error);
    const struct uri *uri = &options->uri;
    options->tls.is_enabled |= uri->is_tls;
    options->user = uri->user ? uri->user : options->user;
    options->password = uri->password ? uri->password : options->password;
    options->host = uri->host ? uri->host : options->host;
    options->port = uri->port ? uri->port : options->port;
    options->socket_path = uri->unix_path ? uri->unix_path : options->socket_path;
    options->db = uri->db >= 0 ? uri->db : options->db;
    return 2;
}

static int take_special(struct options *options, const char *name, const char *value)
{
    if (strcmp(name, "--help") == 0) {
        print_help(stdout);
        exit(0);
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-v") == 0) {
        printf("redis-benchmark %s\n", REDIS_VERSION);
        exit(0);
    }
    if (strcmp(name, "--cluster") == 0)
        die("--cluster is not supported yet");
    if (strcmp(name, "-e") == 0) {
        fprintf(stderr, "WARNING: -e option has no effect. "
                        "We now immediately exit on error to avoid false results.\n");
        return 1;
    }
    if (strcmp(name, "-k") == 0) {
        if (!value)
            refuse(name);
        options->is_keep_alive = strcmp(value, "0") != 0;
        return 2;
    }
    return take_uri(options, name, value);
}

/* Looks at argv[index]; ends the process when no flag takes it. */
static int take_flag(struct options *options, int argc, char **argv, int index)
{
    const char *name = argv[index];
    const char *value = index + 1 < argc ? argv[index + 1] : NULL;
    int taken = take_switch(options, name);
    if (!taken)
        taken = take_number(options, name, value);
    if (!taken)
        taken = take_text(options, name, value);
    if (!taken)
        taken = tls_flags_take(&options->tls, argc, argv, index);
    if (!taken)
        taken = take_special(options, name, value);
    if (taken <= 0)
        refuse(name);
    return taken;
}

static void check(struct options *options)
{
    if (options->user && !options->password)
        die("--user needs a password: give it with -a");
    if (options->threads > BENCHMARK_THREADS_MAX) {
        fprintf(stderr, "WARNING: Too many threads, limiting threads to %d.\n",
                BENCHMARK_THREADS_MAX);
        options->threads = BENCHMARK_THREADS_MAX;
    }
    if (options->threads > options->clients)
        options->threads = options->clients;
    if (options->precision > BENCHMARK_PRECISION_MAX)
        options->precision = BENCHMARK_PRECISION_MAX;
    if (!options->is_keep_alive)
        fprintf(stderr, "WARNING: Keepalive disabled, you probably need "
                        "'echo 1 > /proc/sys/net/ipv4/tcp_tw_reuse' for Linux in order "
                        "to use a lot of clients/requests\n");
}

void options_parse(struct options *options, int argc, char **argv)
{
    *options = (struct options){.host = "127.0.0.1",
                                .port = 6379,
                                .uri = {.db = -1},
                                .clients = 50,
                                .requests = 100000,
                                .data_size = 3,
                                .pipeline = 1,
                                .precision = 3,
                                .is_keep_alive = true};
    int index = 1;
    while (index < argc && argv[index][0] == '-')
        index += take_flag(options, argc, argv, index);
    options->command_argc = argc - index;
    options->command_argv = argv + index;
    check(options);
}

void options_deinit(struct options *options)
{
    uri_deinit(&options->uri);
}

bool options_test_is_selected(const struct options *options, const char *name)
{
    if (!options->tests)
        return true;
    size_t size = strlen(name);
    for (const char *test = options->tests; *test;) {
        size_t test_size = strcspn(test, ",");
        if (test_size == size && strncasecmp(test, name, size) == 0)
            return true;
        test += test_size;
        test += *test == ',';
    }
    return false;
}

void options_format_target(const struct options *options, char *text, size_t size)
{
    if (options->socket_path)
        snprintf(text, size, "%s", options->socket_path);
    else
        snprintf(text, size, "%s:%lld", options->host, (long long)options->port);
}
