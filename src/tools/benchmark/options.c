/* See options.h. The flags are those of Redis 8.0's redis-benchmark: two tables (flags that are
 * alone, flags with a number) and a few with a meaning of their own; and flags that shape the load,
 * which are this program's. */
#include "tools/benchmark/options.h"

#include "base/bytes.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/version.h"
#include "tools/benchmark/usage.h"
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
    bool is_bounded; /* as Redis does: what is out of range becomes its end */
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
    {"--keep-handshake-out", AT(keeps_handshake_out), true},
};

static const struct number_flag number_flags[] = {
    {"-p", AT(port), 1, UINT16_MAX, false},
    {"-c", AT(clients), 1, 1000000, false},
    {"-n", AT(requests), 1, INT64_MAX / 2, false},
    {"-d", AT(data_size), 1, BENCHMARK_DATA_SIZE_MAX, true},
    {"-P", AT(pipeline), 1, 1000000, true},
    {"-r", AT(key_space), 0, INT64_MAX, true},
    {"--dbnum", AT(db), 0, INT32_MAX, false},
    {"--threads", AT(threads), 0, INT32_MAX, true},
    {"--precision", AT(precision), 0, INT32_MAX, true},
    {"--seed", AT(seed), INT64_MIN, INT64_MAX, false},
    {"--rps", AT(rps), 1, 100000000, false},
};

static const struct text_flag text_flags[] = {
    {"-h", AT(host)},  {"-s", AT(socket_path)},   {"-a", AT(password)},    {"--user", AT(user)},
    {"-t", AT(tests)}, {"--json", AT(json_path)}, {"--hdr", AT(hdr_path)},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

__attribute__((noreturn)) static void refuse(const char *argument)
{
    printf("Invalid option \"%s\" or option argument missing\n\n", argument);
    usage_print(stdout);
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
        if (flag->is_bounded)
            number = number < flag->min ? flag->min : number > flag->max ? flag->max : number;
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

void options_apply_uri(struct options *options, const char *text)
{
    char error[128];
    uri_deinit(&options->uri);
    if (uri_parse(text, &options->uri, error, sizeof(error)) != 0)
        die("%s", error);
    const struct uri *uri = &options->uri;
    options->tls.is_enabled |= uri->is_tls;
    options->user = uri->user ? uri->user : options->user;
    options->password = uri->password ? uri->password : options->password;
    options->host = uri->host ? uri->host : options->host;
    options->port = uri->port ? uri->port : options->port;
    options->socket_path = uri->unix_path ? uri->unix_path : options->socket_path;
    options->db = uri->db >= 0 ? uri->db : options->db;
}

static int take_uri(struct options *options, const char *name, const char *value)
{
    if (strcmp(name, "-u") != 0)
        return 0;
    if (!value)
        refuse(name);
    options_apply_uri(options, value);
    return 2;
}

/* -- the shape of the load -- */

/* "2", "2s", "0.5", "500ms", in microseconds; 0 when it is none of these. *has_unit may be NULL. */
static int64_t parse_time(const char *text, bool *has_unit)
{
    char *end;
    double number = strtod(text, &end);
    bool is_number = end != text && (text[0] == '.' || (text[0] >= '0' && text[0] <= '9'));
    if (has_unit)
        *has_unit = *end != '\0';
    double unit = *end == '\0' || strcmp(end, "s") == 0 ? 1e6 : strcmp(end, "ms") == 0 ? 1e3 : 0;
    number *= unit;
    return is_number && number >= 1 && number < 1e15 ? (int64_t)number : 0;
}

static bool take_duration(struct options *options, const char *value)
{
    options->duration_us = parse_time(value, NULL);
    if (options->duration_us == 0)
        die("--duration: \"%s\" is not a time (2, 0.5, 2s or 500ms)", value);
    return true;
}

static bool take_warmup(struct options *options, const char *value)
{
    bool has_unit = false;
    int64_t time_us = parse_time(value, &has_unit);
    options->warmup_us = has_unit ? time_us : 0;
    options->warmup_requests = 0;
    if (!has_unit && (!number_parse_i64(bytes_of_text(value), &options->warmup_requests) ||
                      options->warmup_requests < 1))
        time_us = 0;
    if (time_us == 0)
        die("--warmup: \"%s\" is neither a time (2s, 500ms) nor a number of requests (1000)",
            value);
    return true;
}

/* "A:B" or "A-B". */
static bool parse_pair(const char *text, char separator, int64_t *first, int64_t *second)
{
    const char *middle = strchr(text, separator);
    return middle && number_parse_i64(bytes_of(text, (size_t)(middle - text)), first) &&
           number_parse_i64(bytes_of_text(middle + 1), second);
}

static bool take_ratio(struct options *options, const char *value)
{
    int64_t sets;
    int64_t gets;
    if (!parse_pair(value, ':', &sets, &gets) || sets < 0 || gets < 0)
        die("--ratio: \"%s\" is not of the form SETS:GETS, as 1:10", value);
    if (sets + gets < 1 || sets > BENCHMARK_RATIO_MAX || gets > BENCHMARK_RATIO_MAX)
        die("--ratio: \"%s\" is out of range (1 to %d of one kind at least)", value,
            BENCHMARK_RATIO_MAX);
    options->ratio_sets = sets;
    options->ratio_gets = gets;
    return true;
}

static bool take_key_pattern(struct options *options, const char *value)
{
    static const char *const names[] = {"random", "sequential", "gaussian"};
    for (int i = 0; i < 3; i++) {
        bool is_letter = value[0] - 'A' + 'a' == names[i][0] && !value[1];
        if (is_letter || strcasecmp(value, names[i]) == 0) {
            options->key_pattern = (enum key_pattern)i;
            options->has_key_pattern = true;
            return true;
        }
    }
    die("--key-pattern: \"%s\" is not one of random, sequential, gaussian", value);
}

static bool take_data_size_range(struct options *options, const char *value)
{
    int64_t min;
    int64_t max;
    if (!parse_pair(value, '-', &min, &max))
        die("--data-size-range: \"%s\" is not of the form MIN-MAX, as 10-1000", value);
    if (min < 1 || max < min || max > BENCHMARK_DATA_SIZE_MAX)
        die("--data-size-range: \"%s\" is out of range (1 to %d, the smaller number first)", value,
            BENCHMARK_DATA_SIZE_MAX);
    options->data_size_min = min;
    options->data_size_max = max;
    return true;
}

static const struct {
    const char *name;
    bool (*take)(struct options *options, const char *value);
} shape_flags[] = {
    {"--duration", take_duration},
    {"--warmup", take_warmup},
    {"--ratio", take_ratio},
    {"--key-pattern", take_key_pattern},
    {"--data-size-range", take_data_size_range},
};

static int take_shape(struct options *options, const char *name, const char *value)
{
    for (size_t i = 0; i < COUNT(shape_flags); i++) {
        if (strcmp(name, shape_flags[i].name) != 0)
            continue;
        if (!value)
            refuse(name);
        shape_flags[i].take(options, value);
        return 2;
    }
    if (strcmp(name, "--handshakes") != 0)
        return 0;
    bool is_resumed = value && strcmp(value, "resumed") == 0;
    options->handshakes = is_resumed ? HANDSHAKES_RESUMED : HANDSHAKES_FULL;
    return is_resumed || (value && strcmp(value, "full") == 0) ? 2 : 1;
}

static int take_compare(struct options *options, int argc, char **argv, int index)
{
    if (strcmp(argv[index], "--compare") != 0)
        return 0;
    if (index + 2 >= argc)
        die("--compare needs two targets, as redis://127.0.0.1:6379 rediss://127.0.0.1:6380");
    options->compare[0] = argv[index + 1];
    options->compare[1] = argv[index + 2];
    return 3;
}

static int take_special(struct options *options, const char *name, const char *value)
{
    if (strcmp(name, "--help") == 0) {
        usage_print(stdout);
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
        taken = take_shape(options, name, value);
    if (!taken)
        taken = take_compare(options, argc, argv, index);
    if (!taken)
        taken = take_special(options, name, value);
    if (taken <= 0)
        refuse(name);
    return taken;
}

/* Flags that do not go together. */
static void check_shape(const struct options *options)
{
    bool has_ratio = options->ratio_sets + options->ratio_gets > 0;
    bool has_command = options->command_argc > 0;
    if (options->has_key_pattern && !options->has_random_keys)
        die("--key-pattern needs a range of keys: give it with -r");
    if (has_ratio && (has_command || options->tests))
        die("--ratio is a test of its own: it goes with neither -t nor a command");
    if (options->data_size_max > 0 && has_command)
        die("--data-size-range is for --ratio and the built-in tests, not for a command");
    if (options->keeps_handshake_out && options->is_keep_alive)
        die("--keep-handshake-out is for connections made anew: it needs -k 0");
    if (options->handshakes && (has_command || has_ratio || options->tests))
        die("--handshakes is a test of its own: it goes with neither -t nor --ratio nor a command");
    if (options->handshakes && (options->pipeline > 1 || options->keeps_handshake_out))
        die("--handshakes goes with neither -P nor --keep-handshake-out");
    if (options->handshakes == HANDSHAKES_RESUMED && !options->tls.is_enabled &&
        !options->compare[0])
        die("--handshakes resumed needs --tls");
    if (options->compare[0] && (options->is_idle || options->reads_stdin))
        die("--compare goes with neither -I nor -x");
    if (options->is_looping && (options->json_path || options->hdr_path))
        die("-l never ends: it goes with neither --json nor --hdr");
}

static void check(struct options *options)
{
    check_shape(options);
    if (options->handshakes)
        options->is_keep_alive = false;
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
    if (options->tests && options->command_argc > 0)
        fprintf(stderr, "WARNING: Option -t is ignored.\n");
    if (!options->is_keep_alive && !options->handshakes)
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
    options->reads_stdin &= options->command_argc > 0; /* the last argument of none */
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
